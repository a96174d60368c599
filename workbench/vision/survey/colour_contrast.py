"""Contrast: units for an edge with one colour on one side and its opposite on the other.

Those of colour contrast respond to colours, those of brightness contrast to bright and dark.

"Early Vision", doi 10.23915/distill.00024.002; double-opponent cells of Livingstone & Hubel 1984,
doi 10.1523/JNEUROSCI.04-01-00309.1984.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host, Site
from workbench.spec.circuit import TrainedUnit
from workbench.vision.pictures import Picture
from workbench.vision.stimuli.canvas import Point
from workbench.vision.survey.colours import AXES, CONTRAST, TINY, at, edges, mixtures
from workbench.vision.survey.family import Family, Judged, early_sites
from workbench.vision.survey.moved import Draw, along_normal, moved_units
from workbench.vision.survey.responses import Steps, best_responses, moments
from workbench.vision.survey.trials import DIRECTION_STEP_DEG, DIRECTIONS_DEG
from workbench.vision.survey.tuning import vector_mean

CELLS_AROUND = 1  # the highest of 3 x 3 cells
SHIFTS_PX = np.arange(-8.0, 9.0, 2.0)  # of the edge, along its normal
COLOURED = [axis for axis in AXES if axis != "luma"]
OPPOSITE = len(DIRECTIONS_DEG) // 2  # steps to the opposite direction

SUMMARY = (
    f"straight edges between opposite colours ({', '.join(AXES)}; contrast {CONTRAST:g}) "
    f"about the mean colour, every {DIRECTION_STEP_DEG} degrees; "
    f"shift from edges moved by up to {SHIFTS_PX.max():g} px along their normal"
)

# What makes a contrast unit.
THRESHOLDS = {
    # an edge drives it beyond its mean over pictures by two of their standard deviations
    "strength": 2.0,
    # a colour edge gives at least as much as a black and white one of the same contrast; of
    # brightness contrast the other way round
    "preference": 1.0,
    "direction": 0.6,  # with the two sides exchanged its response is at most two fifths of the best
    "concentration": 0.35,  # one peak over 360 degrees
}


@dataclass(frozen=True)
class Coloured(Judged):
    """Tuning of every unit to colour edges.

    direction_deg  of the vector mean, in the family's axis of colour that each prefers
    mixture        its parts of luma, red-green and blue-yellow towards that direction
    """

    direction_deg: Float[np.ndarray, " unit"]
    mixture: Float[np.ndarray, "unit 3"]


def judge(
    host: Host,
    sites: Sequence[str],
    pictures: Sequence[Picture],
    steps: Steps,
    axes: Sequence[str],
) -> Mapping[str, Coloured]:
    """Tuning of every unit of sites on one grid to edges in a family's axes of colour."""
    over_pictures = moments(host, sites, pictures, steps)
    draws = [partial(edges, host, axis) for axis in AXES]
    by_axis = best_responses(host, sites, "colour edges", draws, CELLS_AROUND, steps)
    return {name: coloured(by_axis[name], *over_pictures[name], axes) for name in sites}


def units(
    host: Host, site: Site, judged: Judged, steps: Steps, axes: Sequence[str]
) -> tuple[TrainedUnit, ...]:
    """The contrast units of a site: `centre_deg` points to the side of their `mixture`."""
    if not isinstance(judged, Coloured):
        raise TypeError("not the tuning of contrast units")
    chosen = np.flatnonzero(judged.passes)
    direction_deg = judged.direction_deg[chosen]
    apart = np.abs((DIRECTIONS_DEG[:, None] - direction_deg + 180) % 360 - 180)
    shifts = along_normal(
        host, site, chosen, apart.argmin(0), DIRECTIONS_DEG, SHIFTS_PX, _moved(host, axes), steps
    )
    posed = moved_units(judged, chosen, direction_deg, 360, shifts)
    return tuple(
        unit.model_copy(update={"mixture": tuple(round(float(part), 3) for part in parts)})
        for unit, parts in zip(posed, judged.mixture[chosen], strict=True)
    )


def coloured(
    by_axis: Float[np.ndarray, "axis direction unit"],
    mean: Float[np.ndarray, " unit"],
    spread: Float[np.ndarray, " unit"],
    axes: Sequence[str],
) -> Coloured:
    """The figures of every unit, from its responses; it prefers one of `axes`."""
    wanted = np.array([axis in axes for axis in AXES])
    mine = by_axis[wanted]
    axis = mine.max(1).argmax(0)
    curve = mine[axis, :, np.arange(len(axis))].T
    direction_deg, concentration = vector_mean(curve)
    peak = curve.argmax(0)
    best = at(curve, peak)
    figures = {
        "strength": (best - mean) / (spread + TINY),
        "preference": best / (by_axis[~wanted].max((0, 1)) + TINY),
        "direction": 1 - at(curve, (peak + OPPOSITE) % len(DIRECTIONS_DEG)) / (best + TINY),
        "concentration": concentration,
    }
    step = np.round(direction_deg / DIRECTION_STEP_DEG).astype(int) % len(DIRECTIONS_DEG)
    towards, away = (
        np.stack([at(curves, turn % len(DIRECTIONS_DEG)) for curves in by_axis])
        for turn in (step, step + OPPOSITE)
    )
    return Coloured(figures, THRESHOLDS, direction_deg, mixtures(towards, away))


def _moved(host: Host, axes: Sequence[str]) -> list[Draw]:
    """Functions that draw edges at a point for each direction, one for each axis of colour."""

    def draw(point: Point, axis: str) -> Float[Tensor, "n h w 3"]:
        return edges(host, axis, point).permute(0, 2, 3, 1)

    return [partial(draw, axis=axis) for axis in axes]


def _family(name: str, axes: Sequence[str]) -> Family:
    return Family(
        name,
        SUMMARY,
        THRESHOLDS,
        early_sites,
        partial(judge, axes=axes),
        partial(units, axes=axes),
    )


FAMILY = _family("colour_contrast", COLOURED)
BRIGHTNESS = _family("brightness_contrast", ["luma"])
