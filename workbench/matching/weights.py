"""Trained and handwritten weights from one family's units to another's, on one grid.

The trained weights are *expanded*: through a bottleneck, the sum of the products over its channels
(`splice.edit.bottleneck_weights`), as if its ReLUs were open. A max pool or a normalisation between
the two sites is taken for the identity on the coarser grid. So these are the weights of a
linearised path; what ReLUs, pools and normalisation do on a picture is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from workbench.compiler.circuit import Layer
from workbench.hosts.branches import CHANNELS_APART, branches
from workbench.hosts.host import Host
from workbench.splice.edit import bottleneck_weights
from workbench.theory.poses import Units


@dataclass(frozen=True)
class ConstantWeights:
    """A theory's weights with one of its constants at 1 and the others at 0.

    low, high  the range that the constant may be in
    """

    weights: Float[ndarray, "down up kh kw"]
    low: float
    high: float


@dataclass(frozen=True)
class FamilyWeights:
    """All weights from the units of one family to those of another, `down up kh kw`.

    The kernel of each downstream unit is centred on that unit. Each weight is multiplied by the
    response of its upstream unit to that unit's ideal stimulus, so that it is what the unit adds
    to a drive, however strongly it responds. The trained weights are in the host's activation
    units, the theory's in units of the downstream family's own ideal drive.

    families  downstream, then upstream; `sites` in the same order
    step_px   input pixels from tap to tap
    pooled    whether a pool lies between the sites, so that both are on the grid after it
    share     these weights' part of the sum of squares of all expanded weights to these downstream
              units
    parts     the weights of each constant that the theory's weights are linear in
    turns     whether turning can predict these weights: the upstream units differ in direction and
              place alone
    """

    families: tuple[str, str]
    sites: tuple[str, str]
    downstream: Units
    upstream: Units
    trained: Float[ndarray, "down up kh kw"]
    theory: Float[ndarray, "down up kh kw"]
    step_px: int
    pooled: bool
    share: float
    parts: Sequence[ConstantWeights] = ()
    turns: bool = True


def expanded(
    host: Host, upstream: str, site: str, units: Sequence[int]
) -> Float[Tensor, "unit c kh kw"]:
    """Every weight from the channels of one site to units of the next, through bottlenecks.

    Each kernel is centred on its unit, and all have one size. Raises WorkbenchError as `branches`.
    """
    paths = branches(host, upstream, site, units, CHANNELS_APART)
    side = max(branch.weight.shape[-1] for branch in paths)
    whole = torch.zeros(len(units), host.site(upstream).channels, side, side)
    for branch in paths:
        weight = bottleneck_weights(branch).sum(1).detach()
        whole[branch.places] = _padded(weight, side)
    return whole


def handwritten(reader: Layer, bound: Layer) -> Float[Tensor, "down up kh kw"]:
    """A handwritten family's weights from the trained units that another family is bound to.

    They are per activation of a trained unit, in the drive's own unit.
    """
    (read,) = (read for read in reader.reads if read.source == bound.family)
    (bound_read,) = bound.reads
    return read.weight * bound_read.weight.sum((1, 2, 3))[None, :, None, None] / reader.ideal


def folded(weight: Float[Tensor, "down up k k"], stride: int) -> Float[Tensor, "down up k2 k2"]:
    """Weights brought to a grid that is `stride` times coarser.

    Cell (0, 0) of both grids is at the unit. A weight between two coarse cells is divided among
    them by nearness. The sum stays the same.
    """
    reach = weight.shape[-1] // 2
    far = -(-reach // stride)  # coarse cells to each side
    line = 1 - torch.arange(1 - stride, stride, dtype=weight.dtype).abs() / stride
    pad = stride * far + stride - 1 - reach
    return F.conv2d(
        F.pad(weight.flatten(0, 1)[:, None], (pad,) * 4),
        torch.outer(line, line)[None, None],
        stride=stride,
    ).view(*weight.shape[:2], 2 * far + 1, 2 * far + 1)


def of_one_size(*weights: Float[Tensor, "down up k k"]) -> list[Float[Tensor, "down up k2 k2"]]:
    """Kernels about the same middle, the smaller ones padded with zeros."""
    side = max(weight.shape[-1] for weight in weights)
    return [_padded(weight, side) for weight in weights]


def _padded(weight: Tensor, side: int) -> Tensor:
    return F.pad(weight, ((side - weight.shape[-1]) // 2,) * 4)
