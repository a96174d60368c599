"""Pictures of handwritten weights of a transformer: red is positive, blue negative, white zero."""

from collections.abc import Iterator, Mapping

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

MOST, ACROSS = 24, 4  # maps: a page of more cannot be read
SIDE = 2.4  # inches of a map
TEXT = 8


def draw_weights(tensors: Mapping[str, Tensor]) -> Figure:
    """Draw a map of each matrix that is not 0 everywhere, at most MOST, each on its own scale.

    A tensor of several heads has a map for each; a vector has one row.
    """
    maps = list(_matrices(tensors))
    shown = maps[:MOST]
    across = min(ACROSS, max(1, len(shown)))
    down = max(1, -(-len(shown) // across))
    figure = Figure(figsize=(SIDE * across, SIDE * down), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes, (name, matrix) in zip(grid, shown, strict=False):
        limit = float(np.abs(matrix).max())
        options = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit, "interpolation": "nearest"}
        axes.imshow(matrix, aspect="auto", **options)
        axes.set_title(f"{name}\n{'x'.join(map(str, matrix.shape))}, ±{limit:.2g}", fontsize=TEXT)
        axes.tick_params(labelsize=TEXT - 2)
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    if len(maps) > MOST:
        figure.supxlabel(f"{len(maps) - MOST} further matrices are not drawn", fontsize=TEXT)
    return figure


def _matrices(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, np.ndarray]]:
    for name, tensor in tensors.items():
        if not bool(tensor.any()):
            continue
        if tensor.ndim <= 2:
            yield name, np.atleast_2d(tensor.numpy())
            continue
        for head, matrix in enumerate(tensor.flatten(0, tensor.ndim - 3)):
            if bool(matrix.any()):
                yield f"{name}[{head}]", matrix.numpy()
