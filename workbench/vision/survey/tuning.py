"""Tuning to arcs for all units of a site, and the thresholds of curve units.

Pure functions of arrays.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from workbench.vision.survey.arcs import Responses
from workbench.vision.survey.family import Judged
from workbench.vision.survey.trials import DIRECTION_STEP_DEG, DIRECTIONS_DEG, RADII_PX

TINY = 1e-9

# What makes a curve unit.
THRESHOLDS = {
    # an arc drives it beyond its mean over pictures by nine of their standard deviations
    "strength": 9.0,
    # one peak over 360 degrees: a cosine bump of a half circle has 0.79, two opposite peaks have 0
    "concentration": 0.55,
    # straight contours of any orientation give at most 60 % of its best response
    "curvature": 0.4,
    # the mean tuning curve stays below a fifth of its peak 90 degrees and more from the pose
    "direction": 0.8,
    # to polarity and fill: the worst of the four gives half of the best response
    "invariance": 0.5,
    "radii": 0.25,  # to radius: the worst of 12 to 60 px gives a quarter of the best response
    # it prefers an arc, not the end of a line or a spot: two cells of a site of stride 8
    "radius_px": 16.0,
}


# What makes an early curve unit: it prefers an arc of one direction, but a line or the same arc
# turned by 180 degrees still drives it.
EARLY_THRESHOLDS = {
    **THRESHOLDS,
    "strength": 6.0,
    "concentration": 0.3,
    "direction": 0.45,
}


@dataclass(frozen=True)
class Tuning(Judged):
    """Each unit's tuning to arcs.

    `pose_deg` is the vector mean of `curve`, its response by direction averaged over radius,
    polarity and fill. From the highest of 3 x 3 cells it serves to judge a unit; `place` measures
    the pose again for the units that pass.

    `direction` among the figures is 1 - (mean tuning 90 degrees and more from the pose) / its peak;
    `turned` is 1 - (response to the best arc turned by 180 degrees) / (response to the best
    arc). See THRESHOLDS for the other figures.
    """

    curve: Float[np.ndarray, "direction unit"]
    pose_deg: Float[np.ndarray, " unit"]
    radius_px: Float[np.ndarray, " unit"]
    turned: Float[np.ndarray, " unit"]


def tuning(responses: Responses, thresholds: Mapping[str, float] = THRESHOLDS) -> Tuning:
    """Tuning of every unit of one site."""
    arcs = responses.arcs
    best, curve = arcs.max((0, 1, 2, 3)), arcs.mean((0, 1, 2))
    pose_deg, concentration = vector_mean(curve)
    at_pose = _at_pose(arcs, pose_deg)
    by_kind, by_radius = at_pose.mean(2).reshape(-1, len(best)), at_pose.mean((0, 1))
    figures = {
        "strength": (best - responses.mean) / (responses.spread + TINY),
        "concentration": concentration,
        "curvature": 1 - _share(responses.straight.max((0, 1, 2)), best),
        "direction": 1 - _share(_opposite_peak(curve, pose_deg), curve.max(0)),
        "invariance": _share(by_kind.min(0), by_kind.max(0)),
        "radii": _share(by_radius.min(0), by_radius.max(0)),
        "radius_px": _preferred_radius(by_radius),
    }
    return Tuning(figures, thresholds, curve, pose_deg, figures["radius_px"], _turned(arcs))


def vector_mean(
    curve: Float[np.ndarray, "direction unit"],
) -> tuple[Float[np.ndarray, " unit"], Float[np.ndarray, " unit"]]:
    """Direction in degrees (0 <= x < 360) and length (0..1) of the response-weighted mean vector.

    As directions are 15 degrees apart, only the 23rd and 25th harmonics of a tuning curve could
    bias the direction, and these are nearly zero.
    """
    vector = (curve * np.exp(1j * np.radians(DIRECTIONS_DEG))[:, None]).sum(0)
    return np.degrees(np.angle(vector)) % 360 % 360, _share(np.abs(vector), curve.sum(0))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part / whole, and 0 for a unit without any response."""
    return np.where(whole > TINY, part / np.maximum(whole, TINY), 0)


def _apart_deg(pose_deg: Float[np.ndarray, " unit"]) -> Float[np.ndarray, "direction unit"]:
    return np.abs((DIRECTIONS_DEG[:, None] - pose_deg + 180) % 360 - 180)


def _at_pose(
    arcs: np.ndarray, pose_deg: np.ndarray
) -> Float[np.ndarray, "fill polarity radius unit"]:
    """Highest response within one step of the pose."""
    return np.where(_apart_deg(pose_deg) <= DIRECTION_STEP_DEG, arcs, -np.inf).max(3)


def _opposite_peak(curve: np.ndarray, pose_deg: np.ndarray) -> Float[np.ndarray, " unit"]:
    """Peak of the tuning curve in the half circle that is opposite to the pose."""
    return np.where(_apart_deg(pose_deg) >= 90, curve, -np.inf).max(0)


def _turned(arcs: np.ndarray) -> Float[np.ndarray, " unit"]:
    by_trial = arcs.reshape(-1, len(DIRECTIONS_DEG), arcs.shape[-1])
    opposite = np.roll(by_trial, len(DIRECTIONS_DEG) // 2, axis=1).reshape(-1, arcs.shape[-1])
    flat = by_trial.reshape(-1, arcs.shape[-1])
    best = flat.argmax(0)[None]
    return 1 - _share(
        np.take_along_axis(opposite, best, 0)[0], np.take_along_axis(flat, best, 0)[0]
    )


def _preferred_radius(by_radius: Float[np.ndarray, "radius unit"]) -> Float[np.ndarray, " unit"]:
    """Centre, on a logarithmic axis, of the radius tuning above half its peak."""
    weight = np.maximum(0, by_radius - by_radius.max(0) / 2) + TINY
    return np.exp((weight * np.log(RADII_PX)[:, None]).sum(0) / weight.sum(0))
