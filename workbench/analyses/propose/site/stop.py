"""How many terms a unit's theory has: as many as pay for themselves in bits."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.propose.site.fit import (
    WEIGHT_BITS,
    Features,
    orders,
    scaled_features,
    theory_of,
)
from workbench.analyses.propose.site.sample import Sample
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


def lengths(
    features: Features, fit: Sample, held: Sample, pose_of: np.ndarray, most: int, link: Link
) -> Float[np.ndarray, "unit count"]:
    """The message of each unit with 0, 1, 2 ... terms: the terms, and what they leave.

    It is infinite for counts that were not tried.
    """
    made = np.zeros((len(pose_of), most + 1))
    for pose in sorted(set(pose_of.tolist())):
        units = np.flatnonzero(pose_of == pose)
        values, other = scaled_features(features(fit, pose)), features(held, pose)
        candidates = other.shape[1]
        order = orders(values, fit.target[:, torch.from_numpy(units)], min(most, candidates))
        for unit, picked in zip(units.tolist(), order, strict=True):
            made[unit, 1:] = math.inf
            for k in range(1, len(picked) + 1):
                theory = theory_of(pose, picked[:k], values, fit.trained[:, unit], link)
                drive = (other[:, picked[:k]] @ theory.weights)[:, None]
                gain, bias = (torch.tensor([x]) for x in (theory.gain, theory.bias))
                predicted = scaled(link, gain, bias, drive)
                left = share_left(predicted, held.trained[:, unit : unit + 1])
                cost = address_bits(candidates, k) + k * WEIGHT_BITS
                made[unit, k] = message(float(left[0]), held.pictures) + cost
                if k - int(made[unit].argmin()) >= PATIENCE:
                    break
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
