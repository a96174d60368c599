"""Poses: a unit's element of the group of transformations of its feature."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from workbench.arrays import Array, array_namespace

ORIENTATION, CENTRE, PHASE, SCALE, CHANNEL = (
    "orientation_deg",
    "centre_deg",
    "phase_deg",
    "scale",
    "channel",
)
ENVELOPE, ASPECT = (
    "envelope",
    "aspect",
)  # of surveyed Gabors: factors of the kernel's sigma_px and aspect
MIXTURE = (
    "luma",
    "red-green",
    "blue-yellow",
)  # of surveyed Gabors: how much of each opponent channel, where no one channel is named
RADIUS, SHIFT_X, SHIFT_Y = (
    "radius_px",
    "shift_x_px",
    "shift_y_px",
)  # of units that were surveyed, not generated
UNIT, COLOUR = "unit", "colour"


@dataclass(frozen=True)
class Units:
    """The units of one family: names, and poses as one column for each axis.

    A column is a tuple, or an array where poses are being fitted. `shape` is the number of values
    of each axis where the units are every combination of the axes' values (the last fastest), else
    `(n,)`. `typical_px` is the radius of a unit whose arcs are as the theory writes them; if None,
    the units' geometric mean.
    """

    names: tuple[str, ...]
    poses: Mapping[str, Any]
    shape: Mapping[str, int]
    typical_px: float | None = None

    def __len__(self) -> int:
        return len(self.names)

    def column(self, axis: str) -> Float[Array, " n"]:
        """The pose of each unit along an axis of numbers.

        Without that axis it is 1 for factors and 0 for angles.
        """
        if axis in self.poses:
            column = self.poses[axis]
            return np.asarray(column, dtype=np.float64) if isinstance(column, tuple) else column
        return np.full(len(self), 1.0 if axis in (SCALE, ENVELOPE, ASPECT) else 0.0)

    @property
    def normal_deg(self) -> Float[Array, " n"]:
        """Direction of each normal: to the centre of curvature, or across the orientation."""
        return self.column(CENTRE) if CENTRE in self.poses else self.column(ORIENTATION) + 90.0

    @property
    def bend(self) -> Float[Array, " n"]:
        """Radius of each unit's preferred arc over the typical one; 1 where no radius is known."""
        if RADIUS not in self.poses:
            return np.ones(len(self))
        radius = self.column(RADIUS)
        xp = array_namespace(radius)
        return radius / (self.typical_px or xp.exp(xp.mean(xp.log(radius))))

    def index(self, axis: str) -> np.ndarray:
        """The index of each unit's value among the different values of an axis."""
        values = list(dict.fromkeys(self.poses[axis]))
        return np.array([values.index(value) for value in self.poses[axis]])

    @property
    def moved(self) -> bool:
        """Whether the units have shifts: each then represents a place that far from its cell."""
        return SHIFT_X in self.poses

    def one(self, i: int) -> "Units":
        """The i-th unit alone, without its shift."""
        poses = {
            axis: column[i : i + 1]
            for axis, column in self.poses.items()
            if axis not in (SHIFT_X, SHIFT_Y)
        }
        return Units(self.names[i : i + 1], poses, {UNIT: 1})

    def chosen(self, at: Int[np.ndarray, " m"], names: Sequence[str] = ()) -> "Units":
        """The units with these indices, under their own names or under others."""
        poses = {
            axis: tuple(np.asarray(column)[at].tolist()) for axis, column in self.poses.items()
        }
        return Units(tuple(names) or tuple(self.names[i] for i in at), poses, {UNIT: len(at)})

    def moved_by(self, x_px: float, y_px: float) -> "Units":
        """The units, each shifted by (x_px, y_px) more."""
        return replace(
            self,
            poses={
                **self.poses,
                SHIFT_X: self.column(SHIFT_X) + x_px,
                SHIFT_Y: self.column(SHIFT_Y) + y_px,
            },
        )

    def having(self, pose: Mapping[str, Any]) -> np.ndarray:
        """Whether each unit has these values of these axes.

        Its `unit` is the channel that its name ends with.
        """
        matching = np.ones(len(self), dtype=bool)
        for axis, value in pose.items():
            column = (
                [int(name.rpartition(":")[2]) for name in self.names]
                if axis == UNIT
                else self.poses[axis]
            )
            matching &= np.array([pose == value for pose in column])
        return matching


RGB = ("red", "green", "blue")
PICTURE = Units(RGB, {COLOUR: RGB}, {COLOUR: len(RGB)})


def every_combination(axes: Mapping[str, tuple]) -> Units:
    """Units at every combination of the axes' values, the last axis fastest.

    They are named by their poses.
    """
    rows = list(itertools.product(*axes.values()))
    names = tuple(
        " ".join(_word(axis, value) for axis, value in zip(axes, row, strict=True)) for row in rows
    )
    columns = {axis: tuple(row[i] for row in rows) for i, axis in enumerate(axes)}
    return Units(names, columns, {axis: len(values) for axis, values in axes.items()})


def _word(axis: str, value: Any) -> str:
    if axis == CHANNEL:
        return value
    return f"x{value:g}" if axis == SCALE else f"{axis.removesuffix('_deg')} {value:g}°"
