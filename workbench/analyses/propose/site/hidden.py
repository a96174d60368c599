"""Hidden families: units in the bottleneck of a site's branches, written before the site's units.

Where a site's units read a 1x1 convolution and its ReLU, each hidden unit takes the place of one
unit of that bottleneck. It is itself a theory, of terms that read labelled units at its own place,
or of single weights. The site's units read hidden units as they are written, not as they are
trained, and what enters the stage at their own place, as it is and pooled. All of it is counted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from workbench.analyses.propose.site.agreement import correlations, judged, mean_figure, moments
from workbench.analyses.propose.site.controls import (
    EXCEPTIONS,
    GAIN_AND_BIAS,
    PERMUTED,
    SINGLE,
    TERMS,
    Search,
    Way,
    permuted,
    single_weights,
    with_exceptions,
)
from workbench.analyses.propose.site.dictionary import POSES
from workbench.analyses.propose.site.fit import theories
from workbench.analyses.propose.site.sample import Sample, Stage, fitted_drive
from workbench.analyses.propose.site.stop import affordable, unit_bits
from workbench.hosts.branches import bias_of
from workbench.score.uncertainty import Figure
from workbench.splice.conditions import scaled
from workbench.splice.link import RELU, Link
from workbench.splice.rivals import Through, Window

COUNT = 10  # terms of a hidden unit
POOL = 3  # cells to a side


def hidden_name(way: str) -> str:
    """The name of the way whose hidden units are written in the way of that name."""
    return f"hidden: {way}"


HIDDEN_ROWS = tuple(map(hidden_name, (TERMS, PERMUTED, SINGLE, EXCEPTIONS)))


@dataclass(frozen=True)
class HiddenRow:
    """One hidden unit, and its theory.

    unit      its channel of the bottleneck; those of a block's further bottlenecks follow
    pose_deg  direction of the normal of its theory's frame
    pearson   with the bottleneck's trained unit, on the judging pictures
    terms     of the language: each with the family that it reads
    """

    unit: int
    pose_deg: float
    pearson: float
    bits: float
    terms: Sequence[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Hidden:
    """The results of hidden families; empty where the stage has no bottleneck.

    ways     of the site's units, that read hidden ones
    rows     the hidden units that are written by terms
    pearson  mean over hidden units with the bottleneck's trained ones on the judging pictures, by
             the way in which they are written
    """

    ways: Sequence[Way] = ()
    rows: Sequence[HiddenRow] = ()
    pearson: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class Bottleneck:
    """The hidden units of a stage.

    search  of the hidden units, each at its own place
    link    of the site's units
    places  whether the site's units read a hidden unit at a place of their window
    """

    search: Search
    link: Link
    places: Bool[Tensor, "hidden tap"]

    @property
    def candidates(self) -> int:
        """How many features there are."""
        return int(self.places.sum()) + 2 * self.search.fit.windows.shape[1]

    def features(self, sample: Sample, hidden: Window) -> Float[Tensor, "row feature"]:
        """The hidden units, as written, at their places, and what enters at the middle."""
        drive = torch.einsum("uc,rct->rut", hidden.weight.flatten(1), sample.windows)
        values = scaled(RELU, hidden.gain, hidden.bias, drive)
        # a place beyond the border has no activation at all, and no hidden unit
        values *= (sample.windows != 0).any(1, keepdim=True)
        side = round(sample.windows.shape[2] ** 0.5)
        square, middle = sample.windows.unflatten(2, (side, side)), side // 2
        around = slice(middle - POOL // 2, middle + POOL // 2 + 1)
        pooled = square[:, :, around, around].amax((2, 3))
        return torch.cat([values[:, self.places], square[:, :, middle, middle], pooled], 1)

    def through(
        self,
        hidden: Window,
        weight: Float[Tensor, "unit feature"],
        gain: Float[Tensor, " unit"],
        bias: Float[Tensor, " unit"],
    ) -> Through:
        """The prediction that has these weights of `features`."""
        count, side = int(self.places.sum()), round(self.places.shape[1] ** 0.5)
        kernels = torch.zeros(len(weight), *self.places.shape)
        kernels[:, self.places] = weight[:, :count]
        return Through(
            weight=kernels.unflatten(2, (side, side)),
            gain=gain,
            bias=bias,
            link=self.link,
            direct=weight[:, count:],
            hidden_weight=hidden.weight.flatten(1),
            hidden_gain=hidden.gain,
            hidden_bias=hidden.bias,
        )


def sides_of(stage: Stage) -> dict[torch.nn.Conv2d, int]:
    """Each bottleneck of the stage's wide branches, and the cells to a side that read it."""
    sides: dict[torch.nn.Conv2d, int] = {}
    for branch in stage.branches if stage.side >= POOL else ():
        if branch.bottleneck is not None:
            side = min(stage.side, branch.convolutions[-1].kernel_size[0])
            sides[branch.bottleneck] = max(side, sides.get(branch.bottleneck, 0))
    return sides


def bottleneck(stage: Stage, search: Search) -> Bottleneck | None:
    """The bottleneck that the site's units read through; None where no wide branch has any."""
    sides = sides_of(stage)
    if not sides:
        return None
    weight = torch.cat([convolution.weight.detach()[:, :, 0, 0] for convolution in sides])
    bias = torch.cat([bias_of(convolution).detach() for convolution in sides])
    middle = search.fit.windows.shape[2] // 2
    # above handwritten sites: fitted to the bottleneck that reads them, judged on the trained one
    fit = _at_bottleneck(search.fit, search.fit.windows[..., middle], weight, bias)
    judge = _at_bottleneck(search.judge, search.judge.natural, weight, bias)
    offered = np.ones((len(bias), POSES), bool)
    reach = torch.cat([torch.full((c.out_channels,), side // 2) for c, side in sides.items()])
    step = torch.arange(stage.side) - stage.side // 2
    far = torch.maximum(step.abs()[:, None], step.abs()[None]).flatten()
    work = search.work.named("hidden")
    hidden = replace(search, fit=fit, judge=judge, offered=offered, side=1, link=RELU, work=work)
    hidden = replace(hidden, units=tuple(range(len(bias))))
    return Bottleneck(hidden, search.link, far[None] <= reach[:, None])


def hidden_families(
    stage: Stage,
    search: Search,
    bits: Float[np.ndarray, " unit"],
    count: int = COUNT,
    rows: Collection[str] = HIDDEN_ROWS,
) -> Hidden:
    """The site's units through hidden ones, everything within `bits` of each unit; hidden theories.

    Hidden units are written by `count` terms of the language, by as many that read permuted labels,
    and by single weights, alone and with terms, of no more bits; each is made if it is in `rows`.
    """
    if not set(rows) & set(HIDDEN_ROWS):
        return Hidden()
    made = bottleneck(stage, search)
    if made is None:
        return Hidden()
    hidden = made.search
    counts = [count] * len(hidden.offered)
    terms = hidden.dictionary(hidden.labels)
    poses = hidden.poses(terms)
    way, several = hidden.way(TERMS, terms, counts, poses)
    budget = way.bits + hidden.label_bits
    makers = {
        TERMS: lambda: way,
        PERMUTED: lambda: permuted(hidden, counts),
        SINGLE: lambda: single_weights(hidden, terms, budget),
        EXCEPTIONS: lambda: with_exceptions(hidden, terms, budget, poses),
    }
    in_turn = [make() for name, make in makers.items() if hidden_name(name) in rows]
    ways = [_through(made, search, made_by, bits) for made_by in in_turn]
    judge = hidden.judge
    pearson = correlations(moments(way.predicted, judge.trained, judge.item))
    written = [
        HiddenRow(
            unit,
            terms.poses[theory.pose],
            float(pearson[unit]),
            float(way.bits[unit]),
            terms.written(theory.chosen, theory.weights),
        )
        for unit, theory in enumerate(several)
    ]
    means = {
        made_by.name: mean_figure(judged(made_by.predicted, judge), hidden.work.seed)
        for made_by in in_turn
    }
    return Hidden(ways, written, means)


def _through(
    made: Bottleneck, search: Search, hidden: Way, bits: Float[np.ndarray, " unit"]
) -> Way:
    """The site's units with single weights of hidden ones that are written so."""
    units, candidates, written = len(search.offered), made.candidates, hidden.window
    name = hidden_name(hidden.name)
    # in proportion to what a unit may cost: equal shares can exceed all that a short theory has
    shared = hidden.bits.sum() * bits / bits.sum()
    left = bits - shared - search.label_bits * hidden.labelled
    counts = [affordable(of_unit, candidates, 1) for of_unit in left]
    several = theories(
        lambda sample, pose: made.features(sample, written),
        search.fit,
        np.zeros(units, int),
        counts,
        search.link,
        advance=search.work.stage(f"units through {name}", units),
    )
    weight = torch.zeros(units, candidates)
    for unit, theory in enumerate(several):
        weight[unit, list(theory.chosen)] = theory.weights
    gain, bias = (
        torch.tensor([getattr(theory, key) for theory in several]) for key in ("gain", "bias")
    )
    predicted = scaled(search.link, gain, bias, made.features(search.judge, written) @ weight.T)
    cost = np.array([unit_bits(k, candidates, 1) for k in counts]) + shared
    window = made.through(written, weight, gain, bias)
    numbers = hidden.numbers + sum(counts) + GAIN_AND_BIAS * units
    return Way(name, window, predicted, np.array(counts), cost, numbers, hidden.labelled)


def _at_bottleneck(
    sample: Sample,
    entering: Float[Tensor, "row c"],
    weight: Float[Tensor, "hidden c"],
    bias: Float[Tensor, " hidden"],
) -> Sample:
    """The bottleneck's units where this enters at each row's position; what hidden units read."""
    middle = sample.windows.shape[2] // 2
    windows = sample.windows[:, :, middle : middle + 1].contiguous()
    drive = entering @ weight.T + bias
    trained = F.relu(drive)
    return replace(sample, windows=windows, trained=trained, target=fitted_drive(drive, trained))
