"""Small drawings of poses: a bar at an orientation, or an arc with a direction of its centre."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, DrawingArea
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from workbench.theory.poses import CENTRE, CHANNEL, COLOUR, SCALE, UNIT

SIDE = 10.0  # points
INK = "#222222"


def draw_glyph(
    axes: Axes,
    pose: tuple[str, float] | None,
    at: tuple[float, float],
    offset_points: tuple[float, float],
    ink: str = INK,
) -> None:
    """Draw a pose (axis, degrees) next to the point `at` of the data; None draws nothing.

    Its distance from that point is `offset_points`.
    """
    if pose is None:
        return
    box = DrawingArea(SIDE, SIDE)
    box.add_artist(
        PathPatch(Path(outline(*pose)), fill=False, edgecolor=ink, linewidth=1.1, capstyle="round")
    )
    axes.add_artist(
        AnnotationBbox(
            box,
            at,
            xybox=offset_points,
            boxcoords="offset points",
            frameon=False,
            pad=0,
            annotation_clip=False,
        )
    )


def outline(axis: str, direction_deg: float) -> np.ndarray:
    """Points `n 2` of a bar along an orientation, or of an arc around its apex.

    In the glyph's points x is right and y up; angles grow downwards.
    """
    middle = SIDE / 2
    if axis != CENTRE:
        angle = np.radians(direction_deg)
        step = 0.45 * SIDE * np.array([np.cos(angle), -np.sin(angle)])
        return np.stack([middle - step, middle + step])
    radius, spread = 0.5 * SIDE, np.radians(np.linspace(-75, 75, 15))
    outward = np.radians(direction_deg) + np.pi + spread
    towards = (
        0.28
        * SIDE
        * np.array([np.cos(np.radians(direction_deg)), -np.sin(np.radians(direction_deg))])
    )
    return middle + towards + radius * np.stack([np.cos(outward), -np.sin(outward)], 1)


def pose_text(axis: str, value: float | str) -> str:
    """A short text for a pose: `luma`, `x0.7`, `phase 90°`, `unit 7`."""
    if axis in (CHANNEL, COLOUR):
        return str(value)
    if axis == UNIT:
        return f"unit {value}"
    return f"x{value:g}" if axis == SCALE else f"{axis.removesuffix('_deg')} {value:g}°"
