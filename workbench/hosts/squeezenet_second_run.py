"""SqueezeNet 1.1 again: the architecture of `squeezenet.py`, another training run.

Paper    Iandola et al. 2016, arXiv 1602.07360
Weights  github.com/fujunwei/webnn-samples, commit ae2715a3, folder
         test-data/models/squeezenet1.1_nchw: the MXNet / ONNX zoo's, one .npy a tensor
Licence  Apache License 2.0
Input    RGB, 224 x 224, (x / 255 - mean) / deviation of ImageNet
Output   logits of 1000 classes in alphabetical order of their WordNet ids
Note     another training run: unit numbers are not those of `squeezenet`
"""

from pathlib import Path

from torch import Tensor

from workbench.hosts import squeezenet
from workbench.hosts.input import PictureInput
from workbench.hosts.numpy_files import DEVIATION_RGB, MEAN_RGB, only_from_files, published, tensors
from workbench.hosts.recipe import Recipe, sites_of

NAME = "squeezenet_second_run"
SOURCE = "github.com/fujunwei/webnn-samples, commit ae2715a3"
FINGERPRINT = "adfb94b72a86b906d75cc7602828edda93c6f491fc23e366a4de6f3b8c741aaa"

# As in squeezenet.py, on pictures that are three pixels smaller.
SITES = sites_of(
    (
        ("conv1", 64, 111, 2, 1),
        ("fire2", 128, 55, 4, 3),
        ("fire3", 128, 55, 4, 3),
        ("fire4", 256, 27, 8, 7),
        ("fire5", 256, 27, 8, 7),
        ("fire6", 384, 13, 16, 15),
        ("fire7", 384, 13, 16, 15),
        ("fire8", 512, 13, 16, 15),
        ("fire9", 512, 13, 16, 15),
    )
)
FIRE = ("squeeze1x1", "expand1x1", "expand3x3")


def layer(index: int) -> str:
    """The layer of the dump's convolution of that number.

    0 is the first, then come three for each of fire2 to fire9, and 25 is the last.
    """
    if index in (0, 25):
        return "conv1" if index == 0 else "conv10"
    return f"fire{2 + (index - 1) // 3}.{FIRE[(index - 1) % 3]}"


def convert(directory: Path) -> dict[str, Tensor]:
    """`squeezenet0_conv2_weight.npy` becomes `fire2.expand1x1.weight`; both are `out in kh kw`."""
    state = {}
    for name, tensor in tensors(directory, published(NAME)).items():
        convolution, kind = name.removeprefix("squeezenet0_conv").split("_")
        state[f"{layer(int(convolution))}.{kind}"] = tensor
    return state


RECIPE = Recipe(
    name=NAME,
    source=SOURCE,
    licence="Apache-2.0",
    fingerprint=FINGERPRINT,
    files=published(NAME),
    input=PictureInput(size_px=224, mean_rgb=MEAN_RGB, scale_rgb=DEVIATION_RGB),
    sites=SITES,
    build=squeezenet.build,
    convert=convert,
    classes=squeezenet.classes,
    fetch=only_from_files(NAME, SOURCE),
)
