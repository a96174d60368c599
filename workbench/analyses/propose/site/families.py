"""Families: units whose theories differ by their pose alone.

A family is one theory for all its units, each of which has a pose. It is proposed where the bits
that it saves, against the best that each unit has alone, are more than its terms cost. The bits
that a prediction leaves are counted on held-out pictures, one independent sample a picture.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.propose.site.clustering import Clustering, theory_bits, unit_scale
from workbench.analyses.propose.site.fit import WEIGHT_BITS
from workbench.analyses.propose.site.labels import Labels
from workbench.analyses.propose.site.sample import Sample
from workbench.analyses.propose.site.stop import message, remaining
from workbench.splice.calibrate import derangement
from workbench.splice.rivals import as_small_floats, greedy, rectified_fit

LEAST = 3  # units of a family
MOST = 12  # terms of a family
ROUNDS = 4  # times that terms, poses and members are chosen again
ALIKE = 0.5  # least variance explained of a unit, as a part of the family's median
DERANGED = 5  # wrong assignments of poses


@dataclass(frozen=True)
class Shared:
    """A theory that several units share.

    name     the kind of stimulus that most of its units prefer
    poses    unit -> index of its pose
    chosen   columns of its terms
    weights  of the terms
    """

    name: str
    poses: Mapping[int, int]
    chosen: tuple[int, ...] = ()
    weights: Float[Tensor, " term"] = field(default_factory=lambda: torch.zeros(0))

    def renumbered(self, units: Sequence[int]) -> "Shared":
        """The same theory where its units are numbered by their places in `units`."""
        return replace(self, poses={units.index(unit): pose for unit, pose in self.poses.items()})


@dataclass(frozen=True)
class Family:
    """A shared theory that pays for itself.

    saved     bits that it saves against the best that its units have alone, its own bits included
    deranged  the same where each unit has another unit's pose, on average
    pearson   of each unit on the held-out pictures
    """

    shared: Shared
    saved: float
    deranged: float
    pearson: Mapping[int, float]


def families(cluster: Clustering, units: Labels) -> list[Family]:
    """Every family that pays for itself, the one that saves most first."""
    several = [
        Shared(name, {int(unit): int(cluster.poses[unit]) for unit in members})
        for name, members in units.families.items()
        if len(members) >= LEAST and units.period_deg[members[0]] > 0
    ]
    for step in range(ROUNDS):
        several = [_fitted(cluster, shared) for shared in several]
        several = _assigned(cluster, several, first=step == 0)
    return accepted(cluster, [_fitted(cluster, shared) for shared in several])


def accepted(cluster: Clustering, several: Sequence[Shared]) -> list[Family]:
    """The shared theories that pay, each with the units for which it is the best."""
    made = []
    for shared in several:
        family = _paying(cluster, shared)
        if family and len(family.shared.poses) >= LEAST and family.saved > max(0, family.deranged):
            made.append(family)
    return sorted(made, key=lambda family: -family.saved)


def _fitted(cluster: Clustering, shared: Shared) -> Shared:
    """The shared theory with the terms of the shortest message for its units."""
    if len(shared.poses) < LEAST:
        return replace(shared, chosen=(), weights=torch.zeros(0))
    units, poses = (list(several) for several in (shared.poses, shared.poses.values()))
    gram = cluster.products.gram[poses].sum(0)
    target = cluster.products.target[poses, units].sum(0)
    most = min(MOST, len(cluster.terms.atoms))
    (order,) = greedy(gram, target[None], most)
    best, shortest = shared, math.inf
    for count in range(1, most + 1):
        tried = _weighted(cluster, replace(shared, chosen=tuple(order[:count].tolist())))
        messages = _messages(cluster, tried, tried.poses)
        length = sum(messages.values()) + theory_bits(cluster.terms, count)
        if length < shortest:
            best, shortest = tried, length
    return best


def _weighted(cluster: Clustering, shared: Shared) -> Shared:
    """The shared theory with weights fitted to the activation of all its units."""
    spread = cluster.products.spread[list(shared.chosen)]
    fit, values, goal = cluster.fit, [], []
    windows = fit.windows.flatten(1)
    bases: dict[int, Tensor] = {}
    for unit, pose in shared.poses.items():
        if pose not in bases:
            bases[pose] = windows @ cluster.terms.basis(pose, shared.chosen) / spread
            bases[pose] -= bases[pose].mean(0)
        values.append(bases[pose])
        goal.append(fit.trained[:, unit] / fit.trained[:, unit].std().clamp_min(1e-9))
    weights = rectified_fit(torch.cat(values), torch.cat(goal))
    return replace(shared, weights=as_small_floats(weights[None], WEIGHT_BITS)[0] / spread)


def _drives(
    cluster: Clustering, shared: Shared, sample: Sample, poses: Sequence[int]
) -> Float[Tensor, "row pose"]:
    kernels = [cluster.terms.kernel(p, shared.chosen, shared.weights).flatten() for p in poses]
    return sample.windows.flatten(1) @ torch.stack(kernels, 1)


def _messages(cluster: Clustering, shared: Shared, poses: Mapping[int, int]) -> dict[int, float]:
    """The message of each unit at its pose: its pose and family, and what the theory leaves."""
    left = _left(cluster, shared, poses)
    pictures = cluster.held.pictures
    return {unit: message(value, pictures) + cluster.price for unit, value in left.items()}


def _left(cluster: Clustering, shared: Shared, poses: Mapping[int, int]) -> dict[int, float]:
    columns = list(poses.values())
    fit, held = (_drives(cluster, shared, part, columns) for part in (cluster.fit, cluster.held))
    units = list(poses)
    left = remaining(
        (fit, cluster.fit.trained[:, units]),
        (held, cluster.held.trained[:, units]),
        cluster.search.link,
    )
    return dict(zip(units, left.tolist(), strict=True))


def _assigned(cluster: Clustering, several: Sequence[Shared], first: bool) -> list[Shared]:
    """The theories with the units, and the poses, that each of them predicts best.

    At the `first` time units keep their family, and only choose among the poses offered.
    """
    usable = [shared for shared in several if shared.chosen]
    if not usable:
        return []
    target = unit_scale(cluster.fit.target, cluster.fit.trained)
    target = target / target.norm(dim=0).clamp_min(1e-9)
    scores = []
    for shared in usable:
        drive = _drives(cluster, shared, cluster.fit, range(len(cluster.terms.poses)))
        drive = drive - drive.mean(0)
        correlation = (drive / drive.norm(dim=0).clamp_min(1e-9)).T @ target
        correlation[torch.from_numpy(~cluster.search.offered.T)] = -1
        if first:
            outside = [u for u in range(correlation.shape[1]) if u not in shared.poses]
            correlation[:, outside] = -1
        scores.append(correlation)
    value, pose = torch.stack(scores).max(1)
    best = value.max(0)
    chosen: list[dict[int, int]] = [{} for _ in usable]
    directed = cluster.search.offered.sum(1) < len(cluster.terms.poses)
    for unit in np.flatnonzero(directed).tolist():
        if best.values[unit] > 0:
            index = int(best.indices[unit])
            chosen[index][unit] = int(pose[index, unit])
    none = np.zeros(len(cluster.alone))
    kept = zip(usable, chosen, strict=True)
    return [replace(shared, poses=_worth(cluster, shared, poses, none)) for shared, poses in kept]


def _worth(
    cluster: Clustering,
    shared: Shared,
    poses: Mapping[int, int],
    alone: Float[np.ndarray, " unit"],
) -> dict[int, int]:
    """Those of the units that the theory describes in fewer bits than `alone`.

    A unit of which it explains far less than of the others is left out.
    """
    if not poses:
        return {}
    left, pictures = _left(cluster, shared, poses), cluster.held.pictures
    shorter = [u for u in poses if message(left[u], pictures) + cluster.price < alone[u]]
    typical = 1 - float(np.median([left[unit] for unit in shorter or poses]))
    return {unit: poses[unit] for unit in shorter if 1 - left[unit] > ALIKE * typical}


def _paying(cluster: Clustering, shared: Shared) -> Family | None:
    """The family of a shared theory, with what it saves."""
    if not shared.chosen:
        return None
    shared = replace(shared, poses=_worth(cluster, shared, shared.poses, cluster.alone))
    if len(shared.poses) < LEAST:
        return None
    units, cost = list(shared.poses), theory_bits(cluster.terms, len(shared.chosen))
    alone = sum(cluster.alone[unit] for unit in units)
    wrong = []
    for seed in range(DERANGED):
        order = derangement(len(units), cluster.search.work.seed + seed)
        poses = {unit: shared.poses[units[i]] for unit, i in zip(units, order, strict=True)}
        wrong.append(alone - cost - sum(_messages(cluster, shared, poses).values()))
    saved = alone - cost - sum(_messages(cluster, shared, shared.poses).values())
    left = _left(cluster, shared, shared.poses)
    pearson = {unit: math.sqrt(max(0.0, 1 - value)) for unit, value in left.items()}
    return Family(shared, saved, float(np.mean(wrong)), pearson)
