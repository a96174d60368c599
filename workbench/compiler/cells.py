"""Cells over a picture, and the convolutions and pools that go from the cells of one family to those of another."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.plan import Kernel


@dataclass(frozen=True)
class Cells:
    """Cells along one side of the picture: cell i is centred on pixel `offset_px + stride_px * i`."""

    offset_px: int
    stride_px: int
    count: int


Square = tuple[Cells, Cells]  # (rows, columns)


def read(x: Float[Tensor, "n in h w"], weight: Any, upstream: Square, downstream: Square) -> Float[Tensor, "n out h2 w2"]:
    """What a weight `out in kh kw` hears on the downstream cells."""
    kernel = torch.as_tensor(weight, dtype=x.dtype, device=x.device)
    return F.conv2d(_window(x, kernel.shape[-1] // 2, upstream, downstream), kernel, stride=_stride(upstream, downstream))


def read_by(kernel: Kernel, x: Float[Tensor, "n in h w"], upstream: Square, downstream: Square) -> Float[Tensor, "n out h2 w2"]:
    """The same by a kernel; units in its own order."""
    x = x if kernel.mixed is None else _mixed(x, kernel.mixed)
    taps, stride = kernel.weight.shape[-1] // 2, _stride(upstream, downstream)
    window = _window(x, taps, upstream, downstream)
    if taps == 0 and kernel.groups == 1:
        said = _mixed(window[:, :, ::stride, ::stride], kernel.weight[:, :, 0, 0])
    else:
        said = F.conv2d(window, kernel.weight.to(x), stride=stride, groups=kernel.groups)
    return said if kernel.after is None else _mixed(said, kernel.after)


def _mixed(x: Float[Tensor, "n in h w"], by: Float[Tensor, "out in"]) -> Float[Tensor, "n out h w"]:
    """A 1x1 convolution as a matrix product: with few channels several times as fast as torch's, and channels stay last in memory."""
    return F.linear(x.movedim(1, -1), by.to(x)).movedim(-1, 1)


def pool(x: Float[Tensor, "n unit h w"], taps: int, upstream: Square, downstream: Square) -> Float[Tensor, "n unit h2 w2"]:
    """Maximum over `2 taps + 1` cells squared about each downstream cell; what lies outside the picture counts for nothing.

    torch's own padding spares the padded copy wherever it begins where the windows do.
    """
    (top, bottom), (left, right) = (_padding(taps, above, below) for above, below in zip(upstream, downstream, strict=True))
    side, stride = 2 * taps + 1, _stride(upstream, downstream)
    if not 0 <= top == left <= taps:
        return F.max_pool2d(F.pad(x, (left, right, top, bottom), value=-torch.inf), side, stride)
    said = F.max_pool2d(x, side, stride, padding=top, ceil_mode=True)
    rows, columns = (cells.count for cells in downstream)
    if said.shape[2] < rows or said.shape[3] < columns:
        return F.max_pool2d(F.pad(x, (left, right, top, bottom), value=-torch.inf), side, stride)
    return said[:, :, :rows, :columns]


def _stride(upstream: Square, downstream: Square) -> int:
    return downstream[0].stride_px // upstream[0].stride_px


def _padding(taps: int, upstream: Cells, downstream: Cells) -> tuple[int, int]:
    """Cells to add (negative: to crop) before and behind, so that a strided window of `taps` to each side lands on the downstream cells."""
    first = (downstream.offset_px - upstream.offset_px) // upstream.stride_px - taps
    last = first + 2 * taps + downstream.stride_px // upstream.stride_px * (downstream.count - 1)
    return -first, last - (upstream.count - 1)


def _window(x: Tensor, taps: int, upstream: Square, downstream: Square) -> Tensor:
    rows, columns = (_padding(taps, above, below) for above, below in zip(upstream, downstream, strict=True))
    return F.pad(x, (*columns, *rows)) if any((*columns, *rows)) else x  # torch copies even where there is nothing to add
