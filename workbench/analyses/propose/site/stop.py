"""How many terms a unit's theory has: as many as pay for themselves in bits."""

import math
from collections.abc import Sequence

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


def unit_bits(count: int, candidates: int, poses: int) -> float:
    """The bits of one unit's theory: pose, addresses, weights, gain and bias."""
    addresses = address_bits(candidates, min(count, candidates))
    return math.log2(poses) + addresses + count * WEIGHT_BITS + calibrated_bits(1)


def affordable(bits: float, candidates: int, poses: int) -> int:
    """The largest count of terms that costs no more than these bits; at least one."""
    counts = range(1, min(int(bits / WEIGHT_BITS), candidates) + 1)
    return max((k for k in counts if unit_bits(k, candidates, poses) <= bits), default=1)


def paying_counts(
    features: Features, sample: Sample, pose_of: np.ndarray, most: int, link: Link
) -> list[int]:
    """For each unit the count of terms with the shortest message.

    The message is the theory, and what it leaves of the held-out half of the pictures: one
    independent sample a picture, which is cautious. It is 0 where no term pays.
    """
    held = sample.item % 2 == 1
    fit, judge = sample.part(~held), sample.part(held)
    counts = [0] * len(pose_of)
    for pose in sorted(set(pose_of.tolist())):
        units = np.flatnonzero(pose_of == pose)
        values, other = scaled_features(features(fit, pose)), features(judge, pose)
        limit = min(most, other.shape[1])
        order = orders(values, fit.target[:, torch.from_numpy(units)], limit)
        for unit, picked in zip(units.tolist(), order, strict=True):
            errors = []
            for k in range(1, limit + 1):
                theory = theory_of(pose, picked[:k], values, fit.trained[:, unit], link)
                drive = (other[:, picked[:k]] @ theory.weights)[:, None]
                gain, bias = (torch.tensor([x]) for x in (theory.gain, theory.bias))
                predicted = scaled(link, gain, bias, drive)[:, 0]
                errors.append(left(predicted, judge.trained[:, unit]))
            counts[unit] = _shortest(errors, other.shape[1], judge.pictures)
    return counts


def left(predicted: Float[Tensor, " row"], trained: Float[Tensor, " row"]) -> float:
    """The squared error as a share of the unit's variance."""
    variance = float(trained.var(correction=0))
    return float((predicted - trained).square().mean()) / variance if variance > 0 else 1.0


def _shortest(errors: Sequence[float], candidates: int, pictures: int) -> int:
    """The count of the shortest message; `errors` are of 1, 2, ... terms."""
    lengths = [0.0]
    for k, error in enumerate(errors, 1):
        data = pictures / 2 * math.log2(max(error, 1e-9))
        lengths.append(data + address_bits(candidates, k) + k * WEIGHT_BITS)
    return int(np.argmin(lengths))
