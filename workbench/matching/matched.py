"""Trained units matched with units of a family, and responses brought to one grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from workbench.compiler import HandwrittenCircuit
from workbench.compiler.respond import Cells, HostActivations
from workbench.matching.nearest import Nearest
from workbench.splice.calibrate import derangement
from workbench.splice.conditions import scaled
from workbench.splice.link import RELU, Link

# Responses `n unit h w`, and their (rows, columns).
GriddedResponse = tuple[Tensor, tuple[Cells, Cells]]


@dataclass(frozen=True)
class Matched:
    """The units of a site that correspond to a family.

    units  their channels
    poses  the index of the family unit that each corresponds to
    wrong  the index of another unit of the family, for each
    """

    family: str
    site: str
    units: Int[np.ndarray, " unit"]
    poses: Int[np.ndarray, " unit"]
    wrong: Int[np.ndarray, " unit"]

    @property
    def facts(self) -> str:
        """All of it as text."""
        columns = (self.units, self.poses, self.wrong)
        return " ".join([self.family, self.site, *(str(column.tolist()) for column in columns)])


def matched(
    circuit: HandwrittenCircuit, nearest: Mapping[str, Nearest], seed: int
) -> list[Matched]:
    """The units that correspond, by family and site.

    `wrong` permutes the units of each family with none left in its place (the only unit of a
    family has no wrong one).
    """
    pairs = []
    for i, layer in enumerate(circuit.layers):
        moved = derangement(len(layer.units), seed).numpy()
        for site, match in nearest.items():
            units = np.flatnonzero(match.corresponds & (match.family == i))
            if len(units):
                poses = match.pose[units]
                pairs.append(Matched(layer.family, site, units, poses, moved[poses]))
    return pairs


def on_one_grid(
    a: GriddedResponse, b: GriddedResponse
) -> tuple[Float[Tensor, "n unit h w"], Float[Tensor, "n unit h w"]]:
    """Both responses on the cells of the coarser grid.

    A finer response becomes the highest within half a coarse cell to each side.
    """
    (first, cells), (second, others) = a, b
    if cells[0].stride_px > others[0].stride_px:
        return first, onto(second, others, cells)
    return onto(first, cells, others), second


def onto(
    value: Float[Tensor, "n unit h w"], cells: tuple[Cells, Cells], wanted: tuple[Cells, Cells]
) -> Float[Tensor, "n unit h2 w2"]:
    """A response on `cells`, brought to the `wanted` cells.

    It becomes the highest within half a wanted cell to each side, or the nearest of coarser cells.
    """
    half = wanted[0].stride_px // (2 * cells[0].stride_px)
    pooled = F.max_pool2d(value, 2 * half + 1, 1, half) if half else value
    rows, columns = (_nearest(mine, theirs) for mine, theirs in zip(cells, wanted, strict=True))
    return pooled[:, :, rows[:, None], columns[None, :]]


def _nearest(cells: Cells, wanted: Cells) -> Int[Tensor, " cell"]:
    at_px = wanted.offset_px + wanted.stride_px * torch.arange(wanted.count)
    return torch.round((at_px - cells.offset_px) / cells.stride_px).long().clamp(0, cells.count - 1)


@dataclass(frozen=True)
class CalibratedUnits:
    """Units of a family, with gain and bias.

    They give each the mean and the spread of a trained unit.
    """

    family: str
    poses: Sequence[int]
    gain: Float[Tensor, " unit"]
    bias: Float[Tensor, " unit"]
    link: Link = RELU

    def __call__(self, responses: HostActivations) -> GriddedResponse:
        """Their activation, on the family's own cells and in the host's activation units."""
        value, cells = responses[self.family]
        return scaled(self.link, self.gain, self.bias, value[:, list(self.poses)]), cells
