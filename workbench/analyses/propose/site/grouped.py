"""Families of all units of a site: every theory is shared by three units or more.

Unlike the families of `families.py`, they need not save bits: the table has what they predict, with
no more bits a unit than a theory for each unit takes. A family grows from one unit: it takes in the
unit that its theory explains best, and gets a new theory for all of its units. The family whose
units cost least is kept, and then the next one, of the units that are left. The cost of a unit is
the share of its variance that the theory leaves; where only some units are wanted, that share is
weighted with what an error of the unit costs the network's answers (`cost.py`).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from workbench.analyses.propose.site.agreement import correlations, moments
from workbench.analyses.propose.site.clustering import Products, products_of, theory_bits
from workbench.analyses.propose.site.controls import GAIN_AND_BIAS, PERMUTED, Search, Way
from workbench.analyses.propose.site.dictionary import Dictionary
from workbench.analyses.propose.site.families import LEAST, Shared
from workbench.analyses.propose.site.fit import UNITS, WEIGHT_BITS, predictions
from workbench.analyses.propose.site.labels import Labels
from workbench.analyses.propose.site.refit import refitted
from workbench.score.bits import calibrated_bits
from workbench.splice.rivals import Window, as_small_floats, greedy
from workbench.work import Work

GROUPED = "families"
GROUPED_PERMUTED = f"{GROUPED}: {PERMUTED}"
GROUPED_ROWS = (GROUPED, GROUPED_PERMUTED)
FIRST = 20  # terms of the theory of a single unit from which a family grows
RIDGE = 1e-3  # of each feature's variance
TINY = 1e-9

Bits = Float[np.ndarray, " unit"]
Costs = Float[Tensor, " unit"]


@dataclass(frozen=True)
class GroupRow:
    """Units that share one theory up to their pose, gain and bias.

    name     the stimulus that most of them prefer
    poses    unit -> direction of the normal of its frame
    pearson  unit -> correlation on the judging pictures
    terms    of the language: each with the family that it reads
    """

    name: str
    poses: Mapping[int, float]
    pearson: Mapping[int, float]
    terms: Sequence[tuple[str, Mapping[str, Any]]]


def grouped(
    search: Search,
    terms: Dictionary,
    bits: Bits,
    costs: Costs | None = None,
    wanted: int | None = None,
) -> list[Shared]:
    """Families of three units or more, with no more than these bits a unit on average.

    costs   of each unit where its theory explains nothing; the same for all by default
    wanted  how many units are in a family, or up to two more; all by default
    """
    costs = torch.ones(len(bits)) if costs is None else costs
    growth = Growth(terms, _products(search, terms), bits, costs)
    several = _grown(growth, min(wanted or len(bits), len(bits)), search.work)
    advance, made = search.work.stage(f"{GROUPED}: weights", len(several)), []
    for family in search.work.engine(partial(refitted, terms, search.fit, search.link), several):
        made.append(family)
        advance(1)
    return made


def _grown(growth: "Growth", wanted: int, work: Work) -> list[Shared]:
    """Families of so many units or up to two more, the cheapest first."""
    advance, several = work.stage(GROUPED, wanted), list[Shared]()
    free = torch.ones(len(growth.bits), dtype=torch.bool)
    seeds = growth.alone()
    grown = {unit: growth.from_unit(seed, free) for unit, seed in enumerate(seeds)}
    while int(free.sum()) >= LEAST and len(free) - int(free.sum()) < wanted:
        unit = min(np.flatnonzero(free).tolist(), key=lambda unit: grown[unit][0])
        family = grown[unit][1]
        if not bool(free[list(family.poses)].all()):
            grown[unit] = growth.from_unit(seeds[unit], free)
            continue
        several.append(family)
        free[list(family.poses)] = False
        advance(len(family.poses))
    # fewer are left than a family has
    return growth.joined(several, free) if len(free) - int(free.sum()) < wanted else several


@dataclass(frozen=True)
class Growth:
    """The inputs of the growth of families.

    bits   the most of each unit
    costs  of each unit where its theory explains nothing
    """

    terms: Dictionary
    products: Products
    bits: Bits
    costs: Costs

    def alone(self) -> list[Shared]:
        """For each unit a theory of FIRST terms, at the pose where they explain most."""
        poses, units, atoms = self.products.target.shape
        count, spread = min(FIRST, atoms), self.products.spread
        best, made = torch.full((units,), -math.inf), [Shared("", {})] * units
        for pose in range(poses):
            gram, target = self.products.gram[pose], self.products.target[pose]
            order = torch.cat([greedy(gram, part, count) for part in target.split(UNITS)])
            for unit, chosen in enumerate(order):
                theory = self._solved(Shared("", {unit: pose}), gram, target[unit], chosen)
                share = float(target[unit, chosen] @ (theory.weights * spread[chosen]))
                if share > best[unit]:
                    best[unit], made[unit] = share, theory
        return made

    def from_unit(self, seed: Shared, free: Bool[Tensor, " unit"]) -> tuple[float, Shared]:
        """Grow a family of LEAST free units from the theory of one.

        Returns what its units cost, and the family.
        """
        family = seed
        while len(family.poses) < LEAST:
            share, pose = self.explained(family).max(0)
            share[~free] = -1
            share[list(family.poses)] = -1
            unit = int(share.argmax())
            poses = {**family.poses, unit: int(pose[unit])}
            family = self.fitted(replace(family, poses=poses), len(self.bits) // LEAST)
        cost = self.costs * (1 - self.explained(family))
        return sum(float(cost[pose, unit]) for unit, pose in family.poses.items()), family

    def fitted(self, family: Shared, families: int) -> Shared:
        """The family's theory for all of its units, of as many terms as their bits allow."""
        units, poses = (list(values) for values in (family.poses, family.poses.values()))
        gram = self.products.gram[poses].sum(0)
        target = self.products.target[poses, units].sum(0)
        count = _most_terms(self.terms, self.bits[units], families)
        (chosen,) = greedy(gram, target[None], count)
        return self._solved(family, gram, target, chosen)

    def joined(self, several: Sequence[Shared], free: Bool[Tensor, " unit"]) -> list[Shared]:
        """The families with the free units too, each in the one that explains it best."""
        share, pose = torch.stack([self.explained(family) for family in several]).max(1)
        poses = [dict(family.poses) for family in several]
        for unit in np.flatnonzero(free).tolist():
            best = int(share[:, unit].argmax())
            poses[best][unit] = int(pose[best, unit])
        return [
            self.fitted(replace(family, poses=members), len(several))
            for family, members in zip(several, poses, strict=True)
        ]

    def explained(self, family: Shared) -> Float[Tensor, "pose unit"]:
        """The share of each unit's variance that a theory explains, with a gain above 0."""
        chosen = list(family.chosen)
        weights = family.weights * self.products.spread[chosen]
        along = self.products.target[:, :, chosen] @ weights
        size = (self.products.gram[:, chosen][:, :, chosen] @ weights) @ weights
        return along.clamp_min(0).square() / size.clamp_min(TINY)[:, None]

    def _solved(
        self,
        family: Shared,
        gram: Float[Tensor, "atom atom"],
        target: Float[Tensor, " atom"],
        chosen: Tensor,
    ) -> Shared:
        """The family with these terms, and their weights of least squares."""
        among = gram[chosen][:, chosen]
        ridge = RIDGE * among.diagonal().mean() * torch.eye(len(chosen))
        weights = torch.linalg.solve(among + ridge, target[chosen])
        weights = as_small_floats(weights[None], WEIGHT_BITS)[0] / self.products.spread[chosen]
        return replace(family, chosen=tuple(chosen.tolist()), weights=weights)


def grouped_way(
    search: Search, terms: Dictionary, several: Sequence[Shared], name: str = GROUPED
) -> Way:
    """The predictions of families, of which every unit of the search has one."""
    units = len(search.offered)
    counts, bits = np.zeros(units), np.zeros(units)
    kernels = torch.empty(units, *search.fit.windows.shape[1:])
    for family in several:
        members, count = list(family.poses), len(family.chosen)
        counts[members] = count / len(members)
        bits[members] = theory_bits(terms, count) / len(members) + _price(terms, len(several))
        for unit, pose in family.poses.items():
            kernels[unit] = terms.kernel(pose, family.chosen, family.weights)
    drive = search.fit.windows.flatten(1) @ kernels.flatten(1).T
    side = math.isqrt(kernels.shape[2])
    window = Window(
        kernels.unflatten(2, (side, side)), *search.link.fit(drive, search.fit.trained), search.link
    )
    numbers = sum(len(family.chosen) for family in several) + units * (1 + GAIN_AND_BIAS)
    return Way(name, window, predictions(window, search.judge), counts, bits, numbers)


def permuted_families(search: Search, bits: Bits) -> Way:
    """The same search for families with the labels dealt to wrong units."""
    terms = search.dictionary(search.labels.permuted(search.work.seed))
    return grouped_way(search, terms, grouped(search, terms, bits), GROUPED_PERMUTED)


def group_rows(
    search: Search, terms: Dictionary, several: Sequence[Shared], units: Labels, way: Way
) -> list[GroupRow]:
    """The families as the document has them, the largest first."""
    pearson = correlations(moments(way.predicted, search.judge.trained, search.judge.item))
    rows = [
        GroupRow(
            name=Counter(units.family[unit] for unit in family.poses).most_common(1)[0][0],
            poses={search.units[u]: terms.poses[pose] for u, pose in family.poses.items()},
            pearson={search.units[u]: float(pearson[u]) for u in family.poses},
            terms=terms.written(family.chosen, family.weights),
        )
        for family in several
    ]
    return sorted(rows, key=lambda row: (-len(row.poses), min(row.poses)))


def _products(search: Search, terms: Dictionary) -> Products:
    """The products of the fitting rows, where every unit's target has the same size."""
    target = search.fit.target - search.fit.target.mean(0)
    target = target / target.norm(dim=0).clamp_min(TINY)
    return products_of(search, terms, search.fit, target)


def _price(terms: Dictionary, families: int) -> float:
    """The bits of a unit beside its family's terms: its pose, its family, gain and bias."""
    return math.log2(len(terms.poses)) + math.log2(families) + calibrated_bits(1)


def _most_terms(terms: Dictionary, bits: Bits, families: int) -> int:
    """How many terms units of these bits can share; at least one."""
    left = float(bits.sum()) - len(bits) * _price(terms, families)
    most = min(int(max(left, 0) / WEIGHT_BITS), len(terms.atoms))
    return next((k for k in range(most, 1, -1) if theory_bits(terms, k) <= left), 1)
