"""The scorecard: every figure of one rebuild, with intervals, controls and cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.score.uncertainty import Figure


@dataclass(frozen=True)
class UnitScore:
    """One unit, handwritten against trained; `trained` and `handwritten` hold the figures of their tuning curves (`workbench.score.tuning`)."""

    unit: str
    pose: Mapping[str, float]
    pearson: float
    spearman: float
    explained_variance: float
    top_overlap: float
    gain: float
    bias: float
    trained: Mapping[str, float]
    handwritten: Mapping[str, float]
    pose_error_deg: float


@dataclass(frozen=True)
class ConditionScore:
    """One condition against natural, means over pictures. `pearson` is the mean over units (natural: 1). Accuracies need labels."""

    kl: Figure
    top1_agreement: Figure
    top1: Figure
    top5: Figure
    consumer: Figure
    pearson: Figure
    recovered_kl: Figure
    changed: float


@dataclass(frozen=True)
class Cost:
    """The count of the numbers that went in.

    free        numbers in the spec's families, sampling of poses and windows included
    tuned       of these, fitted to the host, and the direction, radius, shift (and scale) of each unit whose pose was fitted
    calibrated  gain and bias of each unit
    poses       numbers taken from the survey
    weights     weights generated from them
    """

    free: int
    tuned: int
    calibrated: int
    poses: int
    weights: int


@dataclass(frozen=True)
class TheoryScore:
    """What is one theory's own, of one or more that are spliced together; `units` counts its trained units, `pearson` is the mean over them."""

    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    units: int
    pearson: float
    tuned_on: Mapping[str, object] | None
    tuning: Mapping[str, float]
    cost: Cost


@dataclass(frozen=True)
class VariantScore:
    """A variant of the theory: what it changes, and how much of the recovered KL it loses (of the handwritten units, less its own)."""

    about: str
    loses: Figure


@dataclass(frozen=True)
class Scorecard:
    """All of it. `recovered[ablation][quantity]`; `fires`: the same against zero ablation, on the pictures where the trained circuit fires.

    `against[control]` is the recovered KL with that control in place of the ablation: above 0, the handwritten units do better than it.
    `theories` are in the order in which they were given, `units` theory after theory; `circuit`, `spec`, `tuned_on`, `tuning` and `cost` are
    of all of them together. `variants[NAME]` is the condition `variant.NAME`. `computed` is as of `computed_on`. Where the host has no output,
    every figure of its answers is None.
    """

    workbench: str
    host: Mapping[str, str]
    circuit: Mapping[str, str]
    spec: Mapping[str, str]
    images: Mapping[str, object]
    calibration: Mapping[str, object]
    tuned_on: Mapping[str, object] | None
    units: tuple[UnitScore, ...]
    conditions: Mapping[str, ConditionScore]
    recovered: Mapping[str, Mapping[str, Figure]]
    fires: Mapping[str, Figure]
    against: Mapping[str, Figure]
    tuning: Mapping[str, float]
    cost: Cost
    seed: int
    computed: Mapping[str, str]
    theories: tuple[TheoryScore, ...]
    variants: Mapping[str, VariantScore] = field(default_factory=dict)
    has_output: bool = True

    def units_of(self, theory: int) -> tuple[UnitScore, ...]:
        """The units of one theory."""
        first = sum(each.units for each in self.theories[:theory])
        return self.units[first : first + self.theories[theory].units]

    @property
    def headline(self) -> Figure:
        """Recovered KL against zero ablation."""
        return self.recovered["zero"]["kl"]

    @property
    def best_control(self) -> str | None:
        """The control that recovers most; None where there are no controls, or no answers to recover."""
        controls = filter(is_control, self.conditions if self.has_output else ())
        return max(controls, key=lambda name: self.conditions[name].recovered_kl.value or 0.0, default=None)


def is_control(condition: str) -> bool:
    """Whether a condition is a splice that should fail."""
    return condition.startswith("control.")
