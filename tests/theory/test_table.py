"""Weights set one by one: where they land, and that they are the same in every array library."""

import numpy as np
import pytest
import torch

from tests.libraries import LIBRARIES, plain
from tests.theory.cases import poses
from workbench.arrays import device
from workbench.theory.poses import PICTURE, Units, every_combination
from workbench.theory.table import Single, table

WINDOW_PX, STEP_PX = 20.0, 4  # two taps to each side
CURVES = poses(centre_deg=(0.0, 30.0, 60.0))
EDGES = every_combination({"orientation_deg": (0.0, 120.0), "channel": ("luma", "red-green")})


def naive(downstream: Units, upstream: Units, singles: list[Single]) -> np.ndarray:
    """One number at a time."""
    out = np.zeros((len(downstream), len(upstream), 5, 5))
    for d, u, row, column in np.ndindex(out.shape):
        for single in singles:
            to = all(downstream.poses[axis][d] == value for axis, value in single.to.items())
            source = all(upstream.poses[axis][u] == value for axis, value in single.source.items())
            if to and source and single.at_px == ((column - 2) * STEP_PX, (row - 2) * STEP_PX):
                out[d, u, row, column] += single.weight
    return out


def test_one_weight_lands_where_it_is_stated_and_nowhere_else():
    single = Single(
        {"centre_deg": 30.0}, {"orientation_deg": 120.0, "channel": "luma"}, (8, -4), -0.2
    )
    kernel = table(CURVES, EDGES, [single], WINDOW_PX, STEP_PX, np.zeros(()))
    assert np.argwhere(kernel).tolist() == [
        [1, EDGES.names.index("orientation 120° luma"), 1, 4]
    ]  # a row up, two columns to the right
    assert kernel[1, 2, 1, 4] == -0.2


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_table_is_the_naive_loops_in_every_library(library):
    like = library(np.zeros(()))
    singles = [
        Single({}, {}, (0, 0), 0.5),
        Single({}, {"channel": "red-green"}, (-8, 8), 0.25),
        Single({"centre_deg": 60.0}, {}, (-8, 8), -1.0),
        Single({"centre_deg": 0.0}, {"orientation_deg": 0.0}, (4, 0), 2.0),
    ]
    kernel = table(CURVES, EDGES, singles, WINDOW_PX, STEP_PX, like)
    assert (type(kernel), device(kernel)) == (type(like), device(like))
    np.testing.assert_array_equal(plain(kernel), naive(CURVES, EDGES, singles))


def test_the_picture_is_read_by_colour_and_a_surveyed_unit_known_by_its_channel():
    units = Units(("fire5:4", "fire5:34"), {"centre_deg": (0.0, 90.0)}, {"unit": 2})
    kernel = table(
        units,
        PICTURE,
        [Single({"unit": 34}, {"colour": "green"}, (0, 0), 3.0)],
        1.0,
        1,
        np.zeros(()),
    )
    assert kernel[:, :, 0, 0].tolist() == [[0.0, 0.0, 0.0], [0.0, 3.0, 0.0]]


def test_the_gradient_of_a_weight_counts_where_it_lands():
    weights = [
        torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.1, -0.3)
    ]
    singles = [
        Single({"centre_deg": 30.0}, {"channel": "luma"}, (4, 0), weights[0]),
        Single({}, {}, (4, 0), weights[1]),
    ]
    table(
        CURVES, EDGES, singles, WINDOW_PX, STEP_PX, torch.zeros((), dtype=torch.float64)
    ).sum().backward()
    assert [weight.grad.item() for weight in weights] == [2.0, 12.0]
