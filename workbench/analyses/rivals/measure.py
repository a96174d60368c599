"""The rivals of a theory: their conditions, fitted, and the bits of each."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.rivals.sample import Sample, sample_of, sampled_drives
from workbench.arrays import array_like
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.compile import compile_theory, trained_units
from workbench.compiler.ideal import LIKE
from workbench.evaluate.calibration import calibrated_each
from workbench.hosts.branches import CHANNELS_APART, Branch, branches
from workbench.matching.subject import Subject
from workbench.score.bits import (
    CALIBRATED_BITS,
    PRECISION,
    address_bits,
    baseline_bits,
    calibrated_bits,
    rounded,
    rounded_poses,
    theory_bits,
)
from workbench.spec.meaning import needed_axes
from workbench.splice.calibrate import Splices, with_random_readout
from workbench.splice.conditions import Condition, ConditionKind
from workbench.splice.link import Link, link_of
from workbench.splice.natural import channels_before, site_before
from workbench.splice.rivals import (
    Trained,
    Window,
    as_small_floats,
    greedy,
    pruned,
    quantised,
    rectified_fit,
    tensors_of,
    with_tensors,
)
from workbench.vision.pictures import Picture
from workbench.work import Work

PRECISIONS = (6, PRECISION, 12)  # bits of a number of the theory
WEIGHT_BITS = 6  # of a weight of a rival; its scale is in the unit's gain
SINGLE = (1, 2, 5, 10, 20, 40)  # single weights of a unit
RANKS = (1, 2, 4)
PRUNED = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # shares of the trained weights
LEVELS = (2, 3, 4)  # bits of a quantised weight
PART = 4  # the regression is also fitted on one of so many calibration pictures
RIDGE = 0.03  # of each feature's variance, for the regression that is cut to a low rank
THEORY = "theory"
WRONG = "theory, poses permuted"  # a control, of as many bits


@dataclass(frozen=True)
class Entry:
    """A theory or a rival of it.

    condition  the name of its condition
    way        the kind of description, such as "single weights"
    setting    how much of it, in words
    bits       its description length
    """

    condition: str
    way: str
    setting: str
    bits: float


def rivals_of(
    subject: Subject, calibration: Sequence[Picture], work: Work
) -> tuple[Splices, list[Entry]]:
    """Every condition, fitted on the calibration pictures, and its description length.

    Raises WorkbenchError where the convolutions that the units read through are not known.
    """
    host, trained = subject.host, subject.trained
    units = trained.channels("rivals")
    before = site_before(host, trained.site)
    paths = branches(host, before or "", trained.site, units, CHANNELS_APART, own_pool=True)
    names = {f"{THEORY}.{bits}": bits for bits in PRECISIONS}
    circuits = {
        "spliced": subject.circuit,
        "random": with_random_readout(subject.circuit, work.seed),  # calibration then has controls
        **{name: rounded_circuit(subject, bits) for name, bits in names.items()},
    }
    base = calibrated_each(host, [circuits], calibration, work)[0]
    sample = sample_of(subject, paths, calibration, work)
    fit = _Fit(sample, link_of(host.site(trained.site)), len(units))
    entries = [
        Entry(
            name,
            THEORY,
            f"{bits} bits a number",
            theory_bits(subject.spec.theory, trained, bits).total,
        )
        for name, bits in names.items()
    ]
    wrong = theory_bits(subject.spec.theory, trained, PRECISION).total
    entries.append(Entry("control.permuted", WRONG, "", wrong))
    conditions = {
        name: condition
        for name, condition in base.conditions.items()
        if not name.startswith(("baseline.", "control.")) or name == "control.permuted"
    }
    for entry, condition in (
        *_simple(subject, base, calibration, work),
        *fit.single_weights(),
        *fit.low_rank(),
        *_trained(subject, paths, sample, calibration, work),
    ):
        entries.append(entry)
        conditions[entry.condition] = replace(
            condition, name=entry.condition, kind=ConditionKind.BASELINE, label=entry.way
        )
    return replace(base, conditions=conditions), entries


def rounded_circuit(subject: Subject, precision: int) -> HandwrittenCircuit:
    """The theory's circuit with every number and pose at `precision` bits."""
    theory = subject.spec.theory
    needs = needed_axes(list(theory.families.values())[-1])
    units = trained_units(rounded_poses(theory, subject.trained, precision), needs)
    return compile_theory(
        theory,
        subject.trained,
        subject.host,
        lambda number: array_like(rounded(number.tune, precision), LIKE),
        units,
        like=LIKE,
    )


def _simple(
    subject: Subject, base: Splices, calibration: Sequence[Picture], work: Work
) -> Iterator[tuple[Entry, Condition]]:
    """The mean, one trained unit, and the regression, also on fewer pictures."""
    bits = baseline_bits(len(base.units), channels_before(subject.host, subject.trained.site))
    for name, way in (("ablated.mean", "mean"), ("baseline.affine", "one trained unit")):
        yield Entry(way.replace(" ", "_"), way, "", bits[name]), base.conditions[name]
    name = "baseline.regression"
    fits = {len(calibration): base}
    if len(calibration) >= 2 * PART:
        few = calibration[: len(calibration) // PART]
        fits[len(few)] = calibrated_each(subject.host, [{"spliced": subject.circuit}], few, work)[0]
    for count, splices in sorted(fits.items()):
        entry = Entry(f"regression.{count}", "regression", f"{count} pictures", bits[name])
        yield entry, splices.conditions[name]


@dataclass(frozen=True)
class _Fit:
    """Fits predictions from windows on a sample."""

    sample: Sample
    link: Link
    units: int

    def single_weights(self) -> Iterator[tuple[Entry, Condition]]:
        """The features of a greedy choice, each with one weight."""
        sample, spread = self.sample, self.sample.spread
        scaled = (sample.windows - sample.windows.mean(0)) / spread
        target = sample.target - sample.target.mean(0)
        most = min(SINGLE[-1], scaled.shape[1])
        chosen = greedy(scaled.T @ scaled, target.T @ scaled, most)
        features = scaled.shape[1]
        for count in (count for count in SINGLE if count <= most):
            weight = torch.zeros(self.units, features)
            for unit, picked in enumerate(chosen[:, :count]):
                fitted = rectified_fit(scaled[:, picked], sample.trained[:, unit])
                weight[unit, picked] = fitted / spread[picked]
            of_unit = address_bits(features, count) + count * WEIGHT_BITS
            entry = Entry(
                f"single.{count}",
                "single weights",
                f"{count} a unit",
                self.units * of_unit + calibrated_bits(self.units),
            )
            yield entry, self._window(as_small_floats(weight, WEIGHT_BITS))

    def low_rank(self) -> Iterator[tuple[Entry, Condition]]:
        """The regression on windows, cut to the few predictions that explain most.

        Reduced-rank regression (Izenman 1975, doi 10.1016/0047-259X(75)90042-1), with a scale of
        each channel that enters.
        """
        sample, (channels, height, width) = self.sample, self.sample.shape
        spread = sample.spread.view(channels, -1).mean(1).repeat_interleave(height * width)
        scaled = (sample.windows - sample.windows.mean(0)) / spread
        gram = scaled.T @ scaled
        target = sample.target - sample.target.mean(0)
        ridge = RIDGE * len(scaled) * torch.eye(len(gram))
        weight = torch.linalg.solve(gram + ridge, scaled.T @ target).T
        _, vectors = torch.linalg.eigh(weight @ gram @ weight.T)  # of what it predicts
        for rank in (rank for rank in RANKS if rank < self.units):
            down = vectors[:, -rank:]
            up = quantised(down.T @ weight, WEIGHT_BITS)
            numbers = rank * (self.units + weight.shape[1])
            bits = WEIGHT_BITS * numbers + CALIBRATED_BITS * channels
            yield (
                Entry(
                    f"low_rank.{rank}",
                    "low-rank regression",
                    f"rank {rank}",
                    bits + calibrated_bits(self.units),
                ),
                self._window(quantised(down, WEIGHT_BITS) @ up / spread),
            )

    def _window(self, weight: Float[Tensor, "unit feature"]) -> Window:
        gain, bias = self.link.fit(self.sample.windows @ weight.T, self.sample.trained)
        shaped = weight.view(self.units, *self.sample.shape)
        return Window(shaped, gain, bias, self.link)


def _trained(
    subject: Subject,
    paths: Sequence[Branch],
    sample: Sample,
    calibration: Sequence[Picture],
    work: Work,
) -> Iterator[tuple[Entry, Condition]]:
    """The trained weights, pruned and quantised."""
    tensors = tensors_of(paths)
    rows = sum(len(weight) for weight in tensors)
    constants = calibrated_bits(rows)  # a scale and a bias of each row; the units' are calibrated
    versions: list[tuple[Entry, list[Tensor]]] = []
    for share in PRUNED:
        counts = [max(1, round(share * weight.numel())) for weight in tensors]
        kept = [
            quantised(pruned(weight, count, _spread(weight, sample)), WEIGHT_BITS)
            for weight, count in zip(tensors, counts, strict=True)
        ]
        bits = constants + sum(
            address_bits(weight.numel(), count) + WEIGHT_BITS * count
            for weight, count in zip(tensors, counts, strict=True)
        )
        name = f"pruned.{share * 100:g}"
        versions.append((Entry(name, "trained weights, pruned", f"{share:.0%} kept", bits), kept))
    for level in LEVELS:
        size = math.log2(3) if level == 2 else level
        bits = constants + size * sum(weight.numel() for weight in tensors)
        entry = Entry(
            f"quantised.{level}", "trained weights, quantised", f"{size:.2g} bits a weight", bits
        )
        versions.append((entry, [quantised(weight, level) for weight in tensors]))
    changed = [with_tensors(paths, weights) for _, weights in versions]
    drives = sampled_drives(subject, changed, calibration, work)
    link = link_of(subject.host.site(subject.trained.site))
    for (entry, weights), altered, drive in zip(versions, changed, drives, strict=True):
        numbers = torch.cat([weight.flatten() for weight in weights])
        yield entry, Trained(altered, numbers, *link.fit(drive, sample.trained), link)


def _spread(weight: Tensor, sample: Sample) -> Float[Tensor, " in"] | None:
    """The standard deviation of each input of these weights, where it was sampled."""
    return sample.input_spread if weight.shape[1] == sample.shape[0] else None
