"""Lines: units that respond to a straight bar of one orientation, bright or dark alike.

"Early Vision", doi 10.23915/distill.00024.002.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host, Site
from workbench.spec.circuit import TrainedUnit
from workbench.vision.pictures import Picture
from workbench.vision.stimuli import Stroke, arc, line
from workbench.vision.stimuli.canvas import RGB, Point
from workbench.vision.survey.family import Family, Judged, moderate_sites
from workbench.vision.survey.moved import Draw, along_normal, moved_units
from workbench.vision.survey.responses import Steps, best_responses, moments
from workbench.vision.survey.trials import POLARITIES

TINY = 1e-9
STEP_DEG = 7.5
ORIENTATIONS_DEG = np.arange(0.0, 180.0, STEP_DEG)
WIDTHS_PX = (2.0, 4.0)
# length of a bar, of a piece of it, and the radius of an arc to compare with
LONG_PX, SHORT_PX, BENT_PX = 60.0, 8.0, 18.0
CELLS_AROUND = 1  # the highest of 3 x 3 cells
SHIFTS_PX = np.arange(-8.0, 9.0, 2.0)  # of a bar, along its normal

SUMMARY = (
    f"bars {LONG_PX:g} px and {SHORT_PX:g} px long and arcs of radius {BENT_PX:g} px, "
    f"{' and '.join(f'{px:g}' for px in WIDTHS_PX)} px wide, "
    f"bright and dark on mid-grey, every {STEP_DEG:g} degrees; "
    f"shift from long bars moved by up to {SHIFTS_PX.max():g} px along their normal"
)

# What makes a line unit.
THRESHOLDS = {
    # a bar drives it beyond its mean over pictures by three of their standard deviations
    "strength": 3.0,
    "concentration": 0.6,  # one peak over 180 degrees
    # bars 60 degrees and more from the best give at most a quarter of the best response
    "selectivity": 0.75,
    # to polarity: bright and dark bars give much the same response, as from Gabors of any phase
    "invariance": 0.8,
    # a piece of the bar gives at most 85 % of the response to the whole bar
    "length": 0.15,
    "straightness": 0.85,  # an arc gives little more than the bar: the unit is no curve unit
}


@dataclass(frozen=True)
class Oriented(Judged):
    """Tuning of every unit to bars.

    `orientation_deg` is that of the bars each unit prefers: the vector mean over 180 degrees.
    """

    orientation_deg: Float[np.ndarray, " unit"]


def judge(
    host: Host, sites: Sequence[str], pictures: Sequence[Picture], steps: Steps
) -> Mapping[str, Oriented]:
    """Tuning of every unit of sites on one grid to bars."""
    over_pictures = moments(host, sites, pictures, steps)
    long, short = (_bars(host, sites, length_px, steps) for length_px in (LONG_PX, SHORT_PX))
    bent = _arcs(host, sites, steps)
    return {
        name: _oriented(long[name], short[name], bent[name], *over_pictures[name]) for name in sites
    }


def units(host: Host, site: Site, judged: Judged, steps: Steps) -> tuple[TrainedUnit, ...]:
    """The line units of a site.

    `centre_deg` is the direction of their normal, 0 to 180, along which they are shifted.
    """
    if not isinstance(judged, Oriented):
        raise TypeError("not the tuning of lines")
    chosen = np.flatnonzero(judged.passes)
    normal_deg = (judged.orientation_deg[chosen] + 90) % 180
    nearest = _apart_deg(judged.orientation_deg[chosen]).argmin(0)
    shifts = along_normal(
        host, site, chosen, nearest, (ORIENTATIONS_DEG + 90) % 180, SHIFTS_PX, _moved(host), steps
    )
    return moved_units(judged, chosen, normal_deg, 180, shifts)


def _oriented(
    long: np.ndarray, short: np.ndarray, bent: np.ndarray, mean: np.ndarray, spread: np.ndarray
) -> Oriented:
    """The figures of every unit, from its responses `width polarity orientation unit`."""
    best, curve, by_polarity = long.max((0, 1, 2)), long.mean((0, 1)), long.max((0, 2))
    vector = (curve * np.exp(2j * np.radians(ORIENTATIONS_DEG))[:, None]).sum(0)
    orientation_deg = np.degrees(np.angle(vector)) / 2 % 180
    across = np.where(_apart_deg(orientation_deg) >= 60, curve, 0).max(0)
    figures = {
        "strength": (best - mean) / (spread + TINY),
        "concentration": np.abs(vector) / (curve.sum(0) + TINY),
        "selectivity": 1 - across / (curve.max(0) + TINY),
        "invariance": by_polarity.min(0) / (best + TINY),
        "length": 1 - short.max((0, 1, 2)) / (best + TINY),
        "straightness": best / (bent.max((0, 1, 2)) + TINY),
    }
    return Oriented(figures, THRESHOLDS, orientation_deg)


def _apart_deg(
    orientation_deg: Float[np.ndarray, " unit"],
) -> Float[np.ndarray, "orientation unit"]:
    return np.abs((ORIENTATIONS_DEG[:, None] - orientation_deg + 90) % 180 - 90)


def _bars(
    host: Host, sites: Sequence[str], length_px: float, steps: Steps
) -> dict[str, np.ndarray]:
    """Highest responses near the middle cell to bars: `width polarity orientation unit`."""

    def draw(at: Point, width_px: float, colour: float) -> RGB:
        orientations = torch.tensor(ORIENTATIONS_DEG)
        return line(
            host.picture_input.size_px, at, orientations, length_px, Stroke(width_px, colour)
        )

    return _responses(host, sites, draw, f"{length_px:g} px bars", steps)


def _arcs(host: Host, sites: Sequence[str], steps: Steps) -> dict[str, np.ndarray]:
    """The same for arcs; they have twice as many directions as a bar has orientations."""
    directions = torch.tensor(np.arange(0.0, 360.0, STEP_DEG))
    extent_deg = min(180.0, math.degrees(LONG_PX / BENT_PX))

    def draw(at: Point, width_px: float, colour: float) -> RGB:
        stroke = Stroke(width_px, colour)
        return arc(host.picture_input.size_px, at, directions, BENT_PX, extent_deg, stroke)

    return _responses(host, sites, draw, "arcs", steps)


def _responses(
    host: Host,
    sites: Sequence[str],
    draw: Callable[[Point, float, float], RGB],
    stage: str,
    steps: Steps,
) -> dict[str, np.ndarray]:
    kinds = [(width_px, colour) for width_px in WIDTHS_PX for colour in POLARITIES.values()]

    def drawn(kind: tuple[float, float], at: Point) -> Float[Tensor, "n 3 h w"]:
        return draw(at, *kind).permute(0, 3, 1, 2).float()

    flat = best_responses(
        host, sites, stage, [partial(drawn, kind) for kind in kinds], CELLS_AROUND, steps
    )
    return {
        name: responses.reshape(len(WIDTHS_PX), len(POLARITIES), *responses.shape[1:])
        for name, responses in flat.items()
    }


def _moved(host: Host) -> list[Draw]:
    """Functions that draw a long bar of one polarity at a point, for each polarity."""

    def draw(at: Point, colour: float) -> RGB:
        orientations = torch.tensor(ORIENTATIONS_DEG)
        stroke = Stroke(WIDTHS_PX[-1], colour)
        return line(host.picture_input.size_px, at, orientations, LONG_PX, stroke)

    return [partial(draw, colour=colour) for colour in POLARITIES.values()]


FAMILY = Family("line", SUMMARY, THRESHOLDS, moderate_sites, judge, units)
