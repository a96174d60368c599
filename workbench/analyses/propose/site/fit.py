"""For each unit, the terms that predict it, chosen one after another, and their weights."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.analyses.propose.site.sample import Sample
from workbench.engine import Engine, here
from workbench.splice.conditions import scaled
from workbench.splice.link import Link
from workbench.splice.rivals import Window, as_small_floats, greedy, rectified_fit

WEIGHT_BITS = 6  # of a weight; the scale is in the unit's gain
UNITS = 32  # whose choice is made at once
FIRST = 6  # terms by which poses are compared

Features = Callable[[Sample, int], Float[Tensor, "row feature"]]


@dataclass(frozen=True)
class Theory:
    """One unit's terms: their columns among the features of its pose, and their weights.

    The unit's activation is the link of gain * (features @ weights) + bias.
    """

    pose: int
    chosen: tuple[int, ...]
    weights: Float[Tensor, " term"]
    gain: float
    bias: float


@dataclass(frozen=True)
class Scaled:
    """Features of one pose on the fitted rows: `values * spread + mean`; and products of values."""

    values: Float[Tensor, "row feature"]
    mean: Float[Tensor, " feature"]
    spread: Float[Tensor, " feature"]
    gram: Float[Tensor, "feature feature"]


def scaled_features(values: Float[Tensor, "row feature"]) -> Scaled:
    """Features that hardly vary stay small, and are not chosen."""
    spread = values.std(0)
    spread = spread.clamp_min(1e-5 * float(spread.max()) + 1e-12)
    mean = values.mean(0)
    values = (values - mean) / spread
    return Scaled(values, mean, spread, values.T @ values)


def orders(
    features: Scaled, target: Float[Tensor, "row unit"], count: int
) -> Int[Tensor, "unit count"]:
    """For each unit its features, in the order of their choice."""
    product = (target - target.mean(0)).T @ features.values
    parts = [greedy(features.gram, part, count) for part in product.split(UNITS)]
    return torch.cat(parts)


def explained(
    features: Scaled, target: Float[Tensor, "row unit"], chosen: Int[Tensor, "unit count"]
) -> Float[Tensor, " unit"]:
    """The share of the variance of each unit's target that its chosen features explain."""
    centred = target - target.mean(0)
    product = (centred.T @ features.values).gather(1, chosen)
    gram = features.gram[chosen[:, :, None], chosen[:, None, :]]
    ridge = 1e-3 * len(target) * torch.eye(chosen.shape[1])
    weights = torch.linalg.solve(gram + ridge, product[..., None])[..., 0]
    return (product * weights).sum(1) / centred.square().sum(0).clamp_min(1e-12)


def fitted(
    values: Float[Tensor, "row term"],
    spread: Float[Tensor, " term"],
    trained: Float[Tensor, " row"],
    link: Link,
) -> tuple[Float[Tensor, " term"], float, float]:
    """Weights of WEIGHT_BITS bits of features of mean 0 and deviation 1, gain and bias.

    The weights are of the features as they are.
    """
    weights = as_small_floats(rectified_fit(values, trained)[None], WEIGHT_BITS)[0]
    drive = (values @ weights)[:, None]
    gain, bias = link.fit(drive, trained[:, None])
    return weights / spread, float(gain), float(bias)


def window_of(
    theories: Sequence[Theory], kernels: Float[Tensor, "unit below tap"], link: Link
) -> Window:
    """The units' theories, whose kernels these are, as one prediction from a square window."""
    side = math.isqrt(kernels.shape[2])
    gain, bias = (
        torch.tensor([getattr(theory, name) for theory in theories]) for name in ("gain", "bias")
    )
    return Window(kernels.unflatten(2, (side, side)), gain, bias, link)


def predictions(window: Window, sample: Sample) -> Float[Tensor, "row unit"]:
    """The activations that a window as wide as the sample's predicts on its rows."""
    drive = sample.windows.flatten(1) @ window.weight.flatten(1).T
    return scaled(window.link, window.gain, window.bias, drive)


def best_poses(
    features: Features,
    sample: Sample,
    poses: Sequence[int],
    offered: np.ndarray,
    engine: Engine = here,
) -> np.ndarray:
    """For each unit the pose, of those that it is offered, at which FIRST terms explain most.

    `offered` is `unit pose`, whether a pose is offered.
    """
    gains = np.full(offered.shape, -np.inf)
    items = [(pose, units) for pose in poses if len(units := np.flatnonzero(offered[:, pose]))]
    compute = partial(_explained_at, features, sample)
    for (pose, units), share in zip(items, engine(compute, items), strict=True):
        gains[units, pose] = share.numpy()
    return gains.argmax(1)


def _explained_at(
    features: Features, sample: Sample, item: tuple[int, np.ndarray]
) -> Float[Tensor, " unit"]:
    """The share of each unit's variance that FIRST terms at one pose explain."""
    pose, units = item
    scaled_values = scaled_features(features(sample, pose))
    target = sample.target[:, torch.from_numpy(units)]
    return explained(scaled_values, target, orders(scaled_values, target, FIRST))


def theories(
    features: Features,
    sample: Sample,
    pose_of: np.ndarray,
    counts: Sequence[int],
    link: Link,
    more: Scaled | None = None,
    advance: Callable[[int], None] = lambda steps: None,
    engine: Engine = here,
) -> list[Theory]:
    """Every unit's theory, of its count of terms at its pose.

    `more` are features of every pose, of which terms may be taken too: their columns follow. The
    engine computes units of several poses at once.
    """
    made: dict[int, Theory] = {}
    compute = partial(_theories_at, features, sample, counts, link, more)
    items = units_by_pose(pose_of)
    for units, several in zip(items.values(), engine(compute, items.items()), strict=True):
        made.update(zip(units.tolist(), several, strict=True))
        advance(len(units))
    return [made[unit] for unit in range(len(pose_of))]


def units_by_pose(pose_of: np.ndarray) -> dict[int, np.ndarray]:
    """The units of each pose that any of them has."""
    return {pose: np.flatnonzero(pose_of == pose) for pose in sorted(set(pose_of.tolist()))}


def _theories_at(
    features: Features,
    sample: Sample,
    counts: Sequence[int],
    link: Link,
    more: Scaled | None,
    item: tuple[int, np.ndarray],
) -> list[Theory]:
    """The theories of the units of one pose."""
    pose, units = item
    scaled_values = joined(scaled_features(features(sample, pose)), more)
    most = min(max(counts[unit] for unit in units.tolist()), scaled_values.gram.shape[0])
    order = orders(scaled_values, sample.target[:, torch.from_numpy(units)], most)
    return [
        theory_of(pose, picked[: counts[unit]], scaled_values, sample.trained[:, unit], link)
        for unit, picked in zip(units.tolist(), order, strict=True)
    ]


def joined(features: Scaled, more: Scaled | None) -> Scaled:
    """Features, and others behind them."""
    if more is None:
        return features
    between = features.values.T @ more.values
    gram = torch.cat([torch.cat([features.gram, between], 1), torch.cat([between.T, more.gram], 1)])
    return Scaled(
        torch.cat([features.values, more.values], 1),
        torch.cat([features.mean, more.mean]),
        torch.cat([features.spread, more.spread]),
        gram,
    )


def theory_of(
    pose: int,
    picked: Int[Tensor, " term"],
    features: Scaled,
    trained: Float[Tensor, " row"],
    link: Link,
) -> Theory:
    """One unit's theory of the features that are picked, fitted to its activation."""
    values, spread = features.values[:, picked], features.spread[picked]
    weights, gain, bias = fitted(values, spread, trained, link)
    bias -= gain * float(features.mean[picked] @ weights)
    return Theory(pose, tuple(picked.tolist()), weights, gain, bias)
