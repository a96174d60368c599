"""Angles in degrees, exact at right angles.

A theory turned by 90 degrees must give kernels turned by 90 degrees to the last bit.
"""

import math

from workbench.arrays import Array, array_namespace, device


def cos_sin_deg(angle_deg: Array) -> tuple[Array, Array]:
    """Cosine and sine, exactly 0 and 1 at multiples of 90 degrees.

    Adding 90 degrees only swaps the two and negates one.
    """
    xp = array_namespace(angle_deg)
    quadrant = xp.floor(
        angle_deg / 90.0 + 0.5
    )  # round() would send 45 and 135 degrees to different sides
    rest = (angle_deg - 90.0 * quadrant) * (math.pi / 180.0)
    cos, sin = xp.cos(rest), xp.sin(rest)
    quadrant = xp.remainder(
        quadrant, xp.asarray(4.0, dtype=quadrant.dtype, device=device(quadrant))
    )
    turned_cos = xp.where(
        quadrant == 0, cos, xp.where(quadrant == 1, -sin, xp.where(quadrant == 2, -cos, sin))
    )
    turned_sin = xp.where(
        quadrant == 0, sin, xp.where(quadrant == 1, cos, xp.where(quadrant == 2, -sin, -cos))
    )
    return turned_cos, turned_sin


def wrap_deg(angle_deg: Array, period_deg: float) -> Array:
    """The same angle within half a period of zero."""
    xp = array_namespace(angle_deg)
    return angle_deg - period_deg * xp.round(angle_deg / period_deg)


def atan2_deg(y: Array, x: Array) -> Array:
    """Direction of the vector (x, y); a vector of length 0 points along x, and has no gradient."""
    xp = array_namespace(x, y)
    nowhere = (xp.abs(x) < 1e-9) & (xp.abs(y) < 1e-9)
    return xp.atan2(
        xp.where(nowhere, xp.zeros_like(y), y), xp.where(nowhere, xp.ones_like(x), x)
    ) * (180.0 / math.pi)
