"""Responses of a handwritten circuit about one cell, from a square of each picture.

A unit sees some dozens of pixels. Where only the cells about one cell are read, the rest of the
picture changes nothing, and most of the work is saved.
"""

from collections.abc import Sequence
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import Grid, HandwrittenCircuit
from workbench.compiler.families import families
from workbench.compiler.respond import HostActivations, drive

# A square begins and ends at a multiple of so many of the site's cells. Matrix products (MKL) take
# cells in fours: a square that cuts a four adds in another order, and its responses differ by
# rounding. The others are equal to the last bit.
CELLS = 4


def families_about(
    circuit: HandwrittenCircuit,
    rgb: Float[Tensor, "n 3 h w"],
    mean_rgb: Sequence[float],
    cell: tuple[int, int],
    around: int,
    rectified: bool = True,
) -> HostActivations:
    """As `families`, but with fewer cells about the cell (row, column) of the site.

    They hold all cells of each family that lie within `around` of its own cells from that one. They
    are those of the whole picture where units of the circuit read the host, or see more than lies
    within the picture.
    """
    grid, square = circuit.grid, window(circuit, cell, around)
    if square is None:
        return families(circuit, rgb, mean_rgb, rectified=rectified)
    rows, columns = square
    responses = families(
        replace(circuit, grid=_grid_of(rows.stop - rows.start, grid)),
        rgb[:, :, rows, columns],
        mean_rgb,
        rectified=rectified,
    )
    return {
        family: (
            value,
            (
                replace(above, offset_px=above.offset_px + rows.start),
                replace(left, offset_px=left.offset_px + columns.start),
            ),
        )
        for family, (value, (above, left)) in responses.items()
    }


def drive_at(
    circuit: HandwrittenCircuit,
    rgb: Float[Tensor, "n 3 h w"],
    mean_rgb: Sequence[float],
    cell: tuple[int, int],
) -> Float[Tensor, "n unit"]:
    """As `drive`, at one cell (row, column) of the site alone.

    It is computed from the whole picture where `window` is None.
    """
    grid, square, (row, column) = circuit.grid, window(circuit, cell, 0), cell
    if square is None:
        return drive(circuit, rgb, mean_rgb)[:, :, row, column]
    rows, columns = square
    inner = _grid_of(rows.stop - rows.start, grid)
    row, column = (
        (grid.offset_px + grid.stride_px * index - side.start) // grid.stride_px
        for index, side in zip(cell, square, strict=True)
    )
    part = rgb[:, :, rows, columns]
    return drive(replace(circuit, grid=inner), part, mean_rgb)[:, :, row, column]


def window(
    circuit: HandwrittenCircuit, cell: tuple[int, int], around: int
) -> tuple[slice, slice] | None:
    """The rows and columns of pixels on which cells within `around` of `cell` depend.

    They are a square that begins where cells of the site's stride do. None where it does not lie
    within the picture, and for a circuit that reads the host.
    """
    if circuit.sites:
        return None
    grid, half_px = circuit.grid, reach_px(circuit, around)
    rows, columns = (_side(grid, index, half_px) for index in cell)
    inside = all(
        side.start >= 0 and side.stop <= grid.size_px and around <= index < count - around
        for side, index, count in zip((rows, columns), cell, (grid.height, grid.width), strict=True)
    )
    return (rows, columns) if inside else None


def _side(grid: Grid, index: int, half_px: int) -> slice:
    """The pixels of a window's side, at least `half_px` to each side of the cell's centre."""
    at_px, unit_px = grid.offset_px + grid.stride_px * index, CELLS * grid.stride_px
    first = (at_px - half_px) // unit_px
    stop = -(-(at_px + half_px + 1) // unit_px)
    return slice(first * unit_px, stop * unit_px)


def reach_px(circuit: HandwrittenCircuit, around: int) -> int:
    """How far, to each side, the pixels lie on which cells depend.

    The cells are those of any family within `around` of its cells from a cell of the site.
    """
    stride_px, reach = {"input": 1}, {"input": 0}
    for layer in circuit.layers:
        stride_px[layer.family] = layer.grid_px
        reach[layer.family] = max(
            reach[read.source] + stride_px[read.source] * (read.weight.shape[-1] // 2)
            for read in layer.reads
        ) + (layer.pool.taps * layer.stride_px if layer.pool else 0)
    return max(reach[family] + around * stride_px[family] for family in reach)


def _grid_of(side_px: int, grid: Grid) -> Grid:
    """The grid of a square that begins where a cell of the stride does."""
    offset_px = grid.offset_px % grid.stride_px
    count = (side_px - 1 - offset_px) // grid.stride_px + 1
    return Grid(side_px, grid.stride_px, offset_px, count, count)
