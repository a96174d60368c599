"""Reads of a family: kernels on the picture, motifs on other families, and tables of weights."""

import itertools
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from workbench.spec.number import Channel, Number, Positive, Strict, listed

LENGTHS = ("spread_px", "extent_px", "distance_px", "radius_px")
PLACE_LENGTHS: dict[
    str, tuple[tuple[str, ...], tuple[str, ...]]
] = {  # along -> lengths that it needs, and that it may have
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


class Gabor(Strict):
    """A Gabor filter on the picture in the unit's frame, at its `phase_deg`, `scale`, `channel`.

    Daugman 1985, doi 10.1364/JOSAA.2.001160: exp(-((aspect u)^2 + v^2) / (2 sigma^2)) cos(2 pi v /
    wavelength + phase), u along the tangent and v along the normal, less its mean under the
    envelope, so that flat grey gives nothing.
    """

    kernel: Literal["gabor"]
    wavelength_px: Positive
    sigma_px: Positive
    aspect: Positive = Number(tune=1.0)

    @property
    def turns(self) -> bool:
        """Whether the weights depend on how the unit is turned: always."""
        return True


class Blob(Strict):
    """A Gaussian spot on the picture at the unit, in its `channel` or `mixture`.

    exp(-r^2 / (2 sigma^2)) over its sum, so a flat picture of the unit's colour gives `gain`. It is
    multiplied by the cosine of `phase_deg`: a unit at 180 prefers the opposite colour. Two blobs
    of opposite gain are a centre and its surround (Rodieck 1965, doi 10.1016/0042-6989(65)90033-7).
    """

    kernel: Literal["blob"]
    sigma_px: Positive
    gain: Number = Number(tune=1.0)

    @property
    def turns(self) -> bool:
        """Whether the weights depend on how the unit is turned: never."""
        return False


def _rising(points: tuple[tuple[float, Number], ...]) -> tuple[tuple[float, Number], ...]:
    degrees = [degree for degree, _ in points]
    if any(after <= before for before, after in itertools.pairwise(degrees)):
        raise ValueError(
            f"points whose degrees rise, not {', '.join(f'{degree:g}' for degree in degrees)}"
        )
    return points


Profile = Annotated[
    tuple[tuple[Annotated[float, Field(ge=0, le=180)], Number], ...],
    Field(min_length=2, max_length=24),
    AfterValidator(_rising),
]


class Term(Strict):
    """One motif: the places at which upstream units are read, and the poses wanted there.

    along   point: at the unit; line: along its tangent; flanks: `distance_px` to both of its sides;
            ends: `distance_px` from it along its tangent, both ways; inside, outside:
            `distance_px` from it, towards its centre of curvature or away from it; arc: along the
            circle of `radius_px` about the centre of curvature; ring: the circle of `radius_px`
            about the unit
    match   the pose wanted at a place, relative to the feature as it runs there: tangent or normal
            (orientations), same or opposite (centre directions), any (every pose alike)
    turned  restricts the poses to those that are turned, from the pose wanted at the unit itself,
            in the direction in which the arc turns on its way to the place (with), or in the other
            direction (against)
    colour  same: units of each upstream channel count by the unit's own part of that channel (its
            `mixture` or `channel`), which is negative for the opposite colour
    """

    along: Literal["point", "line", "flanks", "ends", "inside", "outside", "arc", "ring"]
    match: Literal["tangent", "normal", "same", "opposite", "any"]
    gain: Number = Number(tune=1.0)
    radius_power: Number | None = Field(
        default=None,
        description="of from-circuit: the gain is multiplied by this power of the unit's radius "
        "over the typical one",
    )
    scale_power: Number | None = Field(
        default=None,
        description="of from-circuit: the gain is multiplied by this power of the unit's scale",
    )
    spread_px: Positive | None = None
    extent_px: Positive | None = None
    distance_px: Positive | None = None
    radius_px: Positive | None = None
    tolerance_deg: Positive | None = None
    harmonics: Annotated[tuple[Number, ...], Field(min_length=1, max_length=12)] | None = None
    profile: Profile | None = Field(
        default=None, description="[degrees off the wanted pose, weight], straight lines between"
    )
    turned: Literal["with", "against"] | None = None
    colour: Literal["same"] | None = Field(
        default=None,
        description="same: each upstream channel counts by the unit's own part of it",
    )
    by: dict[str, tuple[Number, ...]] = Field(
        default={}, description="gain of each value of an upstream axis: {channel: [1, 0.3, 0.3]}"
    )

    @property
    def turns(self) -> bool:
        """Whether the weights depend on how the unit is turned."""
        # a ring's normals point inwards, so the poses wanted on it turn with nothing
        return self.along != "ring" and (self.along != "point" or self.match != "any")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if problem := self._length_problem() or self._match_problem():
            raise ValueError(problem)
        return self

    def _length_problem(self) -> str:
        needs, may = PLACE_LENGTHS[self.along]
        missing = [name for name in needs if getattr(self, name) is None]
        if missing:
            return f"{' and '.join(missing)}, which along: {self.along} needs"
        extra = [
            name
            for name in LENGTHS
            if getattr(self, name) is not None and name not in (*needs, *may)
        ]
        if extra:
            return f"no {' and no '.join(extra)}, which along: {self.along} does not take"
        return ""

    def _match_problem(self) -> str:
        falloffs = [name for name in FALLOFFS if getattr(self, name) is not None]
        if self.match == "any" and falloffs:
            return f"no {' and no '.join(falloffs)}, for match: any takes every pose alike"
        if self.match != "any" and len(falloffs) != 1:
            return (
                "exactly one of tolerance_deg, harmonics and profile, "
                f"which match: {self.match} needs"
            )
        if self.turned and (self.along != "arc" or self.match == "any"):
            return (
                "no turned, for only along: arc turns on its way, "
                "and match: any takes every pose alike"
            )
        return ""


class Pose(Strict):
    """The units that have these values of their axes; an axis left out takes every value."""

    orientation_deg: float | None = None
    centre_deg: float | None = None
    phase_deg: float | None = None
    scale: float | None = None
    channel: Channel | None = None
    unit: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="of from-circuit: a channel of the host"
    )
    colour: Literal["red", "green", "blue"] | None = Field(default=None, description="of input")

    def axes(self) -> dict[str, Any]:
        """Axis name -> its value, for the axes that are given."""
        return {
            name: value
            for name in type(self).model_fields
            if (value := getattr(self, name)) is not None
        }


class Entry(Strict):
    """One weight: to every unit at the pose `to`, from every upstream unit at the pose `from`.

    The upstream unit lies (x, y) `at_px` from the unit.
    """

    to: Pose = Pose()
    from_: Pose = Field(default=Pose(), alias="from")
    at_px: tuple[int, int] = (0, 0)
    weight: Number


class Table(Strict):
    """Weights that are set one by one, for structure that no motif describes.

    They stand in the picture's axes, whatever the units' frames.
    """

    weights: Annotated[tuple[Entry, ...], Field(min_length=1)]

    @property
    def turns(self) -> bool:
        """Whether the weights depend on how the unit is turned: never."""
        return False


def _branch(read: Any) -> str:
    """The branch of the union that a read belongs to, by its key `kernel` or `weights`.

    A misspelt kernel is recognised by its wavelength, a misspelt table by its only value, a list.
    """
    if not isinstance(read, Mapping):
        return (
            "(kernel)"
            if isinstance(read, Gabor)
            else "(blob)"
            if isinstance(read, Blob)
            else "(weights)"
            if isinstance(read, Table)
            else "(term)"
        )
    if read.get("kernel") == "blob":
        return "(blob)"
    if "kernel" in read or ("wavelength_px" in read and "along" not in read):
        return "(kernel)"
    lone_list = len(read) == 1 and all(isinstance(value, (list, tuple)) for value in read.values())
    return "(weights)" if "weights" in read or lone_list else "(term)"


Reading = Annotated[
    Annotated[Gabor, Tag("(kernel)")]
    | Annotated[Blob, Tag("(blob)")]
    | Annotated[Term, Tag("(term)")]
    | Annotated[Table, Tag("(weights)")],
    Discriminator(_branch),
]
Readings = Annotated[tuple[Reading, ...], Field(min_length=1), BeforeValidator(listed)]
