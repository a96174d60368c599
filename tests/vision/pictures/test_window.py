"""A window has the picture's pixels inside it and the ground colour beyond its edge."""

import numpy as np
import pytest

from workbench.vision.pictures.window import window

PIXELS = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
GROUND = (200.4, 201.0, 202.0)


def test_within_the_picture_it_is_a_copy():
    inside = window(PIXELS, slice(1, 4), slice(0, 2), GROUND)
    np.testing.assert_array_equal(inside, PIXELS[1:4, :2])
    inside[:] = 0
    assert PIXELS[1, 0, 1] == 13


@pytest.mark.parametrize(
    "rows", [slice(-2, 2), slice(3, 8), slice(-3, 9), slice(-9, -6), slice(7, 9)]
)
@pytest.mark.parametrize("columns", [slice(-1, 3), slice(2, 7), slice(-6, -4)])
def test_beyond_the_edge_is_the_ground(rows, columns):
    wide = np.full((30, 30, 3), (200, 201, 202), np.uint8)
    wide[10:15, 10:14] = PIXELS
    moved = [slice(each.start + 10, each.stop + 10) for each in (rows, columns)]
    np.testing.assert_array_equal(window(PIXELS, rows, columns, GROUND), wide[tuple(moved)])
