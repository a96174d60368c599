"""Weights as their downstream units see them: relative place and turn of the upstream units."""

import numpy as np
from jaxtyping import Float

from workbench.matching.weights import FamilyWeights
from workbench.theory.poses import CENTRE, SCALE, SHIFT_X, SHIFT_Y
from workbench.vision.geometry.angles import wrap_deg
from workbench.vision.geometry.frame import offsets, seen_from

Places = Float[np.ndarray, "m 2"]
Turns = Float[np.ndarray, " m"]
Spread = tuple[float, float]  # width of a Gaussian, in cells and in degrees


def nearness(
    weights: tuple[Places, Turns],
    others: tuple[Places, Turns],
    period_deg: float,
    step_px: int,
    spread: Spread,
) -> Float[np.ndarray, "m k"]:
    """How near weights are to others, each as its downstream unit sees it.

    `weights` and `others` are places in pixels and turns in degrees. The result is a Gaussian of
    the `spread`, 1 at no distance.
    """
    (places, turns_deg), (other_places, other_turns_deg) = weights, others
    cells, degrees = spread
    apart = ((places[:, None] - other_places[None]) ** 2).sum(2) / (cells * step_px) ** 2
    turn = (wrap_deg(turns_deg[:, None] - other_turns_deg[None], period_deg) / degrees) ** 2
    return np.exp(-(apart + turn) / 2)


def seen_by(
    pair: FamilyWeights,
) -> tuple[Float[np.ndarray, "down m 2"], Float[np.ndarray, "down m"], float]:
    """Place and turn of each weight's upstream unit in the frame of the downstream unit.

    The places are in pixels, the turns in degrees; the third value is the period of the turns.
    """
    down, up = pair.downstream, pair.upstream
    x, y = offsets(pair.step_px * pair.trained.shape[-1], pair.step_px, np.zeros(()))
    period_deg = 360.0 if CENTRE in up.poses and CENTRE in down.poses else 180.0
    places, turns = [], []
    for u in range(len(up)):
        moved_x, moved_y = (
            line + up.column(axis)[u] - down.column(axis)[:, None, None]
            for line, axis in ((x, SHIFT_X), (y, SHIFT_Y))
        )
        places.append(
            np.stack(seen_from(moved_x, moved_y, down.normal_deg, down.column(SCALE)), -1)
        )
        turn = wrap_deg(up.normal_deg[u] - down.normal_deg, period_deg)
        turns.append(np.broadcast_to(turn[:, None, None], places[-1].shape[:-1]))
    count = len(down)
    return (
        np.stack(places, 1).reshape(count, -1, 2),
        np.stack(turns, 1).reshape(count, -1),
        period_deg,
    )
