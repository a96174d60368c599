"""ResNet-50 v2, the trunk up to stage 3: a host without an output.

Paper    He et al. 2016, "Identity Mappings in Deep Residual Networks", arXiv 1603.05027
Weights  github.com/fujunwei/webnn-samples, commit ae2715a3, folder
         test-data/models/resnet50v2_nchw: the MXNet / ONNX zoo's, one .npy a tensor
Licence  Apache License 2.0
Input    RGB, 224 x 224, (x / 255 - mean) / deviation of ImageNet
Note     a norm comes before the first convolution, so zero padding corresponds to RGB 115, 109, 96
         there, 8 below the mean that circuits pad with
Output   none: stage 4 and the classifier are not available. `network(x)` gives the features of
         stage 3, which are not compared
Sites    after each ReLU of a unit: `input`, the sum of all units of the stage so far; `reduced`;
         `spatial`, after the 3x3 convolution
"""

import re
from pathlib import Path

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from workbench.hosts.input import PictureInput
from workbench.hosts.numpy_files import DEVIATION_RGB, MEAN_RGB, only_from_files, published, tensors
from workbench.hosts.recipe import Recipe, sites_of

NAME = "resnet50v2_trunk"
SOURCE = "github.com/fujunwei/webnn-samples, commit ae2715a3"
FINGERPRINT = "a46e7f2b01fa8c9f05b56d9bfcdf4f24cdb382b861f8e896a7108ef2185698da"

UNITS = (3, 4, 6)  # of stages 1, 2 and 3
REDUCED = (64, 128, 256)  # channels within a stage's units; four times as many between them


class NormRelu(nn.BatchNorm2d):
    """Batch norm, then ReLU."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Normed and rectified."""
        return F.relu_(super().forward(x))


class Unit(nn.Module):
    """A bottleneck that norms before it convolves.

    The shortcut of a stage's first unit is a convolution; that of the others passes the input on.
    """

    def __init__(self, inputs: int, reduced: int, stride: int, first: bool):
        super().__init__()
        self.input = NormRelu(inputs)
        self.conv_reduced = nn.Conv2d(inputs, reduced, 1, bias=False)
        self.reduced = NormRelu(reduced)
        self.conv_spatial = nn.Conv2d(reduced, reduced, 3, stride, padding=1, bias=False)
        self.spatial = NormRelu(reduced)
        self.conv_output = nn.Conv2d(reduced, 4 * reduced, 1, bias=False)
        self.shortcut = nn.Conv2d(inputs, 4 * reduced, 1, stride, bias=False) if first else None

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        """The bottleneck's output, added to the shortcut's."""
        normed = self.input(x)
        spatial = self.spatial(self.conv_spatial(self.reduced(self.conv_reduced(normed))))
        return self.conv_output(spatial) + (x if self.shortcut is None else self.shortcut(normed))


def units() -> dict[str, tuple[int, int, int, bool]]:
    """Each unit's name and arguments.

    These are channels in, channels within, stride of its 3x3 convolution, and whether it is its
    stage's first.
    """
    arguments, inputs = {}, 64
    for stage, (count, reduced) in enumerate(zip(UNITS, REDUCED, strict=True), 1):
        for unit in range(1, count + 1):
            arguments[f"stage{stage}_unit{unit}"] = (
                inputs,
                reduced,
                2 if unit == 1 and stage > 1 else 1,
                unit == 1,
            )
            inputs = 4 * reduced
    return arguments


def _rows() -> tuple[tuple[str, int, int, int, int], ...]:
    """Name, channels, height and width, stride_px, offset_px.

    Padding is the same on all sides of a kernel of odd size, so the first cell is always centred on
    the first pixel.
    """
    rows, side = [("relu", 64, 112, 2, 0)], 56
    for name, (inputs, reduced, stride, _) in units().items():
        rows += [
            (f"{name}.input", inputs, side, 224 // side, 0),
            (f"{name}.reduced", reduced, side, 224 // side, 0),
        ]
        side //= stride
        rows.append((f"{name}.spatial", reduced, side, 224 // side, 0))
    return tuple(rows)


def build() -> nn.Sequential:
    """The trunk without weights: pictures `n 3 224 224` to features `n 1024 14 14`."""
    network = nn.Sequential()
    network.add_module("norm", nn.BatchNorm2d(3))
    network.add_module("conv", nn.Conv2d(3, 64, 7, 2, padding=3, bias=False))
    network.add_module("relu", NormRelu(64))
    network.add_module("maxpool", nn.MaxPool2d(3, 2, padding=1))
    for name, arguments in units().items():
        network.add_module(name, Unit(*arguments))
    return network


PARTS = {
    "gamma": "weight",
    "beta": "bias",
    "running_mean": "running_mean",
    "running_var": "running_var",
    "weight": "weight",
}
TRUNK = {"batchnorm0": "norm", "conv0": "conv", "batchnorm1": "relu"}


def convert(directory: Path) -> dict[str, Tensor]:
    """`resnetv24_stage2_conv1_weight.npy` becomes `stage2_unit1.conv_spatial.weight`."""
    state = {}
    for name, tensor in tensors(directory, published(NAME)).items():
        layer, part = re.split(r"(?<=\d)_(?=[a-z_]+$)", name.removeprefix("resnetv24_"))
        state[f"{TRUNK.get(layer) or _module(*layer.split('_'))}.{PARTS[part]}"] = tensor
    return state


def _module(stage: str, layer: str) -> str:
    """The submodule of a layer of the dump.

    A stage's first unit has four convolutions, of which the last is the shortcut; every other unit
    has three. Each unit has three norms.
    """
    kind = layer.rstrip("0123456789")
    number = int(layer.removeprefix(kind))
    if kind == "conv" and number < 4:
        return (
            f"{stage}_unit1.{('conv_reduced', 'conv_spatial', 'conv_output', 'shortcut')[number]}"
        )
    parts = (
        ("conv_reduced", "conv_spatial", "conv_output")
        if kind == "conv"
        else ("input", "reduced", "spatial")
    )
    unit, part = divmod(number - 1 if kind == "conv" else number, 3)
    return f"{stage}_unit{unit + 1}.{parts[part]}"


RECIPE = Recipe(
    name=NAME,
    source=SOURCE,
    licence="Apache-2.0",
    fingerprint=FINGERPRINT,
    files=published(NAME),
    input=PictureInput(size_px=224, mean_rgb=MEAN_RGB, scale_rgb=DEVIATION_RGB),
    sites=sites_of(_rows()),
    build=build,
    convert=convert,
    classes=lambda directory: (),
    fetch=only_from_files(NAME, SOURCE),
    has_output=False,
)
