"""How many terms a unit's theory has: as many as pay for themselves in bits."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.propose.site.fit import (
    WEIGHT_BITS,
    Features,
    Theory,
    orders,
    scaled_features,
    theory_of,
    units_by_pose,
)
from workbench.analyses.propose.site.sample import Sample
from workbench.engine import Engine
from workbench.score.bits import address_bits, calibrated_bits
from workbench.splice.conditions import scaled
from workbench.splice.link import Link

PATIENCE = 4  # terms that may be tried without a shorter message


def unit_bits(count: int, candidates: int, poses: int) -> float:
    """The bits of one unit's theory: pose, addresses, weights, gain and bias."""
    addresses = address_bits(candidates, min(count, candidates))
    return math.log2(poses) + addresses + count * WEIGHT_BITS + calibrated_bits(1)


def affordable(bits: float, candidates: int, poses: int) -> int:
    """The largest count of terms that costs no more than these bits; at least one."""
    counts = range(1, min(int(bits / WEIGHT_BITS), candidates) + 1)
    return max((k for k in counts if unit_bits(k, candidates, poses) <= bits), default=1)


@dataclass(frozen=True)
class Halves:
    """Both halves of the pictures, on which messages are counted, and the most terms to try.

    fit, held  the theories are fitted on the first, and judged on the second
    """

    features: Features
    fit: Sample
    held: Sample
    most: int
    link: Link

    def at(self, item: tuple[int, np.ndarray]) -> Float[np.ndarray, "unit count"]:
        """The messages of the units of one pose."""
        pose, units = item
        values, other = (
            scaled_features(self.features(self.fit, pose)),
            self.features(self.held, pose),
        )
        target = self.fit.target[:, torch.from_numpy(units)]
        made = np.full((len(units), self.most + 1), math.inf)
        made[:, 0] = 0
        order = orders(values, target, min(self.most, other.shape[1]))
        for row, unit, picked in zip(made, units.tolist(), order, strict=True):
            for k in range(1, len(picked) + 1):
                theory = theory_of(pose, picked[:k], values, self.fit.trained[:, unit], self.link)
                row[k] = self._message(theory, other, unit)
                if k - int(row.argmin()) >= PATIENCE:
                    break
        return made

    def _message(self, theory: Theory, values: Float[Tensor, "row feature"], unit: int) -> float:
        """The message of one theory on the held half, whose features are `values`."""
        drive = (values[:, list(theory.chosen)] @ theory.weights)[:, None]
        gain, bias = (torch.tensor([number]) for number in (theory.gain, theory.bias))
        predicted = scaled(self.link, gain, bias, drive)
        left = share_left(predicted, self.held.trained[:, unit : unit + 1])
        count = len(theory.chosen)
        cost = address_bits(values.shape[1], count) + count * WEIGHT_BITS
        return message(float(left[0]), self.held.pictures) + cost


def lengths(halves: Halves, pose_of: np.ndarray, engine: Engine) -> Float[np.ndarray, "unit count"]:
    """The message of each unit with 0, 1, 2 ... terms: the terms, and what they leave.

    It is infinite for counts that were not tried.
    """
    made = np.zeros((len(pose_of), halves.most + 1))
    items = units_by_pose(pose_of)
    for units, rows in zip(items.values(), engine(halves.at, items.items()), strict=True):
        made[units] = rows
    return made


def message(left: float, pictures: int) -> float:
    """The bits of what is left of a unit, less those of the unit itself."""
    return pictures / 2 * math.log2(max(left, 1e-9))


def share_left(
    predicted: Float[Tensor, "row unit"], trained: Float[Tensor, "row unit"]
) -> Float[Tensor, " unit"]:
    """The squared error as a share of each unit's variance; 1 for a unit that never varies."""
    variance = trained.var(0, correction=0)
    error = (predicted - trained).square().mean(0)
    return torch.where(variance > 0, error / variance.clamp_min(1e-30), torch.ones_like(error))


def remaining(
    fit: tuple[Float[Tensor, "row unit"], Float[Tensor, "row unit"]],
    held: tuple[Float[Tensor, "row unit"], Float[Tensor, "row unit"]],
    link: Link,
) -> Float[Tensor, " unit"]:
    """As `share_left` on held rows, with gain and bias from the fitted ones: (drive, trained)."""
    (drive, trained), (other, goal) = fit, held
    return share_left(scaled(link, *link.fit(drive, trained), other), goal)
