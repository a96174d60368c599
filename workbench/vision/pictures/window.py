"""A rectangle of a picture, which may reach beyond the picture's edge."""

from collections.abc import Sequence

import numpy as np


def window(pixels: np.ndarray, rows: slice, columns: slice, ground: Sequence[float]) -> np.ndarray:
    """The part of `pixels` (`h w c`) at `rows` and `columns`.

    They may begin below 0 or end beyond the picture: pixels outside it have the colour `ground`
    (`c`).
    """
    (height, width), (top, left) = pixels.shape[:2], (rows.start, columns.start)
    colour = np.asarray(ground).round() if pixels.dtype == np.uint8 else np.asarray(ground)
    part = np.broadcast_to(
        colour.astype(pixels.dtype), (rows.stop - top, columns.stop - left, pixels.shape[2])
    ).copy()
    inside = tuple(
        slice(max(start, 0), max(min(stop, size), 0))
        for start, stop, size in ((top, rows.stop, height), (left, columns.stop, width))
    )
    part[
        inside[0].start - top : inside[0].stop - top, inside[1].start - left : inside[1].stop - left
    ] = pixels[inside]
    return part
