"""Calibration: one gain and one bias for each handwritten unit, and the same for every control.

They are fitted on pictures that are declared for it and used for nothing else.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit, Layer, Read
from workbench.splice.conditions import (
    Affine,
    Condition,
    ConditionFacts,
    ConditionKind,
    Donor,
    Handwritten,
    Mean,
    Regression,
    facts_of_circuit,
    natural,
    zero,
)
from workbench.splice.gain import refuse_not_finite
from workbench.splice.inputs import ConditionInputs
from workbench.splice.link import RELU, Link, one_gain
from workbench.splice.sampled import chosen_positions, rows_at
from workbench.splice.slots import Slots, slots_of

POSITIONS = 128  # how many of each calibration picture enter the fit
DONORS = 32
RIDGE = 1e-3  # of the mean variance: keeps the regression unique


@dataclass(frozen=True)
class Splices:
    """The circuits to run, the conditions to compare, and what calibration saw.

    `level` is half the highest activation of each trained unit on the calibration pictures: the
    circuit *fires* where one exceeds it. `check` has the figures of the check of the host, if it
    was made (`workbench.splice.check`).
    """

    circuits: Mapping[str, HandwrittenCircuit]
    conditions: Mapping[str, Condition]
    level: Float[Tensor, " unit"]
    donors: int
    check: Mapping[str, float] = field(default_factory=dict)

    @property
    def site(self) -> str:
        """Where the units are."""
        return self.circuits["spliced"].site

    @property
    def units(self) -> tuple[int, ...]:
        """The labels of the units that are replaced: their channels, where they are channels."""
        return self.circuits["spliced"].units

    @property
    def slots(self) -> Slots:
        """How the units are read and written."""
        return slots_of(self.circuits["spliced"])

    def condition(self, name: str) -> Condition:
        """The condition of that name, or "spliced" where there is none.

        In a joint splice, a spec that was not tuned has no `as_written`, and others may have one.
        """
        return self.conditions[name if name in self.conditions else "spliced"]


@dataclass(frozen=True)
class Sample:
    """Positions of the calibration pictures, one row each; mean and peak are over all positions.

    For a link that is fitted on whole pictures, each is `picture unit position` instead.
    """

    trained: Float[Tensor, "row unit"]
    before: Float[Tensor, "row c2"]
    drives: Mapping[str, Float[Tensor, "row unit"]]
    mean: Float[Tensor, " unit"]
    peak: Float[Tensor, " unit"]


def with_random_readout(circuit: HandwrittenCircuit, seed: int) -> HandwrittenCircuit:
    """Control: the same circuit with random weights in its last layer.

    Each unit's weights have the norm of its handwritten ones.
    """
    generator = torch.Generator().manual_seed(seed)

    def random(read: Read) -> Read:
        noise = torch.randn(read.weight.shape, generator=generator, dtype=read.weight.dtype)
        norm = read.weight.flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1)
        return replace(read, weight=noise * norm[:, None, None, None])

    last: Layer = circuit.layers[-1]
    return replace(
        circuit, layers=(*circuit.layers[:-1], replace(last, reads=tuple(map(random, last.reads))))
    )


def condition_names(joint: Sequence[Splices]) -> tuple[str, ...]:
    """The conditions of a joint splice: every one that any of its circuits has."""
    longest_first = sorted(joint, key=lambda splices: -len(splices.conditions))
    return tuple(dict.fromkeys(name for splices in longest_first for name in splices.conditions))


def derangement(units: int, seed: int) -> Tensor:
    """A permutation that leaves no unit in its place (two units or more)."""
    generator = torch.Generator().manual_seed(seed)
    ring = torch.randperm(units, generator=generator)
    order = torch.empty_like(ring)
    order[ring] = ring.roll(1)
    return order


CONTROLS = {
    "control.permuted": "the handwritten units, each in another unit's place",
    "control.flipped": "the handwritten units, the sign of every weight of the last layer flipped",
    "control.other_picture": "the handwritten units' activation on another picture",
    "control.random": "the handwritten circuit with random weights of equal norm in its last layer",
}


def _control(name: str) -> ConditionFacts:
    return ConditionFacts(name, ConditionKind.CONTROL, CONTROLS[name])


def calibrate(
    circuits: Mapping[str, HandwrittenCircuit],
    batches: Iterable[ConditionInputs],
    seed: int = 0,
    link: Link = RELU,
) -> Splices:
    """Fit every condition on the batches of the calibration pictures.

    `circuits` holds "spliced" (the spec's), "random" (its control), for a tuned spec "as_written",
    and any other that is to be compared. Without "random" every control that is made from the
    spec's circuit is left out. `link` is the site's. Raises ValueError without batches, and
    WorkbenchError for activations or drives that are not finite.
    """
    sample, donors = sample_positions(batches, np.random.default_rng(seed), link)
    units = len(slots_of(next(iter(circuits.values()))))
    same, swapped = torch.arange(units), derangement(units, seed)

    def fitted(
        facts: ConditionFacts, circuit: str, order: Tensor = same, sign: float = 1.0
    ) -> Handwritten:
        drive = sign * sample.drives[circuit][:, order]
        if circuits[circuit].one_gain:
            gain, bias = one_gain(link, drive, sample.trained)
        else:
            gain, bias = link.fit(drive, sample.trained)
        return Handwritten(circuit, gain, bias, order, sign, link, **vars(facts))

    handwritten = {
        name: fitted(facts_of_circuit(name), name) for name in circuits if name != "random"
    }
    controls: list[Condition] = []
    if "random" in circuits:
        controls = [
            fitted(_control("control.permuted"), "spliced", swapped),
            fitted(_control("control.flipped"), "spliced", sign=-1.0),
            Donor(handwritten["spliced"](donors), **vars(_control("control.other_picture"))),
            fitted(_control("control.random"), "random"),
        ]
    conditions: list[Condition] = [
        natural,
        zero,
        Mean(
            sample.mean,
            name="ablated.mean",
            kind=ConditionKind.ABLATION,
            label="each unit's mean over the calibration pictures",
        ),
        Donor(
            donors.trained,
            name="ablated.resample",
            kind=ConditionKind.ABLATION,
            label="the trained units' activation on another picture",
        ),
        *handwritten.values(),
        *controls,
        affine(sample.before, sample.trained, link),
        regression(sample.before, sample.trained, link),
    ]
    by_name = {condition.name: condition for condition in conditions}
    return Splices(circuits, by_name, sample.peak / 2, len(donors.trained))


def sample_positions(
    batches: Iterable[ConditionInputs], generator: np.random.Generator, link: Link = RELU
) -> tuple[Sample, ConditionInputs]:
    """POSITIONS random positions of every picture, and the first DONORS pictures whole.

    For a link that is fitted on whole pictures, all positions. Raises ValueError without batches,
    and WorkbenchError for an activation that is not finite.
    """
    samples: list[ConditionInputs] = []
    whole: list[ConditionInputs] = []
    means, peaks, donors = [], [], 0
    for batch in batches:
        chosen = chosen_positions(batch.trained, POSITIONS, generator)
        samples.append(_all(batch) if link.whole else _rows(batch, chosen))
        means.append(batch.trained.mean(_positions(batch.trained)))
        peaks.append(batch.trained.amax((0, *_positions(batch.trained))))
        if donors < DONORS:
            whole.append(batch)
            donors += len(batch.trained)
    if not samples:
        raise ValueError("calibration needs at least one picture")
    flat = _joined(samples)
    mean, peak = torch.cat(means).mean(0), torch.stack(peaks).amax(0)
    refuse_not_finite(trained_activation=mean)
    return Sample(flat.trained, flat.given("before"), flat.drives, mean, peak), _joined(whole)


def _positions(activation: Float[Tensor, "n unit *position"]) -> tuple[int, ...]:
    """The axes of positions."""
    return tuple(range(2, activation.ndim))


def _picked(
    batch: ConditionInputs, pick: Callable[[Float[Tensor, "n c *position"]], Tensor]
) -> ConditionInputs:
    """The batch with `pick` of each tensor that calibration reads."""
    drives = {name: pick(drive) for name, drive in batch.drives.items()}
    before = pick(batch.given("before"))
    return replace(batch, trained=pick(batch.trained), before=before, drives=drives)


def _rows(batch: ConditionInputs, chosen: Tensor) -> ConditionInputs:
    """The chosen positions, every tensor `row channel`, as if each row were a picture."""
    return _picked(
        batch,
        lambda activation: rows_at(activation, chosen),
    )


def _all(batch: ConditionInputs) -> ConditionInputs:
    """Every position, every tensor `picture channel position`."""
    return _picked(batch, lambda activation: activation.flatten(2))


def _joined(batches: Sequence[ConditionInputs]) -> ConditionInputs:
    return replace(
        batches[0],
        trained=torch.cat([batch.trained for batch in batches]),
        before=torch.cat([batch.given("before") for batch in batches]),
        drives={
            name: torch.cat([batch.drives[name] for batch in batches]) for name in batches[0].drives
        },
        donor=torch.cat([batch.donor for batch in batches]),
    )


def rows(activation: Tensor) -> Float[Tensor, "row c"]:
    """The positions of a sample, one row each, also where it holds whole pictures."""
    return activation if activation.ndim == 2 else activation.movedim(1, 2).flatten(0, 1)


def affine(before: Tensor, trained: Tensor, link: Link = RELU) -> Affine:
    """For each unit the channel before that correlates best with it, with a gain and a bias.

    Both are as in `Sample`: `row channel`, or `picture channel position`.
    """
    x, y = (flat - flat.mean(0) for flat in (rows(before).double(), rows(trained).double()))
    correlation = (y.T @ x) / (y.norm(dim=0)[:, None] * x.norm(dim=0)[None]).clamp_min(1e-30)
    channel = correlation.argmax(1)
    return Affine(
        channel,
        *link.fit(before[:, channel], trained),
        link,
        name="baseline.affine",
        kind=ConditionKind.BASELINE,
        label="for each unit the trained unit of the layer before that fits it best, with a gain "
        "and a bias: no theory, as many numbers",
    )


def regression(before: Tensor, trained: Tensor, link: Link = RELU) -> Regression:
    """Least squares with a little ridge, `trained ~ weight @ before + constant`.

    Then gain and bias, as every unit has them. Both are as in `Sample`.
    """
    x, y = rows(before).double(), rows(trained).double()
    centred = x - x.mean(0)
    gram = centred.T @ centred
    ridge = RIDGE * gram.diagonal().mean()
    ridge = torch.where(ridge > 0, ridge, 1.0)  # nothing before varies: the weights are 0
    gram += ridge * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    weight = torch.linalg.solve(gram, centred.T @ (y - y.mean(0))).T.to(before.dtype)
    if before.ndim == 2:
        prediction = before @ weight.T
    else:
        prediction = torch.einsum("uc,ncp->nup", weight, before)
    return Regression(
        weight,
        *link.fit(prediction, trained),
        link,
        name="baseline.regression",
        kind=ConditionKind.BASELINE,
        label="the least-squares prediction from every trained unit of the layer before: no "
        "theory, hundreds of numbers a unit",
    )
