"""Matches: the weight of an upstream pose, by its difference from the pose expected at a place."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

from workbench.arrays import Array, array_namespace
from workbench.vision.geometry.angles import wrap_deg

# match -> (period of the upstream pose in degrees, its expected direction against the feature's
# normal)
EXPECTED = {
    "tangent": (180.0, 90.0),
    "normal": (180.0, 0.0),
    "same": (360.0, 0.0),
    "opposite": (360.0, 180.0),
}

STILL_DEG = 1e-3  # float32 resolves angles of a few hundred degrees to 3e-5


def within(difference_deg: Array, period_deg: float, tolerance_deg: Array | float) -> Array:
    """1 at the expected pose, falling as a Gaussian of `tolerance_deg`."""
    return array_namespace(difference_deg).exp(
        -0.5 * (wrap_deg(difference_deg, period_deg) / tolerance_deg) ** 2
    )


def harmonics(difference_deg: Array, period_deg: float, coefficients: Sequence) -> Array:
    """`sum over k of coefficient k * cos(k * difference)`, one turn being the period.

    It is the general even function of the difference.
    """
    xp = array_namespace(difference_deg)
    turn = wrap_deg(difference_deg, period_deg) * (2.0 * math.pi / period_deg)
    total = xp.zeros_like(difference_deg)
    for k, coefficient in enumerate(coefficients):
        total = total + coefficient * xp.cos(k * turn)
    return total


def profile(difference_deg: Array, period_deg: float, points: Sequence[tuple[float, Any]]) -> Array:
    """Straight lines through the points (degrees, weight), alike on both sides.

    The points are in the order of their degrees; before the first and after the last it is flat.
    """
    xp = array_namespace(difference_deg)
    off_deg = xp.abs(wrap_deg(difference_deg, period_deg))
    total = xp.zeros_like(off_deg) + points[0][1]
    for (start, before), (end, after) in itertools.pairwise(points):
        total = total + (after - before) * xp.clip((off_deg - start) / (end - start), 0.0, 1.0)
    return total


def turned(
    own_difference_deg: Array, period_deg: float, feature_turn_deg: Array, way: str
) -> Array:
    """1 where the upstream pose is turned in the same direction as the feature, else 0.

    This is the way "with"; "against" is the opposite direction. Both are turned from the
    unit itself: the pose by `own_difference_deg`, the feature by `feature_turn_deg`. Where one of
    them is not turned, or is turned by half of its period, neither direction is nearer: 1/2.
    """
    agree = _way(own_difference_deg, period_deg) * _way(feature_turn_deg, 360.0)
    return 0.5 + (0.5 if way == "with" else -0.5) * agree


def _way(turn_deg: Array, period_deg: float) -> Array:
    """1 or -1, the sign of a turn; 0 for a turn of 0 or half a period, within `STILL_DEG`."""
    xp = array_namespace(turn_deg)
    turn_deg = wrap_deg(turn_deg, period_deg)
    size = xp.abs(turn_deg)
    still = (size < STILL_DEG) | (size > period_deg / 2 - STILL_DEG)
    return xp.where(still, xp.zeros_like(turn_deg), xp.sign(turn_deg))
