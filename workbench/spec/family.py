"""A family of the spec language: its poses, its grid, its response and its reads."""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from workbench.spec.number import Channel, Number, Pixels, Positive, RefusedError, Scale, Strict
from workbench.spec.terms import Readings


class Steps(Strict):
    """Evenly spaced poses: `{every: 15, over: 360}`."""

    every: Annotated[float, Field(gt=0)]
    over: Literal[180, 360]

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.over % self.every or self.over / self.every > 360:
            raise RefusedError(
                "out-of-range",
                f"a step that divides {self.over} (at most 360 steps), not {self.every:g}",
            )
        return self


class Poses(Strict):
    """The axes of a family's poses; its units are every combination, the last axis fastest.

    A family with neither orientation_deg nor centre_deg is *round*: turning does not change it.
    """

    orientation_deg: Steps | None = None
    centre_deg: Steps | None = None
    phase_deg: Steps | None = None
    scale: Annotated[tuple[Scale, ...], Field(min_length=1, max_length=8)] | None = None
    channel: Annotated[tuple[Channel, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_frame(self) -> Self:
        if self.orientation_deg is not None and self.centre_deg is not None:
            raise ValueError("only one of orientation_deg and centre_deg")
        if not self.axes():
            raise ValueError("at least one axis")
        if self.orientation_deg is not None and self.orientation_deg.over != 180:
            raise RefusedError(
                "out-of-range",
                "orientation_deg over 180: a line turned by 180 degrees is the same line",
            )
        if self.centre_deg is not None and self.centre_deg.over != 360:
            raise RefusedError(
                "out-of-range",
                "centre_deg over 360: a curve turned by 180 degrees is another curve",
            )
        return self

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for name in ("scale", "channel"):
            values = getattr(self, name) or ()
            if len(set(values)) < len(values):
                raise ValueError(f"each {name} once")
        return self

    @property
    def is_round(self) -> bool:
        """Whether turning does not change the family's units."""
        return self.orientation_deg is None and self.centre_deg is None

    @property
    def is_one_angle(self) -> bool:
        """Whether the family's units differ in their direction alone, as units of a survey may."""
        return len(self.axes()) == 1 and not self.is_round

    def axes(self) -> dict[str, tuple]:
        """Axis name -> its values, in the order of the fields above."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: tuple(i * axis.every for i in range(round(axis.over / axis.every)))
            if isinstance(axis, Steps)
            else axis
            for name, axis in given.items()
            if axis is not None
        }


class Normalise(Strict):
    """Divisive normalisation: drive / (`floor` + the mean drive of the neighbours along an axis).

    Heeger 1992, doi 10.1017/S0952523800009640.
    """

    across: Literal["orientation_deg", "centre_deg", "phase_deg", "scale", "channel"]
    floor: Positive


class PoolRule(Strict):
    """The strongest response within `over_px` squared, on a grid of `stride_px`."""

    over_px: Pixels
    stride_px: Annotated[int, Field(ge=1, le=64)]


class PoseBounds(Strict):
    """How far tuning may move each unit from its surveyed pose.

    In degrees; as a factor of the radius; in pixels, in x and in y; as a factor of the scale.
    The units keep a direction, radius or scale for which no bound is given.
    """

    centre_deg: Annotated[float, Field(gt=0, le=45)] | None = None
    radius: Annotated[float, Field(gt=1, le=4)] | None = None
    shift_px: Annotated[float, Field(gt=0, le=32)]
    scale: Annotated[float, Field(gt=1, le=4)] | None = None


class TextureEdge(Strict):
    """An ideal stimulus: an edge between two gratings of these wavelengths.

    The fine one is on the side of the unit's centre.
    """

    fine_px: Pixels
    coarse_px: Pixels


FamilyPoses = Annotated[
    Annotated[Poses, Tag("(axes)")] | Annotated[Literal["from-circuit"], Tag("(word)")],
    Discriminator(lambda poses: "(word)" if isinstance(poses, str) else "(axes)"),
]


class Family(Strict):
    """Units that are copies of one feature, and what they read.

    The family's response is `max(0, drive - threshold) / (1 - threshold)`, where its own ideal
    stimulus drives it to 1.
    """

    poses: FamilyPoses
    reads: Annotated[dict[str, Readings], Field(min_length=1)] = Field(
        description="`input` (by kernels) or a family above (by motifs), either also by tables of "
        "weights -> its terms, which add up"
    )
    window_px: Pixels = Field(
        description="how far across a unit reads; beyond it every weight is zero"
    )
    stride_px: Annotated[int, Field(ge=1, le=64)] | None = Field(
        default=None,
        description="input pixels from one unit to the next; the host's for from-circuit",
    )
    rectify: Literal["half", "full"] = Field(
        default="half",
        description="full: the absolute value of the drive, so that one unit stands for two "
        "opposite phases",
    )
    normalise: Normalise | None = None
    ideal: TextureEdge | None = Field(
        default=None,
        description="the family's ideal stimulus, where it is neither a line nor the first arc "
        "that it reads along",
    )
    threshold: Number = Number(tune=0.0)
    pool: PoolRule | None = None
    typical_radius_px: Pixels | None = Field(
        default=None,
        description="of from-circuit: the radius of a unit whose arcs are as written; the "
        "circuit's geometric mean if not given",
    )
    tune_poses: PoseBounds | None = Field(
        default=None, description="of from-circuit: let tuning move each unit within these bounds"
    )
