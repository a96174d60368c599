"""The spec language: what a theory's YAML file may say. The schema, the checks and the compiler all read these classes.

Lengths are input pixels, angles degrees (0 along +x, growing towards +y). A unit's frame has its origin at the unit; its first axis is the
feature's normal: towards its centre of curvature (families with `centre_deg`), or 90 degrees on from its orientation (`orientation_deg`).
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    WithJsonSchema,
    model_validator,
)

INPUT = "input"
# Tags of the unions below; they show up in pydantic's locations and nowhere else
BRANCHES = ("(axes)", "(word)", "(kernel)", "(term)", "(weights)")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Number(Strict):
    """A constant (`5`), or a value to be fitted within bounds (`{tune: 5, min: 3, max: 8}`)."""

    tune: float
    min: float | None = None
    max: float | None = None

    @property
    def tuned(self) -> bool:
        return self.min is not None

    @model_validator(mode="before")
    @classmethod
    def _constant(cls, found: Any) -> Any:
        if isinstance(found, bool) or not isinstance(found, (int, float, Mapping, Number)):
            raise ValueError("a number, or {tune: 5, min: 3, max: 8}")
        return {"tune": found} if isinstance(found, (int, float)) else found

    @model_validator(mode="after")
    def _bounded(self):
        if (self.min is None) != (self.max is None):
            raise ValueError("both min and max, or neither")
        if self.min is not None and self.max is not None and not self.min <= self.tune <= self.max:
            raise ValueError(f"min <= tune <= max, not {self.min:g} <= {self.tune:g} <= {self.max:g}")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        bounded = handler.resolve_ref_schema(handler(schema))
        bounded["required"] = ["tune", "min", "max"]
        for key in ("min", "max"):
            bounded["properties"][key] = {"type": "number"}
        return {"anyOf": [{"type": "number"}, bounded]}


def _above_zero(number: Number) -> Number:
    if (number.min if number.min is not None else number.tune) <= 0:
        raise ValueError("a number (and its min) above 0")
    return number


Positive = Annotated[Number, AfterValidator(_above_zero)]
Pixels = Annotated[float, Field(gt=0, le=512)]
Scale = Annotated[float, Field(gt=0, le=8)]
Channel = Literal["luma", "red-green", "blue-yellow"]


class Steps(Strict):
    """Evenly spaced poses: `{every: 15, over: 360}`."""

    every: Annotated[float, Field(gt=0)]
    over: Literal[180, 360]

    @model_validator(mode="after")
    def _divides(self):
        if self.over % self.every or self.over / self.every > 360:
            raise ValueError(f"a step that divides {self.over} (at most 360 steps), not {self.every:g}")
        return self


class Poses(Strict):
    """The axes of a family's poses; its units are every combination, the last axis fastest."""

    orientation_deg: Steps | None = None
    centre_deg: Steps | None = None
    phase_deg: Steps | None = None
    scale: Annotated[tuple[Scale, ...], Field(min_length=1, max_length=8)] | None = None
    channel: Annotated[tuple[Channel, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_frame(self):
        if (self.orientation_deg is None) == (self.centre_deg is None):
            raise ValueError("exactly one of orientation_deg and centre_deg")
        if self.orientation_deg is not None and self.orientation_deg.over != 180:
            raise ValueError("orientation_deg over 180: a line turned by 180 degrees is the same line")
        if self.centre_deg is not None and self.centre_deg.over != 360:
            raise ValueError("centre_deg over 360: a curve turned by 180 degrees is another curve")
        return self

    @model_validator(mode="after")
    def _distinct(self):
        for name in ("scale", "channel"):
            values = getattr(self, name) or ()
            if len(set(values)) < len(values):
                raise ValueError(f"each {name} once")
        return self

    def axes(self) -> dict[str, tuple]:
        """Axis name -> its values, in the order of the fields above."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: tuple(i * a.every for i in range(round(a.over / a.every))) if isinstance(a, Steps) else a
            for name, a in found.items()
            if a is not None
        }


class Gabor(Strict):
    """A Gabor filter on the picture, in the unit's frame; reads the unit's `phase_deg`, `scale` and `channel`.

    Daugman 1985, doi 10.1364/JOSAA.2.001160: exp(-((aspect u)^2 + v^2) / (2 sigma^2)) cos(2 pi v / wavelength + phase), u along the
    tangent and v along the normal, less its mean under the envelope, so that flat grey gives nothing.
    """

    kernel: Literal["gabor"]
    wavelength_px: Positive
    sigma_px: Positive
    aspect: Positive = Number(tune=1.0)


LENGTHS = ("spread_px", "extent_px", "distance_px", "radius_px")
PLACE_LENGTHS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # along -> lengths that it needs, and that it may have
    "point": ((), ("spread_px",)),
    "line": (("spread_px", "extent_px"), ()),
    "flanks": (("spread_px", "distance_px"), ("extent_px",)),
    "ends": (("spread_px", "distance_px"), ("extent_px",)),
    "inside": (("spread_px", "distance_px"), ("extent_px",)),
    "outside": (("spread_px", "distance_px"), ("extent_px",)),
    "arc": (("spread_px", "radius_px", "extent_px"), ()),
    "ring": (("spread_px", "radius_px"), ()),
}


FALLOFFS = ("tolerance_deg", "harmonics", "profile")


def _rising(points: tuple[tuple[float, Number], ...]) -> tuple[tuple[float, Number], ...]:
    degrees = [degree for degree, _ in points]
    if any(after <= before for before, after in itertools.pairwise(degrees)):
        raise ValueError(f"points whose degrees rise, not {', '.join(f'{degree:g}' for degree in degrees)}")
    return points


Profile = Annotated[
    tuple[tuple[Annotated[float, Field(ge=0, le=180)], Number], ...], Field(min_length=2, max_length=24), AfterValidator(_rising)
]


class Term(Strict):
    """One motif: where along the feature the upstream units lie, and which of their poses are wanted there.

    along   point: at the unit; line: along its tangent; flanks: beside it, `distance_px` to both sides; ends: `distance_px` before and
            behind it; inside, outside: beside it, `distance_px` towards its centre of curvature or away from it; arc: along the circle of
            `radius_px` about the centre of curvature; ring: the circle of `radius_px` about the unit
    match   the pose wanted at a place, in terms of the feature as it runs there: tangent or normal (orientations), same or opposite
            (centre directions), any (every pose alike)
    turned  of the poses only those that are turned, from the one wanted at the unit itself, the way that the arc turns on its way to the
            place (with), or the other way (against)
    """

    along: Literal["point", "line", "flanks", "ends", "inside", "outside", "arc", "ring"]
    match: Literal["tangent", "normal", "same", "opposite", "any"]
    gain: Number = Number(tune=1.0)
    radius_power: Number | None = Field(
        default=None, description="of from-circuit: the gain times this power of the unit's radius over the typical one"
    )
    spread_px: Positive | None = None
    extent_px: Positive | None = None
    distance_px: Positive | None = None
    radius_px: Positive | None = None
    tolerance_deg: Positive | None = None
    harmonics: Annotated[tuple[Number, ...], Field(min_length=1, max_length=12)] | None = None
    profile: Profile | None = Field(default=None, description="[degrees off the wanted pose, weight], straight lines between")
    turned: Literal["with", "against"] | None = None
    by: dict[str, tuple[Number, ...]] = Field(default={}, description="gain of each value of an upstream axis: {channel: [1, 0.3, 0.3]}")

    @model_validator(mode="after")
    def _complete(self):
        needs, may = PLACE_LENGTHS[self.along]
        missing = [name for name in needs if getattr(self, name) is None]
        extra = [name for name in LENGTHS if getattr(self, name) is not None and name not in (*needs, *may)]
        falloffs = [name for name in FALLOFFS if getattr(self, name) is not None]
        if missing:
            raise ValueError(f"{' and '.join(missing)}, which along: {self.along} needs")
        if extra:
            raise ValueError(f"no {' and no '.join(extra)}, which along: {self.along} does not take")
        if self.match == "any" and falloffs:
            raise ValueError(f"no {' and no '.join(falloffs)}, for match: any takes every pose alike")
        if self.match != "any" and len(falloffs) != 1:
            raise ValueError(f"exactly one of tolerance_deg, harmonics and profile, which match: {self.match} needs")
        if self.turned and (self.along != "arc" or self.match == "any"):
            raise ValueError("no turned, for only along: arc turns on its way, and match: any takes every pose alike")
        return self


class Pose(Strict):
    """The units that have these values of their axes; an axis left out takes every value."""

    orientation_deg: float | None = None
    centre_deg: float | None = None
    phase_deg: float | None = None
    scale: float | None = None
    channel: Channel | None = None
    unit: Annotated[int, Field(ge=0)] | None = Field(default=None, description="of from-circuit: a channel of the host")
    colour: Literal["red", "green", "blue"] | None = Field(default=None, description="of input")

    def axes(self) -> dict[str, Any]:
        """Axis name -> its value, of those that are given."""
        return {name: value for name in type(self).model_fields if (value := getattr(self, name)) is not None}


class Entry(Strict):
    """One weight, to every unit at the pose `to` from every upstream unit at the pose `from` that lies (x, y) `at_px` from it."""

    to: Pose = Pose()
    from_: Pose = Field(default=Pose(), alias="from")
    at_px: tuple[int, int] = (0, 0)
    weight: Number


class Table(Strict):
    """Weights set one by one, in the picture's axes whatever the units' frames: for what no motif says."""

    weights: Annotated[tuple[Entry, ...], Field(min_length=1)]


class Normalise(Strict):
    """Divisive normalisation: each unit's drive over `floor` plus the mean drive of its neighbours along the axis `across`
    (Heeger 1992, doi 10.1017/S0952523800009640)."""

    across: Literal["orientation_deg", "centre_deg", "phase_deg", "scale", "channel"]
    floor: Positive


class Pool(Strict):
    """The strongest response within `over_px` squared, on a grid of `stride_px`."""

    over_px: Pixels
    stride_px: Annotated[int, Field(ge=1, le=64)]


def _branch(read: Any) -> str:
    """By the key `kernel` or `weights`; misspelt, a kernel shows by its wavelength and a table by being a list and nothing else."""
    if not isinstance(read, Mapping):
        return "(kernel)" if isinstance(read, Gabor) else "(weights)" if isinstance(read, Table) else "(term)"
    if "kernel" in read or ("wavelength_px" in read and "along" not in read):
        return "(kernel)"
    lone_list = len(read) == 1 and all(isinstance(value, (list, tuple)) for value in read.values())
    return "(weights)" if "weights" in read or lone_list else "(term)"


def _listed(reads: Any) -> Any:
    return tuple(reads) if isinstance(reads, (list, tuple)) else (reads,)


Read = Annotated[
    Annotated[Gabor, Tag("(kernel)")] | Annotated[Term, Tag("(term)")] | Annotated[Table, Tag("(weights)")], Discriminator(_branch)
]
Reads = Annotated[tuple[Read, ...], Field(min_length=1), BeforeValidator(_listed)]  # one of them may be written without its list
FamilyPoses = Annotated[
    Annotated[Poses, Tag("(axes)")] | Annotated[Literal["from-circuit"], Tag("(word)")],
    Discriminator(lambda poses: "(word)" if isinstance(poses, str) else "(axes)"),
]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


class PoseBounds(Strict):
    """How far tuning may move each unit from its surveyed pose: degrees, a factor of the radius, pixels to each side, a factor of the scale."""

    centre_deg: Annotated[float, Field(gt=0, le=45)]
    radius: Annotated[float, Field(gt=1, le=4)]
    shift_px: Annotated[float, Field(gt=0, le=32)]
    scale: Annotated[float, Field(gt=1, le=4)] | None = None


class UnitPose(Strict):
    """A unit's pose as tuned: centre_deg, radius_px, shift_px (x, y), and scale where that was."""

    centre_deg: Annotated[float, Field(ge=0, lt=360)]
    radius_px: Annotated[float, Field(gt=0)]
    shift_px: tuple[float, float]
    scale: Scale | None = None


class TextureEdge(Strict):
    """An ideal stimulus: an edge between two gratings of these wavelengths, the fine one on the side of the unit's centre."""

    fine_px: Pixels
    coarse_px: Pixels


class Family(Strict):
    """Units that are copies of one feature, and what they read.

    The family's response is `max(0, drive - threshold) / (1 - threshold)`, where its own ideal stimulus drives it to 1.
    """

    poses: FamilyPoses
    reads: Annotated[dict[str, Reads], Field(min_length=1)] = Field(
        description="`input` (by kernels) or a family above (by motifs), either also by tables of weights -> its terms, which add up"
    )
    window_px: Pixels = Field(description="how far across a unit reads; beyond it every weight is zero")
    stride_px: Annotated[int, Field(ge=1, le=64)] | None = Field(
        default=None, description="input pixels from one unit to the next; the host's for from-circuit"
    )
    rectify: Literal["half", "full"] = Field(
        default="half", description="full: the size of the drive, whatever its sign: two opposite phases in one unit"
    )
    normalise: Normalise | None = None
    ideal: TextureEdge | None = Field(
        default=None, description="the family's ideal stimulus, where it is neither a line nor the first arc that it reads along"
    )
    threshold: Number = Number(tune=0.0)
    pool: Pool | None = None
    typical_radius_px: Pixels | None = Field(
        default=None,
        description="of from-circuit: the radius of a unit whose arcs are as written; the circuit's geometric mean if not given",
    )
    tune_poses: PoseBounds | None = Field(default=None, description="of from-circuit: let tuning move each unit within these bounds")


class TunedCircuit(Strict):
    """A trained circuit that the values were fitted to."""

    host: str
    circuit: Annotated[str, Field(description="SHA-256 of the trained circuit")]
    pearson: Annotated[tuple[float, float], Field(description="mean over its units on the tuning pictures, before and after")]
    poses: Annotated[dict[str, UnitPose], Field(description="unit -> its pose as tuned; for this circuit only")] = {}


class EarlierCircuit(Strict):
    """A trained circuit that an earlier tuning of the spec fitted its values to: this one began where that one ended."""

    host: str
    circuit: Annotated[str, Field(description="SHA-256 of the trained circuit")]


class TunedOn(Strict):
    """The ledger that `workbench tune` writes: what the values of `{tune: ...}` were fitted on."""

    circuits: Annotated[tuple[TunedCircuit, ...], Field(min_length=1)]
    earlier: Annotated[tuple[EarlierCircuit, ...], Field(description="circuits of earlier tunings, which the values began from")] = ()
    spec: Annotated[str, Field(description="SHA-256 of the spec that was tuned")]
    date: str
    steps: int
    seed: int
    rate: Annotated[float | None, Field(description="of the descent, at its highest")] = None
    hold: Annotated[tuple[str, ...], Field(description="families whose numbers stayed as they were")] = ()
    written: Annotated[dict[str, float], Field(description="key -> the value before tuning")]
    images: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")], ...], Field(description="first 16 digits of each picture's SHA-256")
    ]

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts of all circuits that have a part in the values, earlier tunings' too, each once."""
        return tuple(dict.fromkeys([*(each.host for each in self.circuits), *(each.host for each in self.earlier)]))

    def poses(self, circuit: str) -> dict[str, UnitPose]:
        """The tuned poses of the circuit of that SHA-256; none where it is not one of those tuned on."""
        return next((each.poses for each in self.circuits if each.circuit == circuit), {})


def _constant(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_constant, value))
    if value is not None and not isinstance(value, (int, float, str)):
        raise ValueError("a number, a word, a list of them, or null: a variant's values are constants")
    return value


Constant = Annotated[Any, AfterValidator(_constant), WithJsonSchema({"type": ["number", "string", "array", "null"]})]


class Alike(Strict):
    """In what a variant makes all units of the last family alike; in all else each is as the survey, or tuning, has it.

    shift_px    none: each stands at its own cell
    radius_px   mean: each at the family's geometric mean; so `scale`
    gain        shared: calibration fits one gain for all of them, and a bias for each
    """

    shift_px: Literal["none"] | None = None
    radius_px: Literal["mean"] | None = None
    scale: Literal["mean"] | None = None
    gain: Literal["shared"] | None = None


class Variant(Strict):
    """A named change of the theory, compiled and scored beside it: what the theory leans on. Plain values, so that no number in it counts or is
    tuned."""

    about: Annotated[str, Field(min_length=1, description="what is changed, in a few words: the report says it")]
    set: dict[str, Constant] = Field(
        default={}, description="key of the theory -> its value in the variant: {families.line.reads.gabor[1].gain: 0}"
    )
    units: Alike = Alike()

    @model_validator(mode="after")
    def _changes(self):
        if not self.set and self.units == Alike():
            raise ValueError("set or units: what the variant changes")
        return self


Some = Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(_listed)]  # one of them may be written without its list


class Edit(Strict):
    """Weights from families to the last family: all of them, or those of one sign, are taken away (`without`) or alone stay (`only`)."""

    without: Some | None = None
    only: Some | None = None
    sign: Literal["positive", "negative"] | None = None

    @model_validator(mode="after")
    def _one_way(self):
        if (self.without is None) == (self.only is None):
            raise ValueError("exactly one of without and only")
        return self

    @property
    def families(self) -> tuple[str, ...]:
        return self.without or self.only or ()


COMPARISONS = ("above", "below", "rises_by", "falls_by")


class Expect(Strict):
    """What a figure of the units' tuning does after the edit, in every unit or in their mean.

    figure   echo and width_deg as the scorecard has them; peak: highest response over the unedited unit's
    radius   of the arcs: the smallest, the largest, or the mean over all of them
    above, below, rises_by, falls_by   exactly one: a bound of the figure, or of its change
    """

    figure: Literal["echo", "width_deg", "peak"]
    radius: Literal["mean", "smallest", "largest"] = "mean"
    of: Literal["mean", "every"] = "mean"
    above: float | None = None
    below: float | None = None
    rises_by: Annotated[float, Field(ge=0)] | None = None
    falls_by: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _one_bound(self):
        if sum(getattr(self, name) is not None for name in COMPARISONS) != 1:
            raise ValueError(f"exactly one of {', '.join(COMPARISONS)}")
        return self

    @property
    def comparison(self) -> tuple[str, float]:
        """The one that is given, and its number."""
        return next((name, value) for name in COMPARISONS if (value := getattr(self, name)) is not None)


class Claim(Strict):
    """What an edit of the circuit does: a prediction, which the trained and the handwritten units are then asked about. Plain values, as of a
    variant."""

    about: Annotated[str, Field(min_length=1, description="the claim in words, and why the theory says so")]
    edit: Edit
    expect: Expect


class Theory(Strict):
    """A theory: families in order, each reading the picture or families above it. The last is `from-circuit`: it stands for host units."""

    theory: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    about: str = ""
    source: tuple[str, ...] = ()
    families: Annotated[dict[Name, Family], Field(min_length=1)]
    variants: dict[Name, Variant] = {}
    claims: dict[Name, Claim] = {}
    tuned: TunedOn | None = None


def numbers(value: Any, path: tuple = ()) -> Iterator[tuple[tuple, Number]]:
    """Every Number below a language object with its path of keys, in the order of the fields."""
    if isinstance(value, Number):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if name in value.model_fields_set:
                yield from numbers(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from numbers(item, (*path, name))
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from numbers(item, (*path, i))
