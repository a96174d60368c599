"""Weights of a shared theory, fitted to the activation of all its units with the link applied."""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.propose.site.dictionary import Dictionary
from workbench.analyses.propose.site.families import Shared
from workbench.analyses.propose.site.fit import WEIGHT_BITS
from workbench.analyses.propose.site.sample import Sample
from workbench.splice.link import Link
from workbench.splice.rivals import as_small_floats

ROUNDS = 8  # times that gains, biases and the rows above 0 are chosen again
RIDGE = 1e-3  # of the mean square of a feature
TINY = 1e-9


def refitted(terms: Dictionary, fit: Sample, link: Link, family: Shared) -> Shared:
    """The family with the same terms, and weights of least squares of its units' activation.

    Each unit has the gain and the bias of a handwritten unit (`Link.fit`), and counts with its
    activation's deviation as the scale. Weights, and then gains, biases and the rows on which the
    prediction is above 0, are fitted in turns; the weights with the least error are kept.
    """
    features, goals = _features(terms, fit, family), _goals(fit, family)
    spread = torch.cat(features).std(0).clamp_min(TINY)
    features = [values / spread for values in features]
    weights = family.weights * spread
    best, least = weights, math.inf
    for _ in range(ROUNDS):
        error, solved = _solved(link, weights, features, goals)
        if error < least:
            best, least = weights, error
        weights = solved
    rounded = as_small_floats(best[None], WEIGHT_BITS)[0]
    return replace(family, weights=rounded / spread)


def _solved(
    link: Link,
    weights: Float[Tensor, " term"],
    features: Sequence[Float[Tensor, "row term"]],
    goals: Sequence[Float[Tensor, " row"]],
) -> tuple[float, Float[Tensor, " term"]]:
    """The error of these weights, and those of least squares where their prediction is above 0.

    Gains and biases are those that fit these weights.
    """
    gram, target, error = torch.zeros(len(weights), len(weights)), torch.zeros_like(weights), 0.0
    for values, goal in zip(features, goals, strict=True):
        drive = (values @ weights)[:, None]
        gain, bias = link.fit(drive, goal[:, None])
        predicted = link(gain * drive + bias)[:, 0]
        error += float((predicted - goal).square().mean())
        active = predicted > 0
        if not bool(active.any()):
            continue
        rows = gain * (values[active] - values[active].mean(0))
        gram += rows.T @ rows
        target += rows.T @ (goal[active] - goal[active].mean())
    ridge = RIDGE * gram.diagonal().mean().clamp_min(TINY) * torch.eye(len(weights))
    return error, torch.linalg.solve(gram + ridge, target)


def _features(terms: Dictionary, fit: Sample, family: Shared) -> list[Float[Tensor, "row term"]]:
    """The drive that every term alone gives each unit, at the unit's pose."""
    windows, by_pose = fit.windows.flatten(1), {}
    for pose in set(family.poses.values()):
        values = windows @ terms.basis(pose, family.chosen)
        by_pose[pose] = values - values.mean(0)
    return [by_pose[pose] for pose in family.poses.values()]


def _goals(fit: Sample, family: Shared) -> list[Float[Tensor, " row"]]:
    """The activation of each unit in deviations."""
    trained = [fit.trained[:, unit] for unit in family.poses]
    return [values / values.std().clamp_min(TINY) for values in trained]
