"""A second, slow implementation of a handwritten circuit's responses.

It is in NumPy and float64, one cell at a time, with every place in pixels of the picture.
"""

import itertools
from collections.abc import Sequence

import numpy as np

from workbench.compiler.circuit import Grid, Layer


class Plane:
    """A family's response `unit h w` with its place.

    Cell i is centred on pixel `offset + stride * i`; beyond the plane responses are 0.
    """

    def __init__(self, values: np.ndarray, offset: int, stride: int):
        self.values, self.offset, self.stride = values, offset, stride

    def at(self, x: int, y: int) -> np.ndarray:
        column, row = (x - self.offset) / self.stride, (y - self.offset) / self.stride
        assert column == int(column), "a cell of the upstream grid"
        assert row == int(row), "a cell of the upstream grid"
        inside = 0 <= row < self.values.shape[1] and 0 <= column < self.values.shape[2]
        return self.values[:, int(row), int(column)] if inside else np.zeros(len(self.values))


def respond(layers: Sequence[Layer], grid: Grid, picture: np.ndarray) -> np.ndarray:
    """`drive / ideal` of the last layer at the host's cells, for one picture `3 h w`."""
    planes = {"input": Plane(picture, 0, 1)}
    for layer in layers[:-1]:
        planes[layer.family] = response(layer, planes, grid, picture.shape[1:])
    last = layers[-1]
    out = np.zeros((len(last.units), grid.height, grid.width))
    for row, column in np.ndindex(grid.height, grid.width):
        out[:, row, column] = drive(
            last,
            planes,
            grid.offset_px + grid.stride_px * column,
            grid.offset_px + grid.stride_px * row,
        )
    return out / float(last.ideal)


def response(
    layer: Layer, planes: dict[str, Plane], grid: Grid, picture_size: tuple[int, int]
) -> Plane:
    """Over the whole picture, on the cells of this stride that lie on the host's."""
    offset, rows, columns = cells(grid.offset_px, layer.stride_px, picture_size)
    values = np.zeros((len(layer.units), rows, columns))
    for row, column in np.ndindex(rows, columns):
        size = drive(
            layer, planes, offset + layer.stride_px * column, offset + layer.stride_px * row
        ) / float(layer.ideal)
        size = np.abs(size) if layer.full else size
        threshold = float(layer.threshold)
        values[:, row, column] = np.maximum(0, size - threshold) / (1 - threshold)
    plane = Plane(values, offset, layer.stride_px)
    return plane if layer.pool is None else pooled(plane, layer, grid, picture_size)


def pooled(plane: Plane, layer: Layer, grid: Grid, size: tuple[int, int]) -> Plane:
    offset, rows, columns = cells(grid.offset_px, layer.pool.stride_px, size)
    near = [tap * layer.stride_px for tap in range(-layer.pool.taps, layer.pool.taps + 1)]
    values = np.zeros((len(layer.units), rows, columns))
    for row, column in np.ndindex(rows, columns):
        x, y = offset + layer.pool.stride_px * column, offset + layer.pool.stride_px * row
        values[:, row, column] = np.max(
            [plane.at(x + dx, y + dy) for dx, dy in itertools.product(near, near)], axis=0
        )
    return Plane(values, offset, layer.pool.stride_px)


def cells(host_offset: int, stride: int, size: tuple[int, int]) -> tuple[int, int, int]:
    offset = next(pixel for pixel in range(stride) if (host_offset - pixel) % stride == 0)
    return offset, *(len(range(offset, side, stride)) for side in size)


def drive(layer: Layer, planes: dict[str, Plane], x: int, y: int) -> np.ndarray:
    total = np.zeros(len(layer.units))
    for read in layer.reads:
        plane, weight = planes[read.source], np.asarray(read.weight, dtype=np.float64)
        reach = weight.shape[-1] // 2
        for i, j in itertools.product(range(-reach, reach + 1), repeat=2):
            total += weight[:, :, i + reach, j + reach] @ plane.at(
                x + j * plane.stride, y + i * plane.stride
            )
    if layer.normalise is None:
        return total
    rectified = np.maximum(0, total)
    others = [axis for axis in layer.units.shape if axis != layer.normalise.axis]
    kin = [
        tuple(layer.units.poses[axis][unit] for axis in others) for unit in range(len(layer.units))
    ]
    mean = np.array(
        [
            np.mean([rectified[v] for v in range(len(kin)) if kin[v] == kin[u]])
            for u in range(len(kin))
        ]
    )
    return rectified / (float(layer.normalise.floor) + mean)
