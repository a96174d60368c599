"""Where, along its normal, a unit wants its feature: the feature is moved to and fro before it."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.cache import Arrays
from workbench.hosts.host import Host, Site
from workbench.spec.circuit import TrainedUnit
from workbench.stimuli.canvas import Point
from workbench.survey.family import Judged
from workbench.survey.responses import Steps, activations, apex_of, centre_cell

TINY = 1e-9
Draw = Callable[[Point], Float[Tensor, "n h w 3"]]  # one picture for each direction, at its own point


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
    """(x, y) in pixels, for each of the units `chosen`, from its cell to where it wants the feature that runs in its direction.

    The centroid, above half of their peak, of its answers to what `draws` draw at the shifts along the normal; `nearest` is the index of each
    unit's own direction. How far along the feature it lies cannot be told.
    """
    cell = centre_cell(site)
    x, y = apex_of(site, cell)
    turn = np.radians(normals_deg)
    units = [int(unit) for unit in chosen]

    def said(i: int) -> Arrays:
        at = torch.tensor(x + shifts_px[i] * np.cos(turn)), torch.tensor(y + shifts_px[i] * np.sin(turn))
        answers = np.zeros((len(normals_deg), len(units)))
        for draw in draws:
            seen = activations(host, draw(at).permute(0, 3, 1, 2).float(), [site.name])[site.name]
            answers += seen[:, units, cell[0], cell[1]].numpy()
        return {"answers": answers}

    answers = np.stack([each["answers"] for each in steps("shifts", len(shifts_px), said, site.name, units)])
    own = answers[:, nearest, np.arange(len(chosen))]
    weight = np.maximum(0, own - own.max(0) / 2)
    moved = (weight * shifts_px[:, None]).sum(0) / (weight.sum(0) + TINY)
    return [_point(math.radians(normals_deg[index]), float(shift)) for index, shift in zip(nearest, moved, strict=True)]


def _point(turn: float, length_px: float) -> tuple[float, float]:
    return round(length_px * math.cos(turn), 1) + 0.0, round(length_px * math.sin(turn), 1) + 0.0  # 0.0, not -0.0


def moved_units(
    judged: Judged,
    chosen: Int[np.ndarray, " unit"],
    poses_deg: Float[np.ndarray, " unit"],
    period_deg: int,
    shifts_px: Sequence[tuple[float, float]],
) -> tuple[TrainedUnit, ...]:
    """The units `chosen` of a site, each with its pose, its shift and how strongly its feature drives it."""
    return tuple(
        TrainedUnit(
            unit=int(unit),
            centre_deg=round(float(pose_deg), 1) % period_deg,
            shift_px=shift,
            strength=round(float(judged.figures["strength"][unit]), 2),
        )
        for unit, pose_deg, shift in zip(chosen, poses_deg, shifts_px, strict=True)
    )
