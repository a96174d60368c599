"""Pictures as a network's input."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.hosts.host import InputRange
from workbench.pictures.picture import Picture, Pixels

SHORTER_SIDE = (8, 7)  # 256 of 224: the usual margin round a centre crop


def batch(pictures: Sequence[Picture], input: InputRange) -> Float[Tensor, "n 3 s s"]:
    """The pictures as a host's input, with s = `input.size_px`.

    "centre" scales the shorter side to 8/7 of s and takes the central square; "squash" scales the whole picture to a square. Scaling is
    Pillow's bilinear, antialiased. Raises WorkbenchError for another crop and for a picture that cannot be read any more.
    """
    if input.crop not in CROPS:
        raise WorkbenchError("host input", f"crop {input.crop!r}", f"one of {', '.join(CROPS)}")
    squares = [CROPS[input.crop](picture.load(), input.size_px) for picture in pictures]
    rgb = np.stack(squares) if squares else np.zeros((0, input.size_px, input.size_px, 3), np.uint8)
    return input.encode(torch.from_numpy(rgb).permute(0, 3, 1, 2).float())


def centre(pixels: Pixels, size_px: int) -> Pixels:
    """The central square of a picture whose shorter side was scaled to 8/7 of `size_px`."""
    height, width, _ = pixels.shape
    scale = size_px * SHORTER_SIDE[0] / SHORTER_SIDE[1] / min(height, width)
    scaled = _scaled(pixels, max(size_px, round(width * scale)), max(size_px, round(height * scale)))
    top, left = (scaled.shape[0] - size_px) // 2, (scaled.shape[1] - size_px) // 2
    return scaled[top : top + size_px, left : left + size_px]


def squash(pixels: Pixels, size_px: int) -> Pixels:
    """The whole picture, scaled to a square."""
    return _scaled(pixels, size_px, size_px)


CROPS = {"centre": centre, "squash": squash}


def _scaled(pixels: Pixels, width: int, height: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))
