"""A unit's preferred place of its feature along the feature's normal.

The feature is drawn at several shifts along its normal.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.cache import Arrays
from workbench.hosts.host import Host, Site
from workbench.spec.circuit import TrainedUnit
from workbench.vision.stimuli.canvas import Point
from workbench.vision.survey.family import Judged
from workbench.vision.survey.responses import Steps, activations, apex_of, centre_cell

TINY = 1e-9
# draws one picture for each direction, each at its own point
Draw = Callable[[Point], Float[Tensor, "n h w 3"]]


def along_normal(
    host: Host,
    site: Site,
    chosen: Sequence[int] | Int[np.ndarray, " unit"],
    nearest: Int[np.ndarray, " unit"],
    normals_deg: Float[np.ndarray, " direction"],
    shifts_px: Float[np.ndarray, " shift"],
    draws: Sequence[Draw],
    steps: Steps,
) -> list[tuple[float, float]]:
    """Shifts (x, y) in pixels of the units `chosen`: from its cell to its preferred feature.

    A shift lies along the normal of the feature of the unit's direction, `nearest` being the index
    of that direction. It is the centroid of the unit's responses to the pictures of `draws` at
    `shifts_px`, weighted by how much they exceed half their peak. The shift along the feature
    cannot be measured.
    """
    cell = centre_cell(site)
    x, y = apex_of(site, cell)
    turn = np.radians(normals_deg)
    units = [int(unit) for unit in chosen]

    def measured(i: int) -> Arrays:
        at = (
            torch.tensor(x + shifts_px[i] * np.cos(turn)),
            torch.tensor(y + shifts_px[i] * np.sin(turn)),
        )
        responses = np.zeros((len(normals_deg), len(units)))
        for draw in draws:
            maps = activations(host, draw(at).permute(0, 3, 1, 2).float(), [site.name])[site.name]
            responses += maps[:, units, cell[0], cell[1]].numpy()
        return {"responses": responses}

    by_shift = np.stack(
        [
            result["responses"]
            for result in steps("shifts", len(shifts_px), measured, site.name, units)
        ]
    )
    in_direction = by_shift[:, nearest, np.arange(len(chosen))]
    weight = np.maximum(0, in_direction - in_direction.max(0) / 2)
    moved = (weight * shifts_px[:, None]).sum(0) / (weight.sum(0) + TINY)
    return [
        _point(math.radians(normals_deg[index]), float(shift))
        for index, shift in zip(nearest, moved, strict=True)
    ]


def _point(turn: float, length_px: float) -> tuple[float, float]:
    # adding 0.0 turns -0.0 into 0.0
    return (
        round(length_px * math.cos(turn), 1) + 0.0,
        round(length_px * math.sin(turn), 1) + 0.0,
    )


def moved_units(
    judged: Judged,
    chosen: Int[np.ndarray, " unit"],
    poses_deg: Float[np.ndarray, " unit"],
    period_deg: int,
    shifts_px: Sequence[tuple[float, float]],
) -> tuple[TrainedUnit, ...]:
    """The units `chosen` of a site, each with its pose, its shift and its strength."""
    return tuple(
        TrainedUnit(
            unit=int(unit),
            centre_deg=round(float(pose_deg), 1) % period_deg,
            shift_px=shift,
            strength=round(float(judged.figures["strength"][unit]), 2),
        )
        for unit, pose_deg, shift in zip(chosen, poses_deg, shifts_px, strict=True)
    )
