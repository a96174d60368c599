"""The square of a picture that a network is given, in Pillow's bilinear, antialiased scaling."""

import math
from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import UInt8
from PIL import Image

Pixels = UInt8[np.ndarray, "h w 3"]

SHORTER_SIDE = (8, 7)  # 256 of 224: the usual margin around a centre crop
# Up to here the whole picture is scaled, as libraries do, and then cropped. A larger one is cropped
# first: its pixels differ by rounding. At 224 px such pictures are 256 times as long as wide.
SCALED_MOST_PX = 2**24
MARGIN_PX = 1  # of a crop that is scaled, beyond the support of the filter


def centre(pixels: Pixels, size_px: int) -> Pixels:
    """The central square of a picture whose shorter side was scaled to 8/7 of `size_px`."""
    height, width, _ = pixels.shape
    scale = size_px * SHORTER_SIDE[0] / SHORTER_SIDE[1] / min(height, width)
    wide, high = max(size_px, round(width * scale)), max(size_px, round(height * scale))
    if wide * high > SCALED_MOST_PX:
        return _scaled_middle(pixels, wide, high, size_px)
    scaled = _scaled(pixels, wide, high)
    top, left = (high - size_px) // 2, (wide - size_px) // 2
    return scaled[top : top + size_px, left : left + size_px]


def squash(pixels: Pixels, size_px: int) -> Pixels:
    """The whole picture, scaled to a square."""
    if size_px * pixels.shape[0] > SCALED_MOST_PX:  # Pillow would scale all rows to the width first
        pixels = _scaled(pixels, pixels.shape[1], size_px)
    return _scaled(pixels, size_px, size_px)


CROPS: Mapping[str, Callable[[Pixels, int], Pixels]] = {"centre": centre, "squash": squash}


def _scaled(pixels: Pixels, width: int, height: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def _scaled_middle(pixels: Pixels, width: int, height: int, size_px: int) -> Pixels:
    """The central square of the picture scaled to `width` x `height`, of its own pixels alone."""
    rows, top, bottom = _source(pixels.shape[0], height, size_px)
    columns, left, right = _source(pixels.shape[1], width, size_px)
    part = Image.fromarray(pixels[rows, columns])
    box = (left, top, right, bottom)
    return np.asarray(part.resize((size_px, size_px), Image.Resampling.BILINEAR, box))


def _source(side: int, scaled_side: int, size_px: int) -> tuple[slice, float, float]:
    """The pixels that the middle of a scaled side is made of, and where among them it lies."""
    first = (scaled_side - size_px) // 2
    begin, end = (place * side / scaled_side for place in (first, first + size_px))
    margin = max(side / scaled_side, 1) + MARGIN_PX  # a bilinear filter reaches one pixel
    start = max(0, math.floor(begin - margin))
    stop = min(side, math.ceil(end + margin))
    return slice(start, stop), begin - start, end - start
