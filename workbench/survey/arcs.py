"""What a site's units answer to arcs and straight contours, of every kind, at the middle cell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.survey.responses import Progress, activations, apex_of, centre_cell, moments
from workbench.survey.trials import DIRECTIONS_DEG, FILLS, POLARITIES, RADII_PX, STRAIGHT_RADIUS_PX, draw

CELLS_AROUND = 1  # the best of 3 x 3 cells: a unit need not like its apex on its very centre


@dataclass(frozen=True)
class Responses:
    """Answers of one site's units.

    arcs      to arcs, in the order of trials' FILLS, POLARITIES, RADII_PX and DIRECTIONS_DEG
    straight  to straight contours, whose direction is the side the filling lies on
    mean, spread  of each unit over every position of the pictures
    """

    arcs: Float[np.ndarray, "fill polarity radius direction unit"]
    straight: Float[np.ndarray, "fill polarity direction unit"]
    mean: Float[np.ndarray, " unit"]
    spread: Float[np.ndarray, " unit"]


def measure(host: Host, sites: Sequence[str], pictures: Sequence[Picture], progress: Progress) -> dict[str, Responses]:
    """Responses of every unit of `sites`, which share one grid (stride, offset and size)."""
    over_pictures = moments(host, sites, pictures, progress)
    arcs, straight = _trials(host, sites, progress)
    return {name: Responses(arcs[name], straight[name], *over_pictures[name]) for name in sites}


def _trials(host: Host, sites: Sequence[str], progress: Progress) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    site = host.site(sites[0])
    row, column = centre_cell(site)
    rows, columns = (slice(max(0, index - CELLS_AROUND), index + CELLS_AROUND + 1) for index in (row, column))
    radii = (*RADII_PX, STRAIGHT_RADIUS_PX)
    shape = (len(FILLS), len(POLARITIES), len(radii))
    answers = {name: np.zeros((*shape, len(DIRECTIONS_DEG), host.site(name).channels), np.float32) for name in sites}
    for done, place in enumerate(np.ndindex(shape)):
        progress("arcs", done, int(np.prod(shape)))
        fill, polarity, radius_px = FILLS[place[0]], list(POLARITIES)[place[1]], radii[place[2]]
        rgb = draw(host.input.size_px, fill, polarity, radius_px, DIRECTIONS_DEG, apex_of(site, (row, column)))
        for name, value in activations(host, rgb, sites).items():
            answers[name][place] = value[:, :, rows, columns].amax((2, 3)).numpy()
    progress("arcs", int(np.prod(shape)), int(np.prod(shape)))
    return {name: value[:, :, :-1] for name, value in answers.items()}, {name: value[:, :, -1] for name, value in answers.items()}
