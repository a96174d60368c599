"""Where the cells of an activation lie over the input picture, measured on the network itself."""

from dataclasses import dataclass, replace

import torch

from workbench.hosts.axis import Axis, axis_of, refuse_uneven
from workbench.hosts.dye import COLUMNS, ROWS, Activation, Dye, UnmeasurableError
from workbench.hosts.layout import Site

# A deep site's receptive field can be larger than the picture; on a larger picture its edges show.
# The picture grows by a multiple of the usual strides, so that paddings stay as they are.
STEP_PX = 32
ENLARGEMENTS = (1, 3)


@dataclass(frozen=True)
class Spacing:
    """How the cells of an activation lie over the picture.

    stride_px  input pixels from one cell to the next
    offset_px  input pixel at which cell (0, 0) is centred; the one to the left and above where the
               centre lies between two
    """

    stride_px: int
    offset_px: int


def measure_grid(activation: Activation, size_px: int) -> Spacing:
    """The spacing of an activation's cells over square pictures of `size_px`.

    activation  pictures `n 3 h w` to cells `n c h w`, for h = w = `size_px`. Where a receptive
                field spans the picture, larger pictures must go through too

    Every cell is checked against the spacing at that size. Raises UnmeasurableError if the cells
    are not evenly spaced by whole pixels, if rows and columns differ, if the picture is wrapped,
    flipped or turned, if cells see the whole picture (an attention layer, a squeeze-and-excitation
    block), or if NaN does not pass through the network.
    """
    rows, _ = _measured(activation, size_px)
    return Spacing(rows.stride_px, rows.offset_px)


def receptive_field_px(activation: Activation, size_px: int) -> int:
    """Pixels along the longer side of a cell's receptive field, where no border cuts it.

    Raises UnmeasurableError as `measure_grid`.
    """
    return max(axis.field_px for axis in _measured(activation, size_px))


def _measured(activation: Activation, size_px: int) -> tuple[Axis, Axis]:
    """The spacing of rows and of columns, as it is on pictures of `size_px`."""
    dye = Dye(activation, size_px)
    dye.refuse_undyed()
    if dye.cells[ROWS] != dye.cells[COLUMNS]:
        raise UnmeasurableError(f"there are {dye.cells[0]} rows and {dye.cells[1]} columns")
    seen_on, (rows, columns) = _visible(activation, dye)
    if rows.stride_px != columns.stride_px:
        raise UnmeasurableError(
            f"rows lie {rows.stride_px} px apart, columns {columns.stride_px} px"
        )
    expected = rows.cells - (seen_on - size_px) // rows.stride_px
    if dye.cells != (expected, expected):
        raise UnmeasurableError(
            f"there are {dye.cells[0]} x {dye.cells[1]} cells, but a stride of {rows.stride_px} "
            f"px, which cells have on a picture of {seen_on} px, gives {expected}: an adaptive "
            "stage, or one of fixed size, makes them"
        )
    axes = replace(rows, cells=expected), replace(columns, cells=expected)
    refuse_uneven(dye, *axes)
    if rows.offset_px != columns.offset_px:
        raise UnmeasurableError(
            f"rows begin at pixel {rows.offset_px}, columns at pixel {columns.offset_px}"
        )
    return axes


def _visible(activation: Activation, dye: Dye) -> tuple[int, tuple[Axis, Axis]]:
    """The spacing, and the smallest picture on which the receptive fields' edges show."""
    if axes := _axes(dye):
        return dye.size_px, axes
    for enlargement in ENLARGEMENTS:
        more_px = enlargement * -(-dye.size_px // STEP_PX) * STEP_PX
        larger = _larger(activation, dye, more_px)
        if axes := _axes(larger):
            beyond = more_px % axes[0].stride_px
            if beyond:  # paddings may differ on a picture that is not a whole stride larger
                larger = _larger(activation, dye, more_px + axes[0].stride_px - beyond)
                axes = _axes(larger)
            if axes:
                return larger.size_px, axes
    raise UnmeasurableError("each cell sees the whole picture")


def _larger(activation: Activation, dye: Dye, more_px: int) -> Dye:
    try:
        larger = Dye(activation, dye.size_px + more_px)
    except UnmeasurableError as error:
        raise UnmeasurableError(
            f"border cells see the whole picture of {dye.size_px} px, and {error}"
        ) from error
    if larger.cells == dye.cells:
        raise UnmeasurableError(
            f"there are {dye.cells[0]} x {dye.cells[1]} cells on a picture of any size: an "
            "adaptive stage, or one of fixed size, makes them"
        )
    return larger


def _axes(dye: Dye) -> tuple[Axis, Axis] | None:
    """The spacing of rows and columns; None where a receptive field spans the whole picture.

    Raises UnmeasurableError for a picture that is wrapped, flipped or turned.
    """
    rows = axis_of(dye, ROWS)
    columns = axis_of(dye, COLUMNS, guess=rows) if rows else None
    if rows and columns:
        return rows, columns
    _refuse_misplaced(dye, COLUMNS if rows else ROWS)
    return None


def _refuse_misplaced(dye: Dye, axis: int) -> None:
    """Raise UnmeasurableError if the last pixels reach some cells, and not the last ones alone."""
    dyed = torch.zeros(1, dye.size_px, dye.size_px, dtype=torch.bool)
    dyed.narrow(1 + axis, -(dye.size_px // 3), dye.size_px // 3).fill_(True)
    reached = dye.reached(dyed)[0]
    lines = reached.all(1 - axis)
    if reached.all():
        return
    if not lines.equal(reached.any(1 - axis)):
        raise UnmeasurableError("rows of cells are no rows of pixels: the picture is turned")
    if lines[0]:
        raise UnmeasurableError(
            "the first cells see the last pixels: the picture is flipped, rolled or wrapped "
            "(circular padding)"
        )


def middle_px(site: Site) -> tuple[float, float]:
    """Input pixel (x, y) at the centre of the middle cell."""
    return float(site.offset_px + site.stride_px * (site.width // 2)), float(
        site.offset_px + site.stride_px * (site.height // 2)
    )
