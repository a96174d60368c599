"""Tuning: fits the numbers marked `{tune: ...}` within their bounds, by gradient.

The gradient runs through the compiler. The loss is 1 - mean Pearson correlation of
`link(drive + threshold)` with the trained activation, over units, and over circuits where there are
several, and perhaps a term for weights (`workbench.tune.weights`). `link` is the site's, by default
`max(0, drive + threshold)`. The thresholds start where calibration puts them for the numbers as
written. They are fitted alongside and thrown away, since calibration gives every unit its gain and
bias.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Kept
from workbench.compiler.circuit import Grid, HandwrittenCircuit, Layer
from workbench.compiler.compile import compile_theory
from workbench.compiler.respond import Responses, in_circuit_units, respond
from workbench.hosts.host import Host
from workbench.spec.circuit import TrainedCircuit, posed
from workbench.spec.language import INPUT, Theory, UnitPose
from workbench.spec.meaning import needed_axes
from workbench.splice.link import Link, link_of
from workbench.splice.slots import trained_slots
from workbench.tune.bounded import Bounded, Path
from workbench.tune.descent import Descent
from workbench.tune.moved import MovedPoses
from workbench.tune.settings import TuneSettings
from workbench.tune.weights import TrainedWeights
from workbench.vision.pictures import Picture, batch

BATCH = 12
CALIBRATED = 24  # pictures, at most, that the first thresholds are fitted on
UNDRIVEN = -0.2  # first threshold of a unit without a gain, in parts of the ideal stimulus's drive
KEPT = 25  # steps between two states that are kept: some seconds
STATE = "state"

# Called with the steps that were just taken and the mean correlation of the last one's batches
OnStep = Callable[[int, float], None]


@dataclass(frozen=True)
class Tuning:
    """The result of a fit.

    values   path in the theory -> the fitted number
    poses    of each circuit: unit -> its fitted pose
    history  mean Pearson correlation of each step's batches
    """

    values: Mapping[Path, float]
    poses: tuple[Mapping[str, UnitPose], ...]
    history: tuple[float, ...]


class Goal:
    """A trained circuit that the theory is fitted to.

    Holds its units' activations on all the pictures, and its own parameters: poses, which are
    fitted if `with_poses`, and thresholds.
    """

    def __init__(
        self,
        theory: Theory,
        trained: TrainedCircuit,
        host: Host,
        pictures: Sequence[Picture],
        bounded: Bounded,
        with_poses: bool,
    ):
        bounds = list(theory.families.values())[-1].tune_poses if with_poses else None
        trained.refuse_without(needed_axes(list(theory.families.values())[-1]))
        self.theory, self.trained, self.host = theory, trained, host
        self.moved = MovedPoses(
            trained,
            bounds,
            posed(trained, theory.tuned) if theory.tuned and with_poses else trained,
        )
        self.link = link_of(host.site(trained.site))
        still = _constant_families(theory, bounded)
        with torch.no_grad():
            first = self._compiled(bounded)
            self.kept, self.target = _kept_responses(
                host,
                trained,
                pictures,
                [layer for layer in first.layers if layer.family in still],
                first.grid,
            )
            drive = respond(first.layers, self._kept_of(slice(CALIBRATED)))
        self.threshold = torch.nn.Parameter(
            first_thresholds(self.link, drive, self.target[:CALIBRATED])
        )

    def agreement(self, bounded: Bounded, generator: torch.Generator) -> Tensor:
        """Mean correlation of the units on a batch of the pictures."""
        chosen = torch.randperm(len(self.target), generator=generator)[:BATCH]
        drive = respond(self._compiled(bounded).layers, self._kept_of(chosen))
        response = self.link(drive + self.threshold[:, None, None])
        return correlation(response, self.target[chosen]).mean()

    def _kept_of(self, chosen: Tensor | slice) -> Responses:
        """The kept responses to some of the pictures, to which others can be added."""
        of = {family: response[chosen] for family, response in self.kept.of.items()}
        return replace(self.kept, of=of, cells=dict(self.kept.cells))

    def _compiled(self, bounded: Bounded) -> HandwrittenCircuit:
        return compile_theory(
            self.theory, self.trained, self.host, bounded.value(), self.moved.units(), torch.float32
        )


def tune(
    theory: Theory,
    circuits: Sequence[tuple[TrainedCircuit, Host]],
    pictures: Sequence[Picture],
    settings: TuneSettings,
    on_step: OnStep | None = None,
    kept: Kept | None = None,
) -> Tuning:
    """Fit the theory's tuned numbers to the activations of the circuits' units on all `pictures`.

    The same inputs give the same numbers on the same machine.

    One set of numbers is fitted to all circuits, each of which counts alike; each circuit has its
    own poses. Responses of families that no fitted number reaches are computed once and kept in
    memory. With `kept`, the state is kept every KEPT steps, and an interrupted fit continues
    from there to the same numbers.
    """
    bounded = Bounded(theory, settings.hold)
    goals = [
        Goal(theory, trained, host, pictures, bounded, settings.with_poses)
        for trained, host in circuits
    ]
    compared = [
        TrainedWeights(theory, trained, host, settings.bound)
        for trained, host in circuits
        if settings.bound
    ]
    descent = Descent(
        [bounded.free, *(goal.moved.free for goal in goals)],
        [goal.threshold for goal in goals],
        settings.rate,
        settings.steps,
        settings.seed,
    )
    if kept and (state := kept.read(STATE)):
        descent.restore(state)
    if on_step and descent.history:
        on_step(len(descent.history), descent.history[-1])
    while len(descent.history) < settings.steps:
        agreement = torch.stack(
            [goal.agreement(bounded, descent.generator) for goal in goals]
        ).mean()
        loss = 1 - agreement
        for goal, weights in zip(goals, compared, strict=False):
            cosine = weights.cosine(bounded.value(), goal.moved.units())
            loss = loss + settings.weights * (1 - cosine) / len(goals)
        descent.step(loss, float(agreement.detach()))
        if kept and len(descent.history) % KEPT == 0:
            kept.write(STATE, descent.state())
        if on_step:
            on_step(1, descent.history[-1])
    return Tuning(
        bounded.values(), tuple(goal.moved.poses() for goal in goals), tuple(descent.history)
    )


def first_thresholds(
    link: Link, drive: Float[Tensor, "n unit h w"], trained: Float[Tensor, "n unit h w"]
) -> Float[Tensor, " unit"]:
    """The thresholds of calibrated units: each unit's bias over its gain; UNDRIVEN without a gain.

    A threshold far from this makes the first steps bend the theory's numbers to it.
    """
    a, b = (
        x.flatten(2) if link.whole else x.movedim(1, -1).flatten(0, -2) for x in (drive, trained)
    )
    gain, bias = link.fit(a, b)
    return torch.where(gain > 0, bias / gain, UNDRIVEN)


def correlation(
    a: Float[Tensor, "n unit h w"], b: Float[Tensor, "n unit h w"]
) -> Float[Tensor, " unit"]:
    """Pearson correlation of each unit over pictures and cells.

    A unit that is zero everywhere has the correlation 0, and a gradient of 0.
    """
    a, b = (x.movedim(1, 0).flatten(1) for x in (a, b))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.square().sum(1) * b.square().sum(1) + 1e-12).sqrt()


def _constant_families(theory: Theory, bounded: Bounded) -> set[str]:
    """Families that no fitted number reaches: none is theirs, or of a family that they read.

    The last family is never one of them, as it changes with its poses.
    """
    constant = {INPUT}
    for name, family in list(theory.families.items())[:-1]:
        if constant.issuperset(family.reads) and not any(
            path[1] == name for path in bounded.fitted
        ):
            constant.add(name)
    return constant


def _kept_responses(
    host: Host,
    trained: TrainedCircuit,
    pictures: Sequence[Picture],
    still: Sequence[Layer],
    grid: Grid,
) -> tuple[Responses, Float[Tensor, "n unit h w"]]:
    """The responses of the layers `still` to the pictures, and the units' activations."""
    slots = trained_slots(trained)
    parts, targets = [], []
    for start in range(0, len(pictures), BATCH):
        x = batch(pictures[start : start + BATCH], host.picture_input)
        targets.append(slots.read(host.activations(x, trained.site)[trained.site]))
        parts.append(
            Responses.to(in_circuit_units(host.input.decode(x), host.picture_input.mean_rgb), grid)
        )
        for layer in still:
            parts[-1].add(layer)
    of = {family: torch.cat([part.of[family] for part in parts]) for family in parts[0].of}
    return replace(parts[0], of=of), torch.cat(targets)
