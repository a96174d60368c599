"""Matches: how much an upstream pose is wanted, by its difference from the pose expected at a place."""

import math
from collections.abc import Sequence

from workbench.arrays import Array, array_namespace
from workbench.theory.angles import wrap_deg

# match -> (period of the upstream pose in degrees, its expected direction against the feature's normal)
EXPECTED = {"tangent": (180.0, 90.0), "normal": (180.0, 0.0), "same": (360.0, 0.0), "opposite": (360.0, 180.0)}


def within(difference_deg: Array, period_deg: float, tolerance_deg) -> Array:
    """1 at the expected pose, falling as a Gaussian of `tolerance_deg`."""
    return array_namespace(difference_deg).exp(-0.5 * (wrap_deg(difference_deg, period_deg) / tolerance_deg) ** 2)


def harmonics(difference_deg: Array, period_deg: float, coefficients: Sequence) -> Array:
    """`sum over k of coefficient k * cos(k * difference)`, one turn being the period: the general even function of the difference."""
    xp = array_namespace(difference_deg)
    turn = wrap_deg(difference_deg, period_deg) * (2.0 * math.pi / period_deg)
    total = xp.zeros_like(difference_deg)
    for k, coefficient in enumerate(coefficients):
        total = total + coefficient * xp.cos(k * turn)
    return total
