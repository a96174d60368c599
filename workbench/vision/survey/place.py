"""A unit's preferred place of an arc's apex and preferred direction, measured together.

The two depend on each other: sliding an arc along itself moves and turns it. So the pose is not
measured at one place, nor the place at one pose: both are means over the same field of responses.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from workbench.cache import Arrays
from workbench.hosts.host import Host, Site
from workbench.vision.survey.responses import Steps, activations, apex_of, centre_cell
from workbench.vision.survey.trials import DIRECTIONS_DEG, FILLS, POLARITIES, draw
from workbench.vision.survey.tuning import vector_mean

RADII_PX = (18.0, 40.0)
# of the apex from the middle cell's centre, along x and along y
SHIFTS_PX = np.arange(-16.0, 17.0, 4.0)
PLACING = (
    f"pose and shift from arcs of {' and '.join(f'{radius:g}' for radius in RADII_PX)} px "
    f"moved by up to {SHIFTS_PX.max():g} px"
)


@dataclass(frozen=True)
class Places:
    """Pose and place of each unit.

    `pose_deg` is 0 or more and below 360; `shift_px` is the displacement (x, y) of its preferred
    apex from its cell's centre.
    """

    pose_deg: Float[np.ndarray, " unit"]
    shift_px: Float[np.ndarray, "unit 2"]


def places(host: Host, site: Site, units: Sequence[int], steps: Steps) -> Places:
    """Pose and place of `units`: vector mean and centroid of each unit's `field`.

    They are weighted by how much the field exceeds half its peak.
    """
    responses = field(host, site, units, steps)
    weight = np.maximum(0, responses - responses.max((0, 1, 2)) / 2)
    total = np.maximum(weight.sum((0, 1, 2)), np.finfo(float).tiny)
    x = (weight.sum((0, 1)) * SHIFTS_PX[:, None]).sum(0) / total
    y = (weight.sum((0, 2)) * SHIFTS_PX[:, None]).sum(0) / total
    return Places(vector_mean(weight.sum((1, 2)))[0], np.stack([x, y], -1))


def field(
    host: Host, site: Site, units: Sequence[int], steps: Steps
) -> Float[np.ndarray, "direction y x unit"]:
    """Responses of the middle cell to arcs of every direction with their apex moved by SHIFTS_PX.

    They are means over radius, polarity and fill. An arc moved by a whole stride is the same as the
    neighbouring cell's response, so only moves within one stride are drawn. Responses beyond the
    map's border are 0.
    """
    kinds = [
        (fill, polarity, radius_px)
        for fill in FILLS
        for polarity in POLARITIES
        for radius_px in RADII_PX
    ]
    rests = np.unique(SHIFTS_PX % site.stride_px)
    moves = [(x, y) for x in rests for y in rests]
    shown = [(kind, move) for kind in kinds for move in moves]
    middle = centre_cell(site)
    x, y = apex_of(site, middle)

    def served(
        move: tuple[float, float],
    ) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """For rows and for columns, what `_cells` gives of a move within a stride."""
        return _cells(move[1], middle[0], site.height, site.stride_px), _cells(
            move[0], middle[1], site.width, site.stride_px
        )

    def measured(i: int) -> Arrays:
        kind, move = shown[i]
        (_, cells_y), (_, cells_x) = served(move)
        rgb = draw(host.picture_input.size_px, *kind, DIRECTIONS_DEG, (x + move[0], y + move[1]))
        maps = activations(host, rgb, [site.name])[site.name][:, list(units)].numpy()
        return {"responses": maps[:, :, cells_y[:, None], cells_x].transpose(0, 2, 3, 1)}

    responses = np.zeros((len(DIRECTIONS_DEG), len(SHIFTS_PX), len(SHIFTS_PX), len(units)))
    measurements = steps("places", len(shown), measured, site.name, list(units))
    for (_, move), measurement in zip(shown, measurements, strict=True):
        (rows, _), (columns, _) = served(move)
        responses[:, rows[:, None], columns] += measurement["responses"]
    return responses / len(kinds)


def _cells(
    moved_px: float, middle: int, size: int, stride_px: int
) -> tuple[np.ndarray, np.ndarray]:
    """Indices into SHIFTS_PX that a move measures, and the row or column of each one's cell."""
    steps = (moved_px - SHIFTS_PX) / stride_px
    cells = middle + np.round(steps).astype(int)
    served = np.flatnonzero((SHIFTS_PX % stride_px == moved_px) & (cells >= 0) & (cells < size))
    return served, cells[served]
