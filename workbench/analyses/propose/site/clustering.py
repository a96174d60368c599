"""Inputs of the search for families: halves of the pictures, products, and units alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.propose.site.controls import Search
from workbench.analyses.propose.site.dictionary import Dictionary
from workbench.analyses.propose.site.fit import WEIGHT_BITS, Features
from workbench.analyses.propose.site.sample import Sample
from workbench.analyses.propose.site.stop import Halves, lengths
from workbench.score.bits import address_bits


@dataclass(frozen=True)
class Products:
    """Products of the features of every pose with each other and with the units' targets."""

    spread: Float[Tensor, " atom"]
    gram: Float[Tensor, "pose atom atom"]
    target: Float[Tensor, "pose unit atom"]


@dataclass(frozen=True)
class Clustering:
    """The inputs of the search for families.

    fit, held  both halves of the pictures
    poses      of each unit in its theory of its own
    counts     terms of the shortest message of each unit alone; 0 where none pays
    alone      the length of that message; 0 is that of the unit without any theory
    """

    search: Search
    terms: Dictionary
    fit: Sample
    held: Sample
    poses: np.ndarray
    counts: Sequence[int]
    alone: Float[np.ndarray, " unit"]

    @cached_property
    def products(self) -> Products:
        """The products that families are fitted with; counts alone need none."""
        target = unit_scale(self.fit.target, self.fit.trained)
        return products_of(self.search, self.terms, self.fit, target)

    @property
    def price(self) -> float:
        """The bits of a unit's pose and of the family that it belongs to."""
        return math.log2(len(self.terms.poses)) + math.log2(len(self.search.offered) + 1)


def theory_bits(terms: Dictionary, count: int) -> float:
    """The bits of the terms that a family shares."""
    return address_bits(len(terms.atoms), count) + count * WEIGHT_BITS


def clustering(search: Search, terms: Dictionary, poses: np.ndarray, most: int) -> Clustering:
    """Prepare the search; `poses` are those of the units' theories of their own."""
    held = search.fit.item % 2 == 1
    fit, judge = search.fit.part(~held), search.fit.part(held)
    halves = Halves(search.features(terms), fit, judge, most, search.link)
    bits_by_count = lengths(halves, poses, search.work.engine)
    counts = bits_by_count.argmin(1)
    alone = bits_by_count.min(1) + math.log2(len(terms.poses)) * (counts > 0)
    alone = np.minimum(alone, 0)
    return Clustering(search, terms, fit, judge, poses, counts.tolist(), alone)


def products_of(
    search: Search, terms: Dictionary, fit: Sample, target: Float[Tensor, "row unit"]
) -> Products:
    """Products of the features of each pose, and with the targets, which have mean 0."""
    poses, advance = range(len(terms.poses)), search.work.stage("families", len(terms.poses))
    compute = partial(_products_at, search.features(terms), fit, target)
    spreads, grams, products = [], [], []
    for spread, gram, product in search.work.engine(compute, poses):
        spreads.append(spread)
        grams.append(gram)
        products.append(product)
        advance(1)
    spread = torch.stack(spreads).square().mean(0).sqrt()
    spread = spread.clamp_min(1e-5 * float(spread.max()) + 1e-12)
    gram = torch.stack(grams).div_(spread).div_(spread[:, None])
    return Products(spread, gram, torch.stack(products) / spread)


def _products_at(
    features: Features, fit: Sample, target: Float[Tensor, "row unit"], pose: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Spread of the features of one pose, their products, and those with the targets."""
    values = features(fit, pose)
    values -= values.mean(0)
    return values.std(0), values.T @ values, target.T @ values


def unit_scale(
    target: Float[Tensor, "row unit"], trained: Float[Tensor, "row unit"]
) -> Float[Tensor, "row unit"]:
    """Targets of mean 0, in deviations of the unit's activation."""
    return (target - target.mean(0)) / trained.std(0).clamp_min(1e-9)
