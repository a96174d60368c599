"""Cells over a picture, and convolutions and pools from one family's cells to another's.

The array API standard has neither, so both are written to it as shifted slices of the picture.
Torch's own, which are faster, serve its tensors.
"""

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from array_api_compat import is_torch_array
from jaxtyping import Float
from torch import Tensor

from workbench.arrays import Array, array_like, array_namespace, device
from workbench.compiler.plan import Kernel


@dataclass(frozen=True)
class Cells:
    """Cells along one side of the picture.

    Cell i is centred on pixel `offset_px + stride_px * i`.
    """

    offset_px: int
    stride_px: int
    count: int


Square = tuple[Cells, Cells]  # (rows, columns)


def read(
    x: Float[Array, "n in h w"], weight: Any, upstream: Square, downstream: Square
) -> Float[Array, "n out h2 w2"]:
    """The drive of downstream cells by a weight `out in kh kw` from upstream responses."""
    kernel = array_like(weight, x)
    if not is_torch_array(x):
        return read_by_taps(x, kernel, upstream, downstream)
    return F.conv2d(
        _window(x, kernel.shape[-1] // 2, upstream, downstream),
        kernel,
        stride=_stride(upstream, downstream),
    )


def read_by_taps(
    x: Float[Array, "n in h w"],
    kernel: Float[Array, "out in kh kw"],
    upstream: Square,
    downstream: Square,
) -> Float[Array, "n out h2 w2"]:
    """The same as `read` in any library, a row of taps at a time.

    All taps at once would need as many copies of the picture.
    """
    xp, taps = array_namespace(x), kernel.shape[-1] // 2
    drive = xp.zeros((), dtype=x.dtype, device=device(x))
    for row, shifted in enumerate(_shifted(x, taps, upstream, downstream, 0.0)):
        drive = drive + xp.tensordot(kernel[:, :, row, :], xp.stack(shifted), axes=((1, 2), (2, 0)))
    return xp.moveaxis(drive, 1, 0)


def read_by(
    kernel: Kernel, x: Float[Tensor, "n in h w"], upstream: Square, downstream: Square
) -> Float[Tensor, "n out h2 w2"]:
    """The same as `read` by a kernel; units are in the kernel's own order."""
    x = x if kernel.mixed is None else _mixed(x, kernel.mixed)
    taps, stride = kernel.weight.shape[-1] // 2, _stride(upstream, downstream)
    window = _window(x, taps, upstream, downstream)
    if taps == 0 and kernel.groups == 1:
        drive = _mixed(window[:, :, ::stride, ::stride], kernel.weight[:, :, 0, 0])
    else:
        drive = F.conv2d(window, kernel.weight.to(x), stride=stride, groups=kernel.groups)
    return drive if kernel.after is None else _mixed(drive, kernel.after)


def _mixed(x: Float[Tensor, "n in h w"], by: Float[Tensor, "out in"]) -> Float[Tensor, "n out h w"]:
    """A 1x1 convolution as a matrix product.

    With few channels it is several times as fast as torch's, and channels stay last in memory.
    """
    return F.linear(x.movedim(1, -1), by.to(x)).movedim(-1, 1)


def pool(
    x: Float[Array, "n unit h w"], taps: int, upstream: Square, downstream: Square
) -> Float[Array, "n unit h2 w2"]:
    """Maximum over `2 taps + 1` cells squared about each downstream cell.

    Cells outside the picture do not count. Torch's own padding, which makes no padded copy, is used
    where it begins where the windows do, and a window fits.
    """
    if not is_torch_array(x):
        return pool_by_taps(x, taps, upstream, downstream)
    (top, bottom), (left, right) = (
        _padding(taps, above, below) for above, below in zip(upstream, downstream, strict=True)
    )
    side, stride = 2 * taps + 1, _stride(upstream, downstream)
    if not 0 <= top == left <= taps or min(x.shape[2:]) + 2 * top < side:
        return F.max_pool2d(F.pad(x, (left, right, top, bottom), value=-torch.inf), side, stride)
    highest = F.max_pool2d(x, side, stride, padding=top, ceil_mode=True)
    rows, columns = (cells.count for cells in downstream)
    if highest.shape[2] < rows or highest.shape[3] < columns:
        return F.max_pool2d(F.pad(x, (left, right, top, bottom), value=-torch.inf), side, stride)
    return highest[:, :, :rows, :columns]


def pool_by_taps(
    x: Float[Array, "n unit h w"], taps: int, upstream: Square, downstream: Square
) -> Float[Array, "n unit h2 w2"]:
    """The same as `pool` in any library."""
    return functools.reduce(
        array_namespace(x).maximum,
        itertools.chain(*_shifted(x, taps, upstream, downstream, -math.inf)),
    )


def rectified(x: Array) -> Array:
    """The larger of x and 0, without a gradient where x is 0 or less."""
    return F.relu(x) if is_torch_array(x) else array_namespace(x).clip(x, 0.0)


def channels_last(picture: Float[Array, "n c h w"]) -> Float[Array, "n c h w"]:
    """The same picture; a tensor is laid out in memory as torch's convolutions are fastest."""
    return (
        picture.contiguous(memory_format=torch.channels_last)
        if is_torch_array(picture)
        else picture
    )


def _stride(upstream: Square, downstream: Square) -> int:
    return downstream[0].stride_px // upstream[0].stride_px


def _padding(taps: int, upstream: Cells, downstream: Cells) -> tuple[int, int]:
    """Cells to add (negative: to crop) at the beginning and at the end.

    With them strided windows of `taps` to each side are centred on the downstream cells.
    """
    first = (downstream.offset_px - upstream.offset_px) // upstream.stride_px - taps
    last = first + 2 * taps + downstream.stride_px // upstream.stride_px * (downstream.count - 1)
    return -first, last - (upstream.count - 1)


def _window(x: Tensor, taps: int, upstream: Square, downstream: Square) -> Tensor:
    rows, columns = (
        _padding(taps, above, below) for above, below in zip(upstream, downstream, strict=True)
    )
    # torch copies even where there is nothing to add
    return F.pad(x, (*columns, *rows)) if any((*columns, *rows)) else x


def _shifted(
    x: Array, taps: int, upstream: Square, downstream: Square, outside: float
) -> Iterator[list[Float[Array, "n in h2 w2"]]]:
    """The upstream cells under each tap for all downstream cells, row by row of taps.

    Beyond the picture they are `outside`.
    """
    rows, columns = (
        _padding(taps, above, below) for above, below in zip(upstream, downstream, strict=True)
    )
    framed, stride = _framed(x, rows, columns, outside), _stride(upstream, downstream)
    height, width = (stride * (cells.count - 1) + 1 for cells in downstream)
    side = range(2 * taps + 1)
    for row in side:
        yield [
            framed[:, :, row : row + height : stride, column : column + width : stride]
            for column in side
        ]


def _framed(x: Array, rows: tuple[int, int], columns: tuple[int, int], value: float) -> Array:
    """A picture with rows and columns of `value` added before and after; negative numbers crop."""
    sides = tuple(zip(x.shape[2:], (rows, columns), strict=True))
    whole = (size + before + after for size, (before, after) in sides)
    kept = [slice(max(0, -before), size + min(0, after)) for size, (before, after) in sides]
    at = [
        slice(side.start + before, side.stop + before)
        for side, (before, _) in zip(kept, (rows, columns), strict=True)
    ]
    framed = array_namespace(x).full((*x.shape[:2], *whole), value, dtype=x.dtype, device=device(x))
    framed[:, :, *at] = x[:, :, *kept]
    return framed
