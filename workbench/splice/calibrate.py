"""Calibration: the one gain and one bias that each handwritten unit may have, fitted on declared pictures; the same for every control."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit, Layer, Read
from workbench.splice.conditions import Affine, Condition, Donor, Handwritten, Mean, Regression, natural, zero
from workbench.splice.gain import gain_and_bias, one_gain_and_bias
from workbench.splice.scene import Scene

POSITIONS = 128  # cells of each calibration picture that enter the fit
DONORS = 32
RIDGE = 1e-3  # of the mean variance: keeps the regression unique


@dataclass(frozen=True)
class Splices:
    """The circuits to run, the conditions to compare, and what calibration saw.

    `level` is half the highest activation of each trained unit on the calibration pictures: the circuit *fires* where one exceeds it.
    """

    circuits: Mapping[str, HandwrittenCircuit]
    conditions: Mapping[str, Condition]
    level: Float[Tensor, " unit"]
    donors: int

    @property
    def site(self) -> str:
        """Where the units are."""
        return self.circuits["spliced"].site

    @property
    def units(self) -> tuple[int, ...]:
        """The host's channels that are replaced."""
        return self.circuits["spliced"].units

    def condition(self, name: str) -> Condition:
        """The condition of that name; the handwritten units as they are where there is none, as there is no `as_written` of a spec that was not
        tuned, beside one that was."""
        return self.conditions.get(name, self.conditions["spliced"])


@dataclass(frozen=True)
class Sample:
    """Cells of the calibration pictures, one row a cell; mean and peak are over all cells."""

    trained: Float[Tensor, "row unit"]
    before: Float[Tensor, "row c2"]
    drives: Mapping[str, Float[Tensor, "row unit"]]
    mean: Float[Tensor, " unit"]
    peak: Float[Tensor, " unit"]


def with_random_readout(circuit: HandwrittenCircuit, seed: int) -> HandwrittenCircuit:
    """Control: the same circuit, the weights of its last layer random, each unit's of equal norm to the handwritten ones'."""
    generator = torch.Generator().manual_seed(seed)

    def random(read: Read) -> Read:
        noise = torch.randn(read.weight.shape, generator=generator, dtype=read.weight.dtype)
        norm = read.weight.flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1)
        return replace(read, weight=noise * norm[:, None, None, None])

    last: Layer = circuit.layers[-1]
    return replace(circuit, layers=(*circuit.layers[:-1], replace(last, reads=tuple(map(random, last.reads)))))


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


def calibrate(circuits: Mapping[str, HandwrittenCircuit], scenes: Iterable[Scene], seed: int = 0) -> Splices:
    """Fit every condition on the scenes of the calibration pictures.

    `circuits` holds "spliced" (the spec's), "random" (its control), for a tuned spec "as_written", and any other that is to be compared. Without
    "random" every control that speaks with the spec's circuit is left out. Raises ValueError without scenes.
    """
    sample, donors = sample_cells(scenes, np.random.default_rng(seed))
    units = len(next(iter(circuits.values())).units)
    same, swapped = torch.arange(units), derangement(units, seed)

    def handwritten(circuit: str, order: Tensor = same, sign: float = 1.0) -> Handwritten:
        drive = sign * sample.drives[circuit][:, order]
        fit = one_gain_and_bias if circuits[circuit].one_gain else gain_and_bias
        return Handwritten(circuit, *fit(drive, sample.trained), order, sign)

    written = {name: handwritten(name) for name in circuits if name != "random"}
    controls: dict[str, Condition] = {}
    if "random" in circuits:
        controls = {
            "control.permuted": handwritten("spliced", swapped),
            "control.flipped": handwritten("spliced", sign=-1.0),
            "control.other_picture": Donor(written["spliced"](donors)),
            "control.random": handwritten("random"),
        }
    conditions: dict[str, Condition] = {
        "natural": natural,
        "ablated.zero": zero,
        "ablated.mean": Mean(sample.mean),
        "ablated.resample": Donor(donors.trained),
        **written,
        **controls,
        "control.affine": affine(sample.before, sample.trained),
        "control.regression": regression(sample.before, sample.trained),
    }
    return Splices(circuits, conditions, sample.peak / 2, len(donors.trained))


def sample_cells(scenes: Iterable[Scene], generator: np.random.Generator) -> tuple[Sample, Scene]:
    """POSITIONS random cells of every picture, and the first DONORS pictures whole. Raises ValueError without scenes."""
    rows: list[Scene] = []
    kept: list[Scene] = []
    means, peaks, donors = [], [], 0
    for scene in scenes:
        cells = scene.trained.shape[2] * scene.trained.shape[3]
        chosen = torch.as_tensor(generator.permutation(cells)[:POSITIONS].copy())
        rows.append(_cells(scene, chosen))
        means.append(scene.trained.mean((2, 3)))
        peaks.append(scene.trained.amax((0, 2, 3)))
        if donors < DONORS:
            kept.append(scene)
            donors += len(scene.trained)
    if not rows:
        raise ValueError("calibration needs at least one picture")
    flat = _joined(rows)
    sample = Sample(flat.trained, flat.before, flat.drives, torch.cat(means).mean(0), torch.stack(peaks).amax(0))
    return sample, _joined(kept)


def _cells(scene: Scene, chosen: Tensor) -> Scene:
    """The chosen cells, as a scene whose pictures are single cells: every tensor `row channel`."""

    def pick(activation: Tensor) -> Tensor:
        return activation.flatten(2)[:, :, chosen].movedim(1, 2).flatten(0, 1)

    return replace(
        scene, trained=pick(scene.trained), before=pick(scene.before), drives={name: pick(drive) for name, drive in scene.drives.items()}
    )


def _joined(scenes: Sequence[Scene]) -> Scene:
    drives = {name: torch.cat([scene.drives[name] for scene in scenes]) for name in scenes[0].drives}
    donor = torch.cat([scene.donor for scene in scenes])
    return replace(
        scenes[0], trained=torch.cat([s.trained for s in scenes]), before=torch.cat([s.before for s in scenes]), drives=drives, donor=donor
    )


def affine(before: Float[Tensor, "row c2"], trained: Float[Tensor, "row unit"]) -> Affine:
    """For each unit the channel before that correlates best with it, and that channel's gain and bias."""
    x, y = (t.double() - t.double().mean(0) for t in (before, trained))
    correlation = (y.T @ x) / (y.norm(dim=0)[:, None] * x.norm(dim=0)[None]).clamp_min(1e-30)
    channel = correlation.argmax(1)
    return Affine(channel, *gain_and_bias(before[:, channel], trained))


def regression(before: Float[Tensor, "row c2"], trained: Float[Tensor, "row unit"]) -> Regression:
    """Least squares with a little ridge, `trained ~ weight @ before + constant`; then gain and bias, as every unit has them."""
    x, y = before.double(), trained.double()
    centred = x - x.mean(0)
    gram = centred.T @ centred
    gram += RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    weight = torch.linalg.solve(gram, centred.T @ (y - y.mean(0))).T.to(before.dtype)
    return Regression(weight, *gain_and_bias(before @ weight.T, trained))
