"""The piece of a picture that a cell of a site and the cells around it stand on."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8

from workbench.hosts.host import Site
from workbench.vision.pictures.window import window

CELLS_EACH_SIDE = 7  # of the cell that a patch is about


def pixels(rgb: Float[torch.Tensor, "3 h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """RGB 0..255 of any float dtype, rounded to the bytes of a picture to look at."""
    return rgb.permute(1, 2, 0).round().clamp(0, 255).byte().numpy()


def patch_around(
    rgb: UInt8[np.ndarray, "h w 3"], cell: tuple[int, int], site: Site, mean_rgb: Sequence[float]
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The pixels of the cells around a cell (row, column) of a site.

    These are CELLS_EACH_SIDE cells to each side, as `cells_around` and `patch` give them.
    """
    rows, columns = cells_around(cell[0], site.height), cells_around(cell[1], site.width)
    return patch(rgb, (rows, columns), site, mean_rgb)


def cells_around(middle: int, count: int) -> slice:
    """`2 CELLS_EACH_SIDE + 1` of `count` cells, with the cell `middle` in their middle.

    Near an edge they are moved inside; where there are fewer cells, they are all of them.
    """
    first = min(max(middle - CELLS_EACH_SIDE, 0), max(count - 2 * CELLS_EACH_SIDE - 1, 0))
    return slice(first, min(first + 2 * CELLS_EACH_SIDE + 1, count))


def patch(
    rgb: UInt8[np.ndarray, "h w 3"],
    cells: tuple[slice, slice],
    site: Site,
    mean_rgb: Sequence[float],
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The pixels that `cells` (rows, columns) of a site stand on.

    Each cell is a square of the site's stride about its centre. Pixels beyond the picture's edge
    have the colour `mean_rgb`, that of the host's zero padding.
    """
    first = site.offset_px - site.stride_px // 2
    rows, columns = (
        slice(first + site.stride_px * side.start, first + site.stride_px * side.stop)
        for side in cells
    )
    return window(rgb, rows, columns, mean_rgb)
