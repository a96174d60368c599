"""Responses of a site's units to arcs and straight contours of every kind at the middle cell."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from workbench.hosts.host import Host
from workbench.vision.pictures import Picture
from workbench.vision.survey.responses import Steps, best_responses, moments
from workbench.vision.survey.trials import (
    DIRECTIONS_DEG,
    FILLS,
    POLARITIES,
    RADII_PX,
    STRAIGHT_RADIUS_PX,
    draw,
)

CELLS_AROUND = 1  # the highest of 3 x 3 cells: a unit need not prefer the apex on its centre


@dataclass(frozen=True)
class Responses:
    """Responses of one site's units.

    arcs      to arcs, in the order of trials' FILLS, POLARITIES, RADII_PX and DIRECTIONS_DEG
    straight  to straight contours, whose direction is the side the filling lies on
    mean, spread  of each unit's activation over every position of the pictures
    """

    arcs: Float[np.ndarray, "fill polarity radius direction unit"]
    straight: Float[np.ndarray, "fill polarity direction unit"]
    mean: Float[np.ndarray, " unit"]
    spread: Float[np.ndarray, " unit"]


def measure(
    host: Host, sites: Sequence[str], pictures: Sequence[Picture], steps: Steps
) -> dict[str, Responses]:
    """Responses of every unit of `sites`, which share one grid (stride, offset and size)."""
    over_pictures = moments(host, sites, pictures, steps)
    arcs, straight = _trials(host, sites, steps)
    return {name: Responses(arcs[name], straight[name], *over_pictures[name]) for name in sites}


def _trials(
    host: Host, sites: Sequence[str], steps: Steps
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    radii = (*RADII_PX, STRAIGHT_RADIUS_PX)
    kinds = itertools.product(FILLS, POLARITIES, radii)
    draws = [partial(draw, host.picture_input.size_px, *kind, DIRECTIONS_DEG) for kind in kinds]
    shape = (len(FILLS), len(POLARITIES), len(radii), len(DIRECTIONS_DEG), -1)
    responses = {
        name: value.reshape(shape)
        for name, value in best_responses(host, sites, "arcs", draws, CELLS_AROUND, steps).items()
    }
    return {name: value[:, :, :-1] for name, value in responses.items()}, {
        name: value[:, :, -1] for name, value in responses.items()
    }
