"""Controls of the search for the units' theories, and rivals at equal bits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.analyses.propose.site.dictionary import POSES, Dictionary, dictionary
from workbench.analyses.propose.site.fit import (
    Features,
    Theory,
    best_poses,
    predictions,
    scaled_features,
    theories,
    theory_of,
    window_of,
)
from workbench.analyses.propose.site.labels import Labels
from workbench.analyses.propose.site.sample import Sample
from workbench.analyses.propose.site.stop import affordable, unit_bits
from workbench.score.bits import CALIBRATED_BITS
from workbench.splice.link import Link
from workbench.splice.rivals import Window
from workbench.work import Work

TERMS = "terms"
EXCEPTIONS = "terms and single weights"
SINGLE = "single weights"
PERMUTED = "labels permuted"
UNPOSED = "poses forbidden"
RANDOM = "random terms"
MEAN = "mean"
PLACES = 4096  # of a window, at most, from which single weights are chosen
GAIN_AND_BIAS = 2  # numbers of a unit
POSE_ROWS = 3  # one row of so many chooses poses


@dataclass(frozen=True)
class Way:
    """One way to predict the units: what it predicts on the judging rows, and what it costs.

    window    the prediction itself, as a condition
    predicted what it predicts on the judging rows
    counts    terms of each unit
    bits      of each unit: pose, addresses, weights, gain and bias
    numbers   of all units together: poses, weights, gains and biases
    labelled  whether it reads labels, whose bits and numbers come on top
    """

    name: str
    window: Window
    predicted: Float[Tensor, "row unit"]
    counts: Float[np.ndarray, " unit"]
    bits: Float[np.ndarray, " unit"]
    numbers: int
    labelled: bool = True


@dataclass(frozen=True)
class Search:
    """All that a search of one site needs.

    units    the channels of the site that are searched for, one column of the samples each
    offered  `unit pose`, whether a pose agrees with the unit's answers to drawn stimuli
    """

    fit: Sample
    judge: Sample
    labels: Labels
    units: tuple[int, ...]
    offered: np.ndarray
    step_px: int
    side: int
    link: Link
    work: Work

    def of(self, columns: Sequence[int]) -> "Search":
        """The search for some of the units alone."""
        return replace(
            self,
            fit=self.fit.of(columns),
            judge=self.judge.of(columns),
            units=tuple(self.units[i] for i in columns),
            offered=self.offered[list(columns)],
        )

    @property
    def label_numbers(self) -> int:
        """The numbers of the labels that are read: a peak each, and a pose where there is one."""
        return len(self.labels) + int((self.labels.period_deg > 0).sum())

    @property
    def labelled(self) -> dict[str, int]:
        """How many units of the site before each family has."""
        return {name: len(members) for name, members in self.labels.families.items()}

    @property
    def label_bits(self) -> float:
        """The bits of the labels that are read, as a share of each unit."""
        return self.labels.bits / len(self.offered)

    def features(self, terms: Dictionary) -> Features:
        """The features of a dictionary."""
        return partial(_of_terms, terms)

    def dictionary(self, labels: Labels, posed: bool = True) -> Dictionary:
        """The terms that read these labels."""
        return dictionary(labels, self.step_px, self.side, self.work, posed)

    def poses(self, terms: Dictionary) -> np.ndarray:
        """The pose of each unit: of those offered, that at which a few terms explain most."""
        if len(terms.poses) == 1:
            return np.zeros(len(self.offered), int)
        rows = self.fit.part(np.arange(len(self.fit)) % POSE_ROWS == 0)
        poses, engine = range(POSES), self.work.engine
        return best_poses(self.features(terms), rows, poses, self.offered, engine)

    def way(
        self, name: str, terms: Dictionary, counts: Sequence[int], poses: np.ndarray
    ) -> tuple[Way, list[Theory]]:
        """The units' theories of so many terms each."""
        advance = self.work.stage(name, len(poses))
        made = theories(
            self.features(terms),
            self.fit,
            poses,
            counts,
            self.link,
            advance=advance,
            engine=self.work.engine,
        )
        candidates = len(terms.atoms), len(terms.poses)
        return self.costed(name, self.kernels(terms, made), made, *candidates), made

    def kernels(self, terms: Dictionary, made: Sequence[Theory]) -> Float[Tensor, "unit below tap"]:
        """The kernels of theories; their columns behind the dictionary's are single weights."""
        kernels = []
        for theory in made:
            chosen, count = torch.tensor(theory.chosen), len(terms.atoms)
            of_terms, weights = chosen < count, theory.weights
            kernel = terms.kernel(theory.pose, chosen[of_terms].tolist(), weights[of_terms])
            places = self.inputs[chosen[~of_terms] - count]
            kernels.append(kernel.flatten().index_add(0, places, weights[~of_terms]))
        return torch.stack(kernels).unflatten(1, self.fit.windows.shape[1:])

    @property
    def inputs(self) -> Int[Tensor, " weight"]:
        """The places of single weights in a window: its middle, of at most PLACES in all."""
        channels, side = self.fit.windows.shape[1], self.side
        narrow = next(k for k in range(side, 0, -2) if k == 1 or channels * k**2 <= PLACES)
        rim = (side - narrow) // 2
        places = torch.arange(channels * side**2).view(channels, side, side)
        return places[:, rim : side - rim, rim : side - rim].flatten()

    def costed(
        self,
        name: str,
        kernels: Float[Tensor, "unit below tap"],
        made: Sequence[Theory],
        candidates: int,
        poses: int,
    ) -> Way:
        """The predictions of the theories, with their counts and bits."""
        counts = np.array([len(theory.chosen) for theory in made])
        bits = np.array([unit_bits(int(k), candidates, poses) for k in counts])
        window = window_of(made, kernels, self.link)
        numbers = int(counts.sum()) + len(made) * (GAIN_AND_BIAS + (poses > 1))
        return Way(name, window, predictions(window, self.judge), counts, bits, numbers)


def unposed(search: Search, counts: Sequence[int]) -> Way:
    """The same search without poses, on either side; of as many terms."""
    plain = search.dictionary(search.labels.without_poses(), posed=False)
    return search.way(UNPOSED, plain, counts, search.poses(plain))[0]


def permuted(search: Search, counts: Sequence[int]) -> Way:
    """The same search with the labels dealt to wrong units; of as many terms."""
    wrong = search.dictionary(search.labels.permuted(search.work.seed))
    return search.way(PERMUTED, wrong, counts, search.poses(wrong))[0]


def mean_of(search: Search) -> Way:
    """Every unit at its mean over the fitting rows."""
    mean = search.fit.trained.mean(0)
    units, below = len(mean), search.fit.windows.shape[1]
    window = Window(torch.zeros(units, below, 1, 1), torch.zeros(units), mean, search.link)
    predicted = search.link(mean).expand(len(search.judge), -1)
    bits = np.full(units, CALIBRATED_BITS, float)
    return Way(MEAN, window, predicted, np.zeros(units), bits, units, labelled=False)


def random_terms(
    search: Search, terms: Dictionary, counts: Sequence[int], poses: np.ndarray
) -> Way:
    """As many terms as the units' theories have, drawn at random."""
    generator = np.random.default_rng(search.work.seed)
    made = []
    advance = search.work.stage(RANDOM, len(poses))
    windows = search.fit.windows.flatten(1)
    for unit, pose in enumerate(poses.tolist()):
        picked = generator.permutation(len(terms.atoms))[: counts[unit]].tolist()
        values = scaled_features(windows @ terms.basis(pose, picked))
        trained = search.fit.trained[:, unit]
        theory = theory_of(pose, torch.arange(len(picked)), values, trained, search.link)
        made.append(replace(theory, chosen=tuple(picked)))
        advance(1)
    kernels_of = search.kernels(terms, made)
    return search.costed(RANDOM, kernels_of, made, len(terms.atoms), len(terms.poses))


def single_weights(search: Search, terms: Dictionary, bits: Float[np.ndarray, " unit"]) -> Way:
    """Single weights of what enters the stage, of no more bits a unit."""
    inputs, units = search.inputs, len(search.offered)
    counts = [affordable(of_unit, len(inputs), 1) for of_unit in bits]
    advance, everywhere = search.work.stage(SINGLE, units), np.zeros(units, int)
    features = partial(_single, inputs)
    made = theories(features, search.fit, everywhere, counts, search.link, advance=advance)
    behind = [_behind(theory, len(terms.atoms)) for theory in made]
    way = search.costed(SINGLE, search.kernels(terms, behind), made, len(inputs), 1)
    return replace(way, labelled=False)


def with_exceptions(
    search: Search, terms: Dictionary, bits: Float[np.ndarray, " unit"], poses: np.ndarray
) -> Way:
    """Terms with single weights as exceptions, chosen together, of no more bits a unit."""
    inputs = search.inputs
    both = len(terms.atoms) + len(inputs)
    counts = [affordable(of_unit - search.label_bits, both, len(terms.poses)) for of_unit in bits]
    made = theories(
        search.features(terms),
        search.fit,
        poses,
        counts,
        search.link,
        scaled_features(_single(inputs, search.fit, 0)),
        search.work.stage(EXCEPTIONS, len(poses)),
        search.work.engine,
    )
    return search.costed(EXCEPTIONS, search.kernels(terms, made), made, both, len(terms.poses))


def _of_terms(terms: Dictionary, sample: Sample, pose: int) -> Float[Tensor, "row atom"]:
    """The drive that every term alone gives a reader of that pose."""
    return terms.features(sample.windows, pose)


def _single(inputs: Int[Tensor, " weight"], sample: Sample, pose: int) -> Tensor:
    """The inputs of single weights, which are the same at every pose."""
    return sample.windows.flatten(1)[:, inputs]


def _behind(theory: Theory, count: int) -> Theory:
    """The theory with its columns behind so many others."""
    return replace(theory, chosen=tuple(column + count for column in theory.chosen))
