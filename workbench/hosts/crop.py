"""The square of a picture that a network is given, in Pillow's bilinear, antialiased scaling."""

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import UInt8
from PIL import Image

Pixels = UInt8[np.ndarray, "h w 3"]

SHORTER_SIDE = (8, 7)  # 256 of 224: the usual margin around a centre crop


def centre(pixels: Pixels, size_px: int) -> Pixels:
    """The central square of a picture whose shorter side was scaled to 8/7 of `size_px`."""
    height, width, _ = pixels.shape
    scale = size_px * SHORTER_SIDE[0] / SHORTER_SIDE[1] / min(height, width)
    scaled = _scaled(
        pixels, max(size_px, round(width * scale)), max(size_px, round(height * scale))
    )
    top, left = (scaled.shape[0] - size_px) // 2, (scaled.shape[1] - size_px) // 2
    return scaled[top : top + size_px, left : left + size_px]


def squash(pixels: Pixels, size_px: int) -> Pixels:
    """The whole picture, scaled to a square."""
    return _scaled(pixels, size_px, size_px)


CROPS: Mapping[str, Callable[[Pixels, int], Pixels]] = {"centre": centre, "squash": squash}


def _scaled(pixels: Pixels, width: int, height: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))
