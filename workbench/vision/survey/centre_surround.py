"""Centre-surround: units for a spot of one colour, which a larger spot of it does not drive.

They respond to black and white or to colours, "Early Vision", doi 10.23915/distill.00024.002.
Kuffler 1953, doi 10.1152/jn.1953.16.1.37.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, Int

from workbench.cache import Arrays
from workbench.hosts.host import Host, Site
from workbench.spec.circuit import TrainedUnit
from workbench.vision.pictures import Picture
from workbench.vision.survey.colours import AXES, CONTRAST, TINY, at, edges, mixtures, spots
from workbench.vision.survey.family import Family, Judged, moderate_sites
from workbench.vision.survey.responses import (
    Steps,
    activations,
    apex_of,
    best_responses,
    centre_cell,
    moments,
)
from workbench.vision.survey.trials import DIRECTION_STEP_DEG

CELLS_AROUND = 1  # the highest of 3 x 3 cells
RADII_PX = (3.0, 6.0, 10.0, 16.0)
WIDE_PX = (40.0, 400.0)  # radius of a wide spot, and of one that fills any picture
TYPICAL_PX = 6.0  # radius of the spot of a unit whose `scale` is 1
SHIFTS_PX = np.arange(-8.0, 9.0, 4.0)  # of the spot, along x and along y

SUMMARY = (
    f"spots of radius {', '.join(f'{px:g}' for px in (*RADII_PX, *WIDE_PX))} px in both "
    f"colours of {', '.join(AXES)} (contrast {CONTRAST:g}) on the mean colour; straight edges "
    f"between the same colours every {DIRECTION_STEP_DEG} degrees; shift from spots moved by up to "
    f"{SHIFTS_PX.max():g} px in x and y; scale relative to a spot of {TYPICAL_PX:g} px"
)

# What makes a centre-surround unit.
THRESHOLDS = {
    # a spot drives it beyond its mean over pictures by two of their standard deviations
    "strength": 2.0,
    # a spot of the opposite colour gives at most two fifths of the best response
    "polarity": 0.6,
    # its best spot gives at least as much as any straight edge in the same colours
    "closed": 1.0,
    # a spot of 40 px or more gives at most three fifths of the best response
    "surround": 0.4,
}
# Colour centre-surround: black and white is at most three tenths of its mixture.
COLOUR_THRESHOLDS = {**THRESHOLDS, "colour": 0.7}


@dataclass(frozen=True)
class Spotted(Judged):
    """Tuning of every unit to spots.

    best      the index of the colour (both of each axis) that each prefers
    mixture   its parts of luma, red-green and blue-yellow
    scale     radius of its preferred spot over TYPICAL_PX
    """

    best: Int[np.ndarray, " unit"]
    mixture: Float[np.ndarray, "unit 3"]
    scale: Float[np.ndarray, " unit"]


def judge(
    host: Host,
    sites: Sequence[str],
    pictures: Sequence[Picture],
    steps: Steps,
    thresholds: Mapping[str, float],
) -> Mapping[str, Spotted]:
    """Tuning of every unit of sites on one grid to spots and edges in each axis of colour."""
    over_pictures = moments(host, sites, pictures, steps)
    draws = [partial(spots, host, radius_px) for radius_px in (*RADII_PX, *WIDE_PX)]
    discs = best_responses(host, sites, "spots", draws, CELLS_AROUND, steps)
    lines = [partial(edges, host, axis) for axis in AXES]
    straight = best_responses(host, sites, "colour edges", lines, CELLS_AROUND, steps)
    return {
        name: spotted(discs[name], straight[name], *over_pictures[name], thresholds)
        for name in sites
    }


def spotted(
    discs: Float[np.ndarray, "radius colour unit"],
    straight: Float[np.ndarray, "axis direction unit"],
    mean: Float[np.ndarray, " unit"],
    spread: Float[np.ndarray, " unit"],
    thresholds: Mapping[str, float],
) -> Spotted:
    """The figures of every unit, from its responses."""
    small, wide = discs[: len(RADII_PX)], discs[len(RADII_PX) :]
    colour = small.max(0).argmax(0)
    by_size = small[:, colour, np.arange(len(colour))]
    size = by_size.argmax(0)
    best = at(small, size, colour)
    at_size = small[size, :, np.arange(len(size))].T
    parts = mixtures(at_size[::2], at_size[1::2])
    figures = {
        "strength": (best - mean) / (spread + TINY),
        "polarity": 1 - at(small, size, colour ^ 1) / (best + TINY),
        "closed": best / (at(straight.max(1), colour // 2) + TINY),
        "surround": 1 - at(wide.max(0), colour) / (best + TINY),
        "colour": 1 - np.abs(parts[:, 0]),
    }
    weight = np.maximum(0, by_size - by_size.max(0) / 2) + TINY
    radius_px = np.exp((weight * np.log(RADII_PX)[:, None]).sum(0) / weight.sum(0))
    return Spotted(figures, thresholds, colour, parts, radius_px / TYPICAL_PX)


def units(host: Host, site: Site, judged: Judged, steps: Steps) -> tuple[TrainedUnit, ...]:
    """The centre-surround units of a site. They have no direction."""
    if not isinstance(judged, Spotted):
        raise TypeError("not the tuning of centre-surround units")
    chosen = np.flatnonzero(judged.passes)
    shifts = _shifts(host, site, judged, chosen, steps)
    return tuple(
        TrainedUnit(
            unit=int(unit),
            shift_px=(round(float(x), 1) + 0.0, round(float(y), 1) + 0.0),
            scale=round(float(judged.scale[unit]), 3),
            mixture=tuple(round(float(part), 3) for part in judged.mixture[unit]),
            strength=round(float(judged.figures["strength"][unit]), 2),
        )
        for unit, (x, y) in zip(chosen, shifts, strict=True)
    )


def _shifts(
    host: Host, site: Site, judged: Spotted, chosen: Int[np.ndarray, " n"], steps: Steps
) -> Float[np.ndarray, "n 2"]:
    """(x, y) from each unit's cell to the spot it prefers.

    It is the centroid of its responses to spots of TYPICAL_PX in its colour, weighted by how much
    they exceed half their peak.
    """
    cell = centre_cell(site)
    x, y = apex_of(site, cell)
    moves = list(itertools.product(SHIFTS_PX, SHIFTS_PX))

    def measured(i: int) -> Arrays:
        drawn = spots(host, TYPICAL_PX, (x + moves[i][0], y + moves[i][1]))
        maps = activations(host, drawn, [site.name])[site.name]
        return {"responses": maps[:, chosen, cell[0], cell[1]].numpy()}

    by_move = [
        result["responses"]
        for result in steps("moved spots", len(moves), measured, site.name, chosen.tolist())
    ]
    preferred = np.stack(by_move)[:, judged.best[chosen], np.arange(len(chosen))]
    weight = np.maximum(0, preferred - preferred.max(0) / 2) + TINY
    return (weight.T @ np.array(moves)) / weight.sum(0)[:, None]


def _family(name: str, thresholds: Mapping[str, float]) -> Family:
    return Family(
        name, SUMMARY, thresholds, moderate_sites, partial(judge, thresholds=thresholds), units
    )


FAMILY = _family("centre_surround", THRESHOLDS)
COLOUR = _family("colour_centre_surround", COLOUR_THRESHOLDS)
