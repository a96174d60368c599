"""Tuning: the numbers that a spec marks `{tune: ...}` are fitted within their bounds, by gradient through the compiler.

The loss is 1 - mean Pearson correlation of `max(0, drive + threshold)` with the trained activation, over units; the thresholds are fitted
alongside and thrown away, since calibration gives every unit its gain and bias.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import Grid, Layer
from workbench.compiler.compile import compile_theory, trained_units
from workbench.compiler.respond import Responses, in_circuit_units, respond
from workbench.evaluate.journal import Journal
from workbench.hosts.host import Host
from workbench.pictures import Picture, batch
from workbench.spec.circuit import TrainedCircuit, posed
from workbench.spec.language import INPUT, Number, PoseBounds, Theory, UnitPose, numbers
from workbench.theory.angles import wrap_deg
from workbench.theory.poses import CENTRE, RADIUS, SCALE, SHIFT_X, SHIFT_Y, Units
from workbench.tune.descent import Descent

BATCH = 12
RATE = 0.06  # of Adam at its highest, in the numbers' logits
MARGIN = 0.02  # of the bounds' distance: a value on its bound has no gradient
MOVED = (CENTRE, RADIUS, SHIFT_X, SHIFT_Y, SCALE)
FIRST_THRESHOLD = -0.2  # of the ideal stimulus's drive
KEPT = 25  # steps between two states that are kept: some seconds
STATE = "state"

Path = tuple[str | int, ...]
Progress = Callable[[int, float], None]


@dataclass(frozen=True)
class Tuning:
    """Fitted values by their path in the theory, fitted poses by unit, and the mean Pearson correlation of each step's batch."""

    values: Mapping[Path, float]
    poses: Mapping[str, UnitPose]
    history: tuple[float, ...]


class Bounded(torch.nn.Module):
    """Every tuned number of a theory, but for those of the families `hold`, as a parameter whose sigmoid runs from its `min` to its `max`."""

    def __init__(self, theory: Theory, hold: Collection[str] = ()):
        super().__init__()
        self.found = {path: number for path, number in numbers(theory) if number.tuned and path[1] not in hold}
        self.low = torch.tensor([number.min for number in self.found.values()], dtype=torch.float64)
        self.span = torch.tensor([number.max for number in self.found.values()], dtype=torch.float64) - self.low
        above = torch.tensor([number.tune for number in self.found.values()], dtype=torch.float64) - self.low
        start = torch.where(self.span > 0, above / self.span, 0.5)  # min and max may be equal: such a number stays
        self.free = torch.nn.Parameter(torch.logit(start.clamp(MARGIN, 1 - MARGIN)))
        self.index = {id(number): i for i, number in enumerate(self.found.values())}

    def value(self) -> Callable[[Number], Tensor]:
        """What the compiler asks for: the tensor behind each Number."""
        current = self.low + self.span * torch.sigmoid(self.free)
        return lambda number: (
            current[self.index[id(number)]] if id(number) in self.index else torch.tensor(number.tune, dtype=torch.float64)
        )

    def values(self) -> dict[Path, float]:
        """The fitted numbers, to four digits: no more is meant."""
        low, high = self.low.numpy(), (self.low + self.span).numpy()
        current = self.low.numpy() + self.span.numpy() * torch.sigmoid(self.free.detach()).numpy()
        rounded = np.clip([float(f"{value:.4g}") for value in current], low, high)
        return dict(zip(self.found, rounded.tolist(), strict=True))


class MovedPoses(torch.nn.Module):
    """Each unit's pose as parameters whose tanh runs from one bound to the other about the surveyed pose, from `start`; else fixed."""

    def __init__(self, trained: TrainedCircuit, bounds: PoseBounds | None, start: TrainedCircuit):
        super().__init__()
        self.surveyed, self.bounds, self.names = trained_units(trained), bounds, [str(unit.unit) for unit in trained.units]
        free = torch.zeros(len(MOVED), len(self.names), dtype=torch.float64)
        if bounds is not None:
            here, there = ([torch.as_tensor(units.column(axis)) for axis in MOVED] for units in (self.surveyed, trained_units(start)))
            turn = wrap_deg(there[0] - here[0], 360.0) / bounds.centre_deg
            bend = torch.log(there[1] / here[1]) / math.log(bounds.radius)
            shifts = [(b - a) / bounds.shift_px for a, b in zip(here[2:4], there[2:4], strict=True)]
            size = torch.log(there[4] / here[4]) / math.log(bounds.scale) if bounds.scale else free[4]
            free = torch.atanh(torch.stack([turn, bend, *shifts, size]).clamp(MARGIN - 1, 1 - MARGIN))
        self.free = torch.nn.Parameter(free, requires_grad=bounds is not None)

    def units(self) -> Units:
        """The units where the parameters put them."""
        if self.bounds is None:
            return self.surveyed
        turn, bend, right, down, size = torch.tanh(self.free)
        known = {axis: torch.as_tensor(self.surveyed.column(axis)) for axis in MOVED}
        poses = {
            CENTRE: known[CENTRE] + self.bounds.centre_deg * turn,
            RADIUS: known[RADIUS] * self.bounds.radius**bend,
            SHIFT_X: known[SHIFT_X] + self.bounds.shift_px * right,
            SHIFT_Y: known[SHIFT_Y] + self.bounds.shift_px * down,
            **({SCALE: known[SCALE] * self.bounds.scale**size} if self.bounds.scale else {}),
        }
        return replace(self.surveyed, poses={**self.surveyed.poses, **poses})

    def poses(self) -> dict[str, UnitPose]:
        """The fitted poses, to a tenth; scales to a hundredth."""
        if self.bounds is None:
            return {}
        rows = torch.stack([torch.as_tensor(self.units().column(axis)).detach() for axis in MOVED], 1).tolist()
        scaled = self.bounds.scale is not None
        return {
            name: UnitPose(
                centre_deg=round(centre, 1) % 360,
                radius_px=round(radius, 1),
                shift_px=(round(x, 1), round(y, 1)),
                scale=round(size, 2) if scaled else None,
            )
            for name, (centre, radius, x, y, size) in zip(self.names, rows, strict=True)
        }


def tune(
    theory: Theory,
    trained: TrainedCircuit,
    host: Host,
    pictures: Sequence[Picture],
    steps: int,
    seed: int = 0,
    rate: float = RATE,
    progress: Progress | None = None,
    hold: Collection[str] = (),
    journal: Journal | None = None,
) -> Tuning:
    """Fit the theory's tuned numbers to the trained units' activations on `pictures`. Same inputs, same machine: same numbers.

    The numbers of the families `hold` stay as they are. What those say that nothing fitted can change is computed once and kept in memory.
    With a journal, the state is kept every KEPT steps, and a fit that was interrupted goes on from there to the same numbers.
    """
    bounded = Bounded(theory, hold)
    moved = MovedPoses(trained, list(theory.families.values())[-1].tune_poses, posed(trained, theory.tuned) if theory.tuned else trained)
    threshold = torch.nn.Parameter(torch.full((len(trained.units),), FIRST_THRESHOLD))
    descent = Descent([bounded.free, moved.free], [threshold], rate, steps, seed)
    still = _still(theory, bounded)
    with torch.no_grad():
        first = compile_theory(theory, trained, host, bounded.value(), moved.units(), torch.float32)
        seen, target = _seen(host, trained, pictures, [layer for layer in first.layers if layer.family in still], first.grid)
    if journal and (kept := journal.read(STATE)):
        descent.restore(kept)
    if progress and descent.history:
        progress(len(descent.history), descent.history[-1])
    while len(descent.history) < steps:
        chosen = torch.randperm(len(target), generator=descent.generator)[:BATCH]
        circuit = compile_theory(theory, trained, host, bounded.value(), moved.units(), torch.float32)
        so_far = replace(seen, of={family: response[chosen] for family, response in seen.of.items()}, cells=dict(seen.cells))
        response = F.relu(respond(circuit.layers, so_far) + threshold[:, None, None])
        agreement = correlation(response, target[chosen]).mean()
        descent.step(1 - agreement, float(agreement.detach()))
        if journal and len(descent.history) % KEPT == 0:
            journal.write(STATE, descent.state())
        if progress:
            progress(1, descent.history[-1])
    return Tuning(bounded.values(), moved.poses(), tuple(descent.history))


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
