"""InceptionV1 (GoogLeNet), the reference model that Google released in 2015.

Paper    Szegedy et al. 2014, "Going Deeper with Convolutions", arXiv 1409.4842
Weights  github.com/soumith/inception.torch, folder dump/: one HDF5 file a tensor, from the Caffe2
         release in github.com/google/inception
Licence  Apache License 2.0
Input    RGB, 224 x 224, 0..255 minus 117, no scaling
Output   logits of 1008 classes; output i is line i+1 of synsets.txt, of which 1 to 1000 are the
         ImageNet classes
Note     another training run than TensorFlow's inception5h, which Lucid and the Distill Circuits
         thread use: unit numbers differ
"""

import os
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor, nn

from workbench.hosts.hdf5 import datasets
from workbench.hosts.inception_blocks import ConvRelu, LocalResponseNorm, MaxPoolSame, Mixed
from workbench.hosts.input import PictureInput
from workbench.hosts.recipe import Recipe, sites_of

SOURCE = "github.com/soumith/inception.torch"
# The tensors lie in dump/. Every file is checked by hash, so the branch may move without harm.
URL = "https://raw.githubusercontent.com/soumith/inception.torch/master"
URL_VARIABLE = "WORKBENCH_INCEPTIONV1_URL"
FOLDERS = ("dump/", "")
FINGERPRINT = "e66a13323eb1e467cd06bdbc8e75565fe82c427be7d929e6b086e2d7568d7336"

MEAN = 117.0
CLASSES = 1008

# name, channels, height and width, stride_px, offset_px. SAME padding of an even size at stride 2
# puts the odd row at the bottom and right, so each halving moves the first cell's centre by half
# the new stride, less one pixel.
SITES = sites_of(
    (
        ("conv2d0", 64, 112, 2, 1),
        ("conv2d1", 64, 56, 4, 3),
        ("conv2d2", 192, 56, 4, 3),
        ("mixed3a", 256, 28, 8, 7),
        ("mixed3b", 480, 28, 8, 7),
        ("mixed4a", 508, 14, 16, 15),
        ("mixed4b", 512, 14, 16, 15),
        ("mixed4c", 512, 14, 16, 15),
        ("mixed4d", 528, 14, 16, 15),
        ("mixed4e", 832, 14, 16, 15),
        ("mixed5a", 832, 7, 32, 31),
        ("mixed5b", 1024, 7, 32, 31),
    )
)

# Channels of each block: in, 1x1, 3x3_bottleneck, 3x3, 5x5_bottleneck, 5x5, pool_reduce.
MIXED = {
    "mixed3a": (192, 64, 96, 128, 16, 32, 32),
    "mixed3b": (256, 128, 128, 192, 32, 96, 64),
    "mixed4a": (480, 192, 96, 204, 16, 48, 64),
    "mixed4b": (508, 160, 112, 224, 24, 64, 64),
    "mixed4c": (512, 128, 128, 256, 24, 64, 64),
    "mixed4d": (512, 112, 144, 288, 32, 64, 64),
    "mixed4e": (528, 256, 160, 320, 32, 128, 128),
    "mixed5a": (832, 256, 160, 320, 48, 128, 128),
    "mixed5b": (832, 384, 192, 384, 48, 128, 128),
}


def build() -> nn.Sequential:
    """The network without weights: pictures `n 3 224 224` to logits `n 1008`."""
    network = nn.Sequential()

    def stage(name: str, module: nn.Module) -> None:
        network.add_module(name, module)

    stage("conv2d0", ConvRelu(3, 64, 7, stride=2))
    stage("maxpool0", MaxPoolSame())
    stage("lrn0", LocalResponseNorm())
    stage("conv2d1", ConvRelu(64, 64, 1))
    stage("conv2d2", ConvRelu(64, 192, 3))
    stage("lrn1", LocalResponseNorm())
    stage("maxpool1", MaxPoolSame())
    for name, channels in MIXED.items():
        if name in ("mixed4a", "mixed5a"):
            stage(f"maxpool{name[5]}", MaxPoolSame())
        stage(name, Mixed(*channels))
    stage("avgpool", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    stage("softmax2", nn.Linear(1024, CLASSES))
    return network


def published_files() -> dict[str, str]:
    """SHA-256 of every file of the dump by name (the lines of inceptionv1.sha256)."""
    lines = resources.files(__package__).joinpath("inceptionv1.sha256").read_text().splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def convert(directory: Path) -> dict[str, Tensor]:
    """The dump as a state dict.

    `mixed3a_1x1_w` (`out kh kw in`) becomes `mixed3a.1x1.weight` (`out in kh kw`).
    """
    state = {}
    for file in published_files():
        stem = Path(file).stem
        if not file.endswith(".h5"):
            continue
        name, kind = stem.rsplit("_", 1)
        tensor = torch.from_numpy(datasets(directory / file)[stem])
        if kind == "w":
            tensor = tensor.flatten(1) if name == "softmax2" else tensor.permute(0, 3, 1, 2)
        state[name.replace("_", ".", 1) + (".weight" if kind == "w" else ".bias")] = (
            tensor.contiguous()
        )
    return state


def classes(directory: Path) -> tuple[str, ...]:
    """WordNet ids by output index, as the file has them.

    Outputs 0 ("?????????") and 1001 to 1007 are dummies that no label names.
    """
    lines = (directory / "synsets.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line.split(maxsplit=1)[0] for line in lines[:CLASSES])


def fetch(directory: Path) -> None:
    """Fetch the dump's files from the public repository, or from WORKBENCH_INCEPTIONV1_URL."""
    from workbench.hosts import download  # here: loading a host needs no libraries of the network

    download.fetch_files(os.environ.get(URL_VARIABLE, URL), FOLDERS, published_files(), directory)


RECIPE = Recipe(
    name="inceptionv1",
    source=SOURCE,
    licence="Apache-2.0",
    fingerprint=FINGERPRINT,
    files=published_files(),
    input=PictureInput(size_px=224, mean_rgb=(MEAN, MEAN, MEAN)),
    sites=SITES,
    build=build,
    convert=convert,
    classes=classes,
    fetch=fetch,
)
