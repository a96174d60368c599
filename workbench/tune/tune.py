"""Tuning: the numbers that a spec marks `{tune: ...}` are fitted within their bounds, by gradient through the compiler.

The loss is 1 - mean Pearson correlation of `max(0, drive + threshold)` with the trained activation, over units, and over circuits where there are
several; the thresholds are fitted alongside and thrown away, since calibration gives every unit its gain and bias.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import Grid, Layer
from workbench.compiler.compile import compile_theory
from workbench.compiler.respond import Responses, in_circuit_units, respond
from workbench.evaluate.journal import Journal
from workbench.hosts.host import Host
from workbench.pictures import Picture, batch
from workbench.spec.circuit import TrainedCircuit, posed
from workbench.spec.language import INPUT, Theory, UnitPose
from workbench.tune.bounded import Bounded, Path
from workbench.tune.descent import Descent
from workbench.tune.moved import MovedPoses

BATCH = 12
RATE = 0.06  # of Adam at its highest, in the numbers' logits
FIRST_THRESHOLD = -0.2  # of the ideal stimulus's drive
KEPT = 25  # steps between two states that are kept: some seconds
STATE = "state"

Progress = Callable[[int, float], None]


@dataclass(frozen=True)
class Tuning:
    """Fitted values by their path in the theory; each circuit's fitted poses, by unit; the mean Pearson correlation of each step's batches."""

    values: Mapping[Path, float]
    poses: tuple[Mapping[str, UnitPose], ...]
    history: tuple[float, ...]


class Goal:
    """A trained circuit that the theory is fitted to: its units on all the pictures, and what moves with it alone."""

    def __init__(self, theory: Theory, trained: TrainedCircuit, host: Host, pictures: Sequence[Picture], bounded: Bounded, move: bool):
        bounds = list(theory.families.values())[-1].tune_poses if move else None
        self.theory, self.trained, self.host = theory, trained, host
        self.moved = MovedPoses(trained, bounds, posed(trained, theory.tuned) if theory.tuned and move else trained)
        self.threshold = torch.nn.Parameter(torch.full((len(trained.units),), FIRST_THRESHOLD))
        still = _still(theory, bounded)
        with torch.no_grad():
            first = self._compiled(bounded)
            self.seen, self.target = _seen(host, trained, pictures, [layer for layer in first.layers if layer.family in still], first.grid)

    def agreement(self, bounded: Bounded, generator: torch.Generator) -> Tensor:
        """Mean correlation of the units on a batch of the pictures."""
        chosen = torch.randperm(len(self.target), generator=generator)[:BATCH]
        so_far = replace(self.seen, of={family: said[chosen] for family, said in self.seen.of.items()}, cells=dict(self.seen.cells))
        response = F.relu(respond(self._compiled(bounded).layers, so_far) + self.threshold[:, None, None])
        return correlation(response, self.target[chosen]).mean()

    def _compiled(self, bounded: Bounded):
        return compile_theory(self.theory, self.trained, self.host, bounded.value(), self.moved.units(), torch.float32)


def tune(
    theory: Theory,
    circuits: Sequence[tuple[TrainedCircuit, Host]],
    pictures: Sequence[Picture],
    steps: int,
    seed: int = 0,
    rate: float = RATE,
    progress: Progress | None = None,
    hold: Collection[str] = (),
    journal: Journal | None = None,
    move: bool = True,
) -> Tuning:
    """Fit the theory's tuned numbers to the activations of the circuits' units on `pictures`. Same inputs, same machine: same numbers.

    One set of numbers for all circuits, each of them counting alike; poses are each circuit's own, and stay as surveyed unless `move`. The numbers
    of the families `hold` stay as they are. What those say that nothing fitted can change is computed once and kept in memory.
    With a journal, the state is kept every KEPT steps, and a fit that was interrupted goes on from there to the same numbers.
    """
    bounded = Bounded(theory, hold)
    goals = [Goal(theory, trained, host, pictures, bounded, move) for trained, host in circuits]
    descent = Descent([bounded.free, *(goal.moved.free for goal in goals)], [goal.threshold for goal in goals], rate, steps, seed)
    if journal and (kept := journal.read(STATE)):
        descent.restore(kept)
    if progress and descent.history:
        progress(len(descent.history), descent.history[-1])
    while len(descent.history) < steps:
        agreement = torch.stack([goal.agreement(bounded, descent.generator) for goal in goals]).mean()
        descent.step(1 - agreement, float(agreement.detach()))
        if journal and len(descent.history) % KEPT == 0:
            journal.write(STATE, descent.state())
        if progress:
            progress(1, descent.history[-1])
    return Tuning(bounded.values(), tuple(goal.moved.poses() for goal in goals), tuple(descent.history))


def correlation(a: Float[Tensor, "n unit h w"], b: Float[Tensor, "n unit h w"]) -> Float[Tensor, " unit"]:
    """Pearson correlation of each unit over pictures and cells; a silent unit has 0, and a gradient of 0."""
    a, b = (x.movedim(1, 0).flatten(1) for x in (a, b))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return (a * b).sum(1) / (a.square().sum(1) * b.square().sum(1) + 1e-12).sqrt()


def _still(theory: Theory, bounded: Bounded) -> set[str]:
    """Families that no fitted number reaches: none is theirs, or of a family that they read. Never the last, which moves with its poses."""
    still = {INPUT}
    for name, family in list(theory.families.items())[:-1]:
        if still.issuperset(family.reads) and not any(path[1] == name for path in bounded.found):
            still.add(name)
    return still


def _seen(
    host: Host, trained: TrainedCircuit, pictures: Sequence[Picture], still: Sequence[Layer], grid: Grid
) -> tuple[Responses, Float[Tensor, "n unit h w"]]:
    """What the layers `still` say to the pictures, and the trained units' activations."""
    units = [unit.unit for unit in trained.units]
    parts, targets = [], []
    for start in range(0, len(pictures), BATCH):
        x = batch(pictures[start : start + BATCH], host.input)
        targets.append(host.activations(x, trained.site)[trained.site][:, units])
        parts.append(Responses.to(in_circuit_units(host.input.decode(x), host.input.mean_rgb), grid))
        for layer in still:
            parts[-1].add(layer)
    of = {family: torch.cat([part.of[family] for part in parts]) for family in parts[0].of}
    return replace(parts[0], of=of), torch.cat(targets)
