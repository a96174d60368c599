"""Trained units beside the family units that they correspond to, and beside wrong ones, on photographs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.families import families
from workbench.compiler.respond import Cells, cells_of
from workbench.evaluate.journal import Journal
from workbench.evaluate.matching import Nearest
from workbench.evaluate.run import BATCH, Progress, streamed
from workbench.evaluate.statistics import unit_statistics
from workbench.hosts.host import Host
from workbench.pictures import Picture, batch
from workbench.splice.calibrate import derangement

Said = tuple[Tensor, tuple[Cells, Cells]]  # responses `n unit h w`, and their (rows, columns)


@dataclass(frozen=True)
class Matched:
    """The units of a site that correspond to a family: their channels, the index of each one's own family unit, and of another one's."""

    family: str
    site: str
    units: Int[np.ndarray, " unit"]
    poses: Int[np.ndarray, " unit"]
    wrong: Int[np.ndarray, " unit"]

    @property
    def facts(self) -> str:
        """All of it as text."""
        return f"{self.family} {self.site} {self.units.tolist()} {self.poses.tolist()} {self.wrong.tolist()}"


def matched(circuit: HandwrittenCircuit, found: Mapping[str, Nearest], seed: int) -> list[Matched]:
    """The units that correspond, by family and site; `wrong` permutes the units of each family with none left in its place (a family of one
    unit has no wrong one)."""
    pairs = []
    for i, layer in enumerate(circuit.layers):
        moved = derangement(len(layer.units), seed).numpy()
        for site, each in found.items():
            units = np.flatnonzero(each.corresponds & (each.family == i))
            if len(units):
                pairs.append(Matched(layer.family, site, units, each.pose[units], moved[each.pose[units]]))
    return pairs


def beside(
    host: Host,
    circuit: HandwrittenCircuit,
    pairs: Sequence[Matched],
    pictures: Sequence[Picture],
    size: int = BATCH,
    progress: Progress | None = None,
    journal: Journal | None = None,
) -> list[dict[str, Float[np.ndarray, "group unit 6"]]]:
    """For each of `pairs`, MOMENTS of the units' own family units and of the wrong ones ("matched", "permuted") against the trained ones.

    Sums over the cells of whichever grid is the coarser, a row a picture, or a group of many (`evaluate.groups`).
    Batches that the journal has are read back.
    """
    rows = streamed(pictures, lambda some: _rows(host, circuit, pairs, some), size, journal, progress, summed=lambda quantity: True)
    return [{kind: rows[f"{i}/{kind}"] for kind in ("matched", "permuted")} for i in range(len(pairs))]


def _rows(
    host: Host, circuit: HandwrittenCircuit, pairs: Sequence[Matched], pictures: Sequence[Picture]
) -> dict[str, Float[np.ndarray, "picture unit 6"]]:
    x = batch(pictures, host.input)
    trained = host.activations(x, *{each.site for each in pairs})
    handwritten = families(circuit, host.input.decode(x), host.input.mean_rgb)
    rows = {}
    for i, each in enumerate(pairs):
        here = trained[each.site][:, list(each.units)], cells_of(host.site(each.site))
        response, cells = handwritten[each.family]
        for kind, poses in (("matched", each.poses), ("permuted", each.wrong)):
            value, truth = on_one_grid((response[:, list(poses)], cells), here)
            rows[f"{i}/{kind}"] = to_numpy(unit_statistics(value, truth, ())["moments"])
    return rows


def on_one_grid(a: Said, b: Said) -> tuple[Float[Tensor, "n unit h w"], Float[Tensor, "n unit h w"]]:
    """Both on the cells of the coarser grid; of the finer one, the highest response within half a coarse cell to each side."""
    (first, cells), (second, others) = a, b
    if cells[0].stride_px > others[0].stride_px:
        return first, onto(second, others, cells)
    return onto(first, cells, others), second


def onto(value: Float[Tensor, "n unit h w"], own: tuple[Cells, Cells], wanted: tuple[Cells, Cells]) -> Float[Tensor, "n unit h2 w2"]:
    """A response on `own` cells at the `wanted` ones: the highest within half a wanted cell to each side, or the nearest of coarser cells."""
    half = wanted[0].stride_px // (2 * own[0].stride_px)
    pooled = F.max_pool2d(value, 2 * half + 1, 1, half) if half else value
    rows, columns = (_nearest(mine, theirs) for mine, theirs in zip(own, wanted, strict=True))
    return pooled[:, :, rows[:, None], columns[None, :]]


def _nearest(own: Cells, wanted: Cells) -> Int[Tensor, " cell"]:
    at_px = wanted.offset_px + wanted.stride_px * torch.arange(wanted.count)
    return torch.round((at_px - own.offset_px) / own.stride_px).long().clamp(0, own.count - 1)
