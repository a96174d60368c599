"""Frames: offsets on the picture's grid, in the coordinates of units at their poses."""

import math

from jaxtyping import Float

from workbench.arrays import Array, array_namespace, device
from workbench.vision.geometry.angles import cos_sin_deg


def taps(window_px: float, step_px: int) -> int:
    """Cells on each side of the middle one, in a window of `window_px` on a grid of `step_px`."""
    return math.floor(window_px / 2 / step_px)


def offsets(
    window_px: float, step_px: int, like: Array
) -> tuple[Float[Array, "1 k k"], Float[Array, "1 k k"]]:
    """(x, y) of each tap in input pixels, k = 2 taps + 1."""
    xp = array_namespace(like)
    reach = taps(window_px, step_px)
    line = xp.arange(-reach, reach + 1, dtype=like.dtype, device=device(like)) * step_px
    ones = xp.ones_like(line)
    return (ones[:, None] * line[None, :])[None, ...], (line[:, None] * ones[None, :])[None, ...]


def seen_from(
    x: Array, y: Array, normal_deg: Float[Array, " d"], scale: Float[Array, " d"]
) -> tuple[Float[Array, "d k k"], Float[Array, "d k k"]]:
    """(normal, tangent): offsets `1 k k` or `d k k` in the frames of units."""
    cos, sin = (part[:, None, None] for part in cos_sin_deg(normal_deg))
    size = scale[:, None, None]
    return (x * cos + y * sin) / size, (y * cos - x * sin) / size
