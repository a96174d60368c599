"""The axes of trained units' poses: each axis is one field of `PosedUnit`, and nothing else.

`POSE_AXES` is the same list as a table: name -> meaning, unit, period and bounds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated

from pydantic import Field

from workbench.spec.number import Channel, Strict

PoseValue = float | str | tuple[float, ...]


@dataclass(frozen=True)
class PoseAxis:
    """An axis of poses.

    unit        of its numbers: degrees, px or factor; `word` where its values are no numbers
    period      values that are a period apart are the same pose; None: the axis does not close
    every_unit  whether the units of one circuit have it all or none; else some may lack it
    meaning     what its value describes; from the field's description
    bounds      lowest and highest value, None where there is none; from the field's constraints
    """

    unit: str
    period: float | None = None
    every_unit: bool = True
    meaning: str = ""
    bounds: tuple[float | None, float | None] = (None, None)


class PosedUnit(Strict):
    """The number of a unit, and its pose: a value on each axis that its family has."""

    unit: Annotated[int, Field(ge=0)]
    centre_deg: Annotated[float | None, PoseAxis("degrees", period=360)] = Field(
        default=None,
        ge=0,
        lt=360,
        description="direction of its normal: towards its centre of curvature; of an edge or a "
        "bar, across it",
    )
    radius_px: Annotated[float | None, PoseAxis("px", every_unit=False)] = Field(
        default=None, gt=0, description="radius of the arc it prefers"
    )
    shift_px: Annotated[tuple[float, float] | None, PoseAxis("px", every_unit=False)] = Field(
        default=None, description="(x, y) from the cell's centre to the apex it prefers"
    )
    phase_deg: Annotated[float | None, PoseAxis("degrees", period=360)] = Field(
        default=None, ge=0, lt=360, description="of a Gabor; 270: bright towards centre_deg"
    )
    scale: Annotated[float | None, PoseAxis("factor")] = Field(
        default=None, gt=0, le=8, description="size of its frame, as a factor of the theory's"
    )
    channel: Annotated[Channel | None, PoseAxis("word")] = Field(
        default=None, description="opponent channel that it reads"
    )
    mixture: Annotated[tuple[float, float, float] | None, PoseAxis("factor")] = Field(
        default=None,
        description="of luma, red-green and blue-yellow, in place of channel; a part below 0 is "
        "the opposite colour",
    )
    envelope: Annotated[float | None, PoseAxis("factor")] = Field(
        default=None, gt=0, le=8, description="factor of the kernel's sigma_px"
    )
    aspect: Annotated[float | None, PoseAxis("factor")] = Field(
        default=None, gt=0, le=8, description="factor of the kernel's aspect"
    )

    @property
    def pose(self) -> dict[str, PoseValue]:
        """Axis -> the unit's value, for the axes that it has."""
        return {
            axis: value
            for axis in pose_axes(type(self))
            if (value := getattr(self, axis)) is not None
        }


def direction_deg(pose: Mapping[str, PoseValue]) -> float:
    """Where on its circle a pose lies: its `centre_deg`, or without one the hue of its mixture.

    Hue is 0 for red, 90 for blue, 180 for green and 270 for yellow. It is 0 for a pose that has
    neither, so that units stay in their order.
    """
    centre_deg, mixture = pose.get("centre_deg"), pose.get("mixture")
    if isinstance(centre_deg, (int, float)):
        return float(centre_deg)
    if not isinstance(mixture, tuple):
        return 0.0
    _, red_green, blue_yellow = mixture
    return math.degrees(math.atan2(blue_yellow, red_green)) % 360


@cache
def pose_axes(units: type[PosedUnit]) -> Mapping[str, PoseAxis]:
    """The table of the axes that units of a class may have, in the order of its fields."""
    return {
        name: replace(
            axis,
            meaning=field.description or "",
            bounds=(
                _constraint(field.metadata, "ge", "gt"),
                _constraint(field.metadata, "le", "lt"),
            ),
        )
        for name, field in units.model_fields.items()
        for axis in field.metadata
        if isinstance(axis, PoseAxis)
    }


def _constraint(metadata: list, *names: str) -> float | None:
    """The value of the first constraint of one of these names; None where there is none."""
    return next(
        (getattr(part, name) for part in metadata for name in names if hasattr(part, name)), None
    )


POSE_AXES = pose_axes(PosedUnit)
