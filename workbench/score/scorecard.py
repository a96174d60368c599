"""The scorecard: every figure of one rebuild, with intervals, controls and cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workbench.hosts.output import Quantity
from workbench.score.compared import Comparison
from workbench.score.facts import Header
from workbench.score.tuning import NAN, StimulusDifference
from workbench.score.uncertainty import Figure
from workbench.spec.pose import PoseValue, direction_deg
from workbench.splice.conditions import RIVALS, ConditionKind


@dataclass(frozen=True)
class UnitScore:
    """The scores of one unit, handwritten against trained.

    `trained` and `handwritten` hold the figures of their tuning curves, `worst_stimulus` the
    drawn stimulus on which they differ most (`workbench.score.tuning`).
    """

    unit: str
    pose: Mapping[str, PoseValue]
    pearson: float
    spearman: float
    explained_variance: float
    top_overlap: float
    firing_precision: float
    firing_recall: float
    firing_chance: float
    gain: float
    bias: float
    trained: Mapping[str, float]
    handwritten: Mapping[str, float]
    pose_error_deg: float
    worst_stimulus: StimulusDifference | None = None
    border_false_alarms: float = NAN
    border_positions: float = NAN

    @property
    def direction_deg(self) -> float:
        """The unit's `centre_deg`, or the hue of its `mixture`; 0 where it has neither."""
        return direction_deg(self.pose)


@dataclass(frozen=True)
class ConditionScore:
    """The scores of one condition against natural, means over pictures.

    kind, label  what the condition is for, and what takes the place of the trained units
    quantities   by the keys of the host's output, such as kl; those with targets need labels
    consumer     squared distance from natural at the site after, over the squared norm there
    pearson      mean over units (natural: 1)
    recovered    share of zero ablation's distance that is not lost (`Scorecard.headline`)
    changed      largest difference of a replaced unit from its trained activation
    """

    kind: ConditionKind
    label: str
    quantities: Mapping[str, Figure]
    consumer: Figure
    pearson: Figure
    recovered: Figure
    changed: float


@dataclass(frozen=True)
class Cost:
    """How many numbers a theory uses.

    free        numbers in the spec's families, including sampling of poses and windows
    tuned       those of them that were fitted to a host, and the direction, radius, shift (and
                scale) of each unit whose pose was fitted
    calibrated  gain and bias of each unit
    poses       numbers of the units' poses in the circuit file
    weights     weights generated from all of these
    bits        description length of all but the weights (`workbench.score.bits`)
    """

    free: int
    tuned: int
    calibrated: int
    poses: int
    weights: int
    bits: int


@dataclass(frozen=True)
class TheoryScore:
    """The figures of one theory alone, of one or more that are spliced together.

    `units` is the number of its trained units, `pearson` the mean over them.
    """

    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    units: int
    pearson: float
    tuned_on: Mapping[str, object] | None
    tuning: Mapping[str, float]
    cost: Cost


@dataclass(frozen=True)
class VariantScore:
    """A variant of the theory: what it changes, and how much recovered KL it loses.

    `loses` is the recovered KL of the handwritten units minus that of the variant.
    """

    about: str
    loses: Figure


@dataclass(frozen=True)
class Scorecard:
    """Every figure of one rebuild, of one or more theories that were spliced together.

    header      where the figures come from; with several theories their names are joined
    quantities  those of the host's output, in the order of tables
    headline_quantity  the one that recovery is measured by: a distance from the natural answer
    units       theory after theory
    recovered   by ablation and quantity: the share of what the ablation costs that is not lost
    fires       the same against zero ablation, on the pictures where the trained circuit fires
    against     for each control and baseline the recovered headline quantity with it in place of
                the ablation: above 0, the handwritten units do better
    theories    one by one, in the order in which they were given
    variants    what the condition `variant.NAME` loses, by name
    trained     the trained units that the condition `trained.FAMILY` reads, by family
    check       the largest differences that the check of the host measured (`check_host`)
    bits        description lengths of the handwritten units and of predictors without a theory, by
                condition
    others      how much better the theory does than each other theory of the same units, by name
    asked       how many theories were scored on these pictures for these units, this one included
                (`workbench.score.asked`); None where they were not counted

    Where the host's answers are not compared (`compared`), every figure of them is None.
    """

    header: Header
    quantities: tuple[Quantity, ...]
    headline_quantity: Quantity
    compared: bool
    tuned_on: Mapping[str, object] | None
    units: tuple[UnitScore, ...]
    conditions: Mapping[str, ConditionScore]
    recovered: Mapping[str, Mapping[str, Figure]]
    fires: Mapping[str, Figure]
    against: Mapping[str, Figure]
    tuning: Mapping[str, float]
    cost: Cost
    theories: tuple[TheoryScore, ...]
    variants: Mapping[str, VariantScore] = field(default_factory=dict)
    trained: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    check: Mapping[str, float] = field(default_factory=dict)
    bits: Mapping[str, float] = field(default_factory=dict)
    others: Mapping[str, Comparison] = field(default_factory=dict)
    asked: int | None = None

    def units_of(self, theory: int) -> tuple[UnitScore, ...]:
        """The units of one theory."""
        first = sum(score.units for score in self.theories[:theory])
        return self.units[first : first + self.theories[theory].units]

    @property
    def headline(self) -> Figure:
        """The recovered headline quantity against zero ablation."""
        return self.recovered["zero"][self.headline_quantity.name]

    @property
    def rivals(self) -> tuple[str, ...]:
        """The controls and baselines, by name."""
        return tuple(name for name, row in self.conditions.items() if row.kind in RIVALS)

    @property
    def best_rival(self) -> str | None:
        """The control or baseline that recovers most; None where there is none to compare."""
        return max(
            self.rivals if self.compared else (),
            key=lambda name: self.conditions[name].recovered.value or 0.0,
            default=None,
        )
