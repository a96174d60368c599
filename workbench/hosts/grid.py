"""Where the cells of an activation lie over the input picture, measured on the network itself.

NaN serves as a dye: it passes through every convolution, pooling and ReLU, so a cell turns NaN
exactly if its receptive field touches a dyed pixel. Gradients would not do: an inactive ReLU or a
pixel that lost in a max pool hides parts of the field.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.layout import Site

Activation = Callable[[Float[Tensor, "n 3 h w"]], Float[Tensor, "n c h2 w2"]]

# A deep site's receptive field can be larger than the picture; on a larger picture its edges show.
ENLARGEMENTS = (1, 2, 4)
ROWS, COLUMNS = 2, 3


class UnmeasurableError(ValueError):
    """The activation's cells have no measurable place in the picture."""


@dataclass(frozen=True)
class Spacing:
    """How the cells of an activation lie over the picture.

    stride_px  input pixels from one cell to the next
    offset_px  input pixel at which cell (0, 0) is centred
    """

    stride_px: int
    offset_px: int


def measure_grid(activation: Activation, size_px: int) -> Spacing:
    """The spacing of an activation's cells over square pictures of `size_px`.

    activation  pictures `n 3 h w` to cells `n c h w`, for any h = w >= `size_px`

    Raises UnmeasurableError if rows and columns differ, if the cells are not evenly spaced by whole
    pixels, or if every cell sees the whole picture (an attention layer, a squeeze-and-excitation
    block).
    """
    return _spacing(_measured(activation, size_px))


def receptive_field_px(activation: Activation, size_px: int) -> int:
    """Pixels along one side of a cell's receptive field, where no border cuts it.

    Raises UnmeasurableError as `measure_grid`.
    """
    edges = _measured(activation, size_px)
    first_of_first = edges.first_px[1] - (edges.cells - 1) * _spacing(edges).stride_px
    return edges.last_px[0] - first_of_first + 1


def _measured(activation: Activation, size_px: int) -> "_Edges":
    for enlargement in ENLARGEMENTS:
        try:
            rows = _edges(activation, size_px * enlargement, ROWS)
            columns = (
                _edges(activation, size_px * enlargement, COLUMNS, guess=rows) if rows else None
            )
        except RuntimeError as error:
            raise UnmeasurableError(
                f"no picture of {size_px * enlargement} pixels goes through ({error})"
            ) from error
        if rows is None or columns is None:
            continue
        if rows != columns:
            raise UnmeasurableError(f"rows lie at {rows}, columns at {columns}")
        return rows
    raise UnmeasurableError("each cell sees the whole picture")


@dataclass(frozen=True)
class _Edges:
    """The edges of receptive fields along one axis.

    cells     how many there are
    last_px   last pixel that the first and the second cell see
    first_px  first pixel that the last but one and the last cell see
    """

    cells: int
    last_px: tuple[int, int]
    first_px: tuple[int, int]


def _edges(
    activation: Activation, size_px: int, axis: int, guess: _Edges | None = None
) -> _Edges | None:
    """The edges along one axis; None if a receptive field reaches across the whole picture.

    A right `guess` saves most of the runs.
    """
    cells = activation(torch.zeros(1, 3, size_px, size_px)).shape[axis]
    if cells < 3:
        raise UnmeasurableError(f"only {cells} cells on a picture of {size_px} pixels")

    def reaches(cell: int, start: int, stop: int) -> bool:
        picture = torch.zeros(1, 3, size_px, size_px)
        picture.narrow(axis, start, stop - start).fill_(torch.nan)
        return bool(activation(picture).select(axis, cell).isnan().any())

    def last_pixel(cell: int, guess: int | None) -> int:
        return _largest(size_px, lambda p: reaches(cell, p, size_px), guess)

    def first_pixel(cell: int, guess: int | None) -> int:
        mirrored = None if guess is None else size_px - 1 - guess
        return size_px - 1 - _largest(size_px, lambda p: reaches(cell, 0, size_px - p), mirrored)

    stride = round(size_px / cells)
    last0 = last_pixel(0, guess.last_px[0] if guess else None)
    first1 = first_pixel(cells - 1, guess.first_px[1] if guess else None)
    if last0 >= size_px - 1 or first1 <= 0:
        return None
    last1, first0 = last_pixel(1, last0 + stride), first_pixel(cells - 2, first1 - stride)
    return (
        None
        if last1 >= size_px - 1 or first0 <= 0
        else _Edges(cells, (last0, last1), (first0, first1))
    )


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


def _spacing(edges: _Edges) -> Spacing:
    stride = edges.last_px[1] - edges.last_px[0]
    if stride <= 0 or edges.first_px[1] - edges.first_px[0] != stride:
        raise UnmeasurableError(f"the cells are not evenly spaced: {edges}")
    # The picture's near side cuts the first cell's field and its far side the last one's; the two
    # whole edges together give the centre.
    twice_offset = edges.last_px[0] + edges.first_px[1] - (edges.cells - 1) * stride
    return Spacing(stride, twice_offset // 2)


def middle_px(site: Site) -> tuple[float, float]:
    """Input pixel (x, y) at the centre of the middle cell."""
    return float(site.offset_px + site.stride_px * (site.width // 2)), float(
        site.offset_px + site.stride_px * (site.height // 2)
    )
