"""The even spacing of cells along one side of the picture.

It is read off the cells at the borders, and then checked at every cell.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from workbench.hosts.dye import COLUMNS, ROWS, Dye, UnmeasurableError

Cells = Int[Tensor, " cell"]  # indices along an axis
UNEVEN = (
    "the cells are not evenly spaced by whole pixels, as after a stage that upsamples, resizes, "
    "rolls or pools adaptively"
)


@dataclass(frozen=True)
class Axis:
    """Cells in a row. Cell i sees pixels `first_px + i * stride_px` to `last_px + i * stride_px`.

    Both may lie outside the picture, in the padding.
    """

    cells: int
    stride_px: int
    first_px: int
    last_px: int

    @property
    def field_px(self) -> int:
        """Pixels from the first to the last that a cell sees."""
        return self.last_px - self.first_px + 1

    @property
    def offset_px(self) -> int:
        """Pixel at the centre of cell 0; the left one where the centre lies between two."""
        return (self.first_px + self.last_px) // 2


def axis_of(dye: Dye, axis: int, guess: Axis | None = None) -> Axis | None:
    """The spacing along rows or columns, by the two first and the two last cells.

    None where one of them sees across the whole picture, or there are fewer than three. A right
    `guess` saves most of the runs. Raises UnmeasurableError for an uneven spacing.
    """
    cells, size_px = dye.cells[axis], dye.size_px
    if cells < 3:
        return None
    pixel = torch.arange(size_px)

    def reaches(cell: int, start: int, stop: int) -> bool:
        return bool(dye.line(axis, (pixel >= start) & (pixel < stop))[cell])

    def last_pixel(cell: int, guess: int | None) -> int:
        return _largest(size_px, lambda p: reaches(cell, p, size_px), guess)

    def first_pixel(cell: int, guess: int | None) -> int:
        mirrored = None if guess is None else size_px - 1 - guess
        return size_px - 1 - _largest(size_px, lambda p: reaches(cell, 0, size_px - p), mirrored)

    likely = round(size_px / cells)
    last = last_pixel(0, guess.last_px if guess else None)
    end = first_pixel(cells - 1, guess.first_px + (cells - 1) * guess.stride_px if guess else None)
    if last >= size_px - 1 or end <= 0:
        return None
    second, before_end = last_pixel(1, last + likely), first_pixel(cells - 2, end - likely)
    if second >= size_px - 1 or before_end <= 0:
        return None
    stride = second - last
    if stride <= 0 or end - before_end != stride:
        raise UnmeasurableError(
            f"{UNEVEN}: the first two lie {stride} px apart, the last two {end - before_end} px"
        )
    measured = Axis(cells, stride, end - (cells - 1) * stride, last)
    if measured.field_px < 1:
        raise UnmeasurableError(
            f"{UNEVEN}: {cells} cells {stride} px apart do not fill the picture"
        )
    return measured


def _largest(stop: int, holds: Callable[[int], bool], guess: int | None) -> int:
    """The largest number below `stop` for which `holds` is true; `guess` is tried first.

    `holds` must be true from 0 up to some number, and false from there on.
    """
    low, high = 0, stop
    if guess is not None and 0 <= guess < stop - 1 and holds(guess):
        low, high = (guess, guess + 1) if not holds(guess + 1) else (guess + 1, stop)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def refuse_uneven(dye: Dye, rows: Axis, columns: Axis) -> None:
    """Raise UnmeasurableError unless every cell sees the pixels that the two axes give it.

    A cell must see none outside them, and the first and the last of them.
    Cells that share no pixel, with one between them at least, are looked at together.
    """
    apart = -(-(max(rows.field_px, columns.field_px) + 1) // rows.stride_px)
    for start in range(min(apart, rows.cells)):
        cells = torch.arange(start, rows.cells, apart)
        if (wrong := _wrong(dye, (rows, columns), cells)).any():
            raise UnmeasurableError(
                f"{UNEVEN}: row or column {int(cells[wrong][0])} does not see the pixels that a "
                f"stride of {rows.stride_px} px gives it"
            )


def _wrong(dye: Dye, axes: tuple[Axis, Axis], cells: Cells) -> Bool[Tensor, " cell"]:
    """Which of these cells, counted along both axes, see other pixels than they should."""
    long = max(axis.field_px for axis in axes) > dye.size_px
    rows, columns = (_parts(axis, cells, dye.size_px, long) for axis in axes)
    pairs = list(zip(rows, columns, strict=True))
    dyed = torch.stack([row.pixels[:, None] & column.pixels for row, column in pairs])
    dyed[0].logical_not_()  # none outside the whole field
    beyond, *reached = dye.reached(dyed)[:, cells][:, :, cells]
    wrong = beyond.any(0) | beyond.any(1)
    missed = [
        (row.complete[:, None] & column.complete & ~seen).any()
        for (row, column), seen in zip(pairs[1:], reached, strict=True)
    ]
    if any(missed) or axes[ROWS].field_px != axes[COLUMNS].field_px:
        # the corners of a field that is no rectangle see nothing, but its sides do
        for side, parts in ((ROWS, rows[1:]), (COLUMNS, columns[1:])):
            for part in parts:
                wrong |= part.complete & ~dye.line(side, part.pixels)[cells]
    return wrong


@dataclass(frozen=True)
class Stretches:
    """Stretches of pixels of the same length, one for each of several cells."""

    size_px: int
    first_px: Int[Tensor, " cell"]
    length_px: int

    @property
    def pixels(self) -> Bool[Tensor, " pixel"]:
        """The pixels of the picture that lie in any of them."""
        pixel, first = torch.arange(self.size_px), self.first_px[:, None]
        return ((pixel >= first) & (pixel < first + self.length_px)).any(0)

    @property
    def complete(self) -> Bool[Tensor, " cell"]:
        """Which of them lie in the picture."""
        return (self.first_px >= 0) & (self.first_px + self.length_px <= self.size_px)


def _parts(axis: Axis, cells: Cells, size_px: int, long: bool) -> list[Stretches]:
    """The whole fields of these cells, and the parts of which each must see a pixel.

    Those are the first pixel and the last, and the middle of a `long` field: a cell of a rolled
    picture seems to have a field longer than the picture, and does not see its middle.
    """
    field_px, start_px = axis.field_px, axis.first_px + axis.stride_px * cells
    third = field_px // 3
    parts = [(0, field_px), (0, 1), (field_px - 1, 1), (third, field_px - 2 * third)]
    return [
        Stretches(size_px, start_px + skipped, length)
        for skipped, length in (parts if long else parts[:3])
    ]
