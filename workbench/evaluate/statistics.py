"""What evaluation hands to scoring: one row a picture for every condition and quantity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

MOMENTS = ("n", "value", "trained", "value2", "trained2", "product")  # sums over a picture's cells, of each unit
SAMPLED = 32  # cells a picture kept for rank statistics
RANKED = ("natural", "spliced")  # the conditions whose units are compared by rank


@dataclass(frozen=True)
class Statistics:
    """Streamed results: memory grows by a few kilobytes a picture, whatever its size.

    rows[condition][quantity] has one row a picture:
        kl         KL(natural || condition) of the class distribution, nats
        agreement  1 where the first class is the natural one
        top1 top5  1 where the label is the first class, or among the first five; nan without label
        consumer   squared distance from natural at the site after the deepest spliced one, over the squared norm there
        changed    largest difference of a replaced unit from its trained activation: the proof that the splice fired
        moments    `unit 6`, MOMENTS of the condition's values and the trained ones
        sample     `cell unit`, the condition's values at the sampled cells; of RANKED conditions, without cells of any other
    `peak` is each trained unit's highest activation on each picture. `units` are written `site:channel`, circuit after circuit.
    """

    names: tuple[str, ...]
    sha256s: tuple[str, ...]
    units: tuple[str, ...]
    level: Float[np.ndarray, " unit"]
    peak: Float[np.ndarray, "picture unit"]
    rows: Mapping[str, Mapping[str, np.ndarray]]

    @property
    def fires(self) -> np.ndarray:
        """Pictures on which the trained circuit fires: one unit exceeds half of its calibration peak."""
        return np.any(self.peak > self.level, axis=1)

    def parts(self, counts: Sequence[int]) -> list["Statistics"]:
        """The same for each circuit alone, as many units of which as `counts` says, one after another. Quantities of the network stay."""
        ends = np.cumsum([0, *counts])
        return [self._of(slice(int(first), int(last))) for first, last in pairwise(ends)]

    def _of(self, units: slice) -> "Statistics":
        own = {"moments": np.s_[:, units], "sample": np.s_[:, :, units]}
        rows = {
            name: {key: row[own[key]] if key in own else row for key, row in quantities.items()} for name, quantities in self.rows.items()
        }
        return replace(self, units=self.units[units], level=self.level[units], peak=self.peak[:, units], rows=rows)


def class_statistics(natural: Tensor, logits: Tensor, label: Int[Tensor, " n"]) -> dict[str, np.ndarray]:
    """kl, agreement, top1 and top5 of `n classes` logits; label -1 is no label."""
    p, q = F.log_softmax(natural.double(), 1), F.log_softmax(logits.double(), 1)
    labelled = torch.where(label >= 0, 1.0, torch.nan)
    first = logits.topk(min(5, logits.shape[1]), dim=1).indices == label[:, None]
    return {
        "kl": (p.exp() * (p - q)).sum(1).clamp_min(0).numpy(),
        "agreement": (natural.argmax(1) == logits.argmax(1)).double().numpy(),
        "top1": (first[:, 0] * labelled).numpy(),
        "top5": (first.any(1) * labelled).numpy(),
    }


def no_class_statistics(pictures: int) -> dict[str, np.ndarray]:
    """The same of a host without an output: none of it is known."""
    return {quantity: np.full(pictures, np.nan) for quantity in ("kl", "agreement", "top1", "top5")}


def unit_statistics(
    value: Float[Tensor, "n unit h w"], trained: Float[Tensor, "n unit h w"], cells: Sequence[int]
) -> dict[str, np.ndarray]:
    """changed, moments and sample."""
    a, b = value.flatten(2).double(), trained.flatten(2).double()
    sums = (torch.full_like(a[..., 0], a.shape[2]), a.sum(2), b.sum(2), (a * a).sum(2), (b * b).sum(2), (a * b).sum(2))
    return {
        "changed": (a - b).abs().amax((1, 2)).numpy(),
        "moments": torch.stack(sums, 2).numpy(),
        "sample": value.flatten(2)[:, :, list(cells)].movedim(1, 2).contiguous().numpy(),
    }


def side_by_side(circuits: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Unit statistics of several circuits on the same pictures as those of one; `changed` is the largest."""
    return {
        "changed": np.max([circuit["changed"] for circuit in circuits], axis=0),
        "moments": np.concatenate([circuit["moments"] for circuit in circuits], axis=1),
        "sample": np.concatenate([circuit["sample"] for circuit in circuits], axis=2),
    }
