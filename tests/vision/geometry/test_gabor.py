"""Gabor filters: the conventions of orientation and phase, flat grey, and their absolute sum."""

import math

import numpy as np
import pytest

from tests.theory.cases import poses
from workbench.theory.poses import every_combination
from workbench.theory.rule import gabor_weights
from workbench.vision.geometry.gabor import OPPONENT, total

SUM_ROUNDING = 1e-15 * 121  # 121 taps whose absolute sum is 1
LIKE = np.zeros(())
AXES = {
    "orientation_deg": (0.0, 15.0, 90.0),
    "phase_deg": (0.0, 90.0, 180.0, 270.0),
    "scale": (1.0, 0.7),
    "channel": tuple(OPPONENT),
}
UNITS = every_combination(AXES)


def filters(units=UNITS) -> np.ndarray:
    return gabor_weights(units, 5.0, 1.8, 0.7, 11.0, LIKE)


def test_flat_grey_and_any_flat_colour_give_nothing():
    np.testing.assert_allclose(filters().sum((2, 3)), 0, rtol=0, atol=SUM_ROUNDING)


def test_the_absolute_sum_is_one():
    """Over the three colours too, so that no picture within -1..1 gives more than 1."""
    np.testing.assert_allclose(np.abs(filters()).sum((1, 2, 3)), 1, rtol=0, atol=SUM_ROUNDING)


def test_opposite_phases_are_negatives():
    phases = filters().reshape(3, 4, 2, 3, 3, 11, 11)
    np.testing.assert_allclose(phases[:, 0], -phases[:, 2], rtol=0, atol=SUM_ROUNDING)
    np.testing.assert_allclose(phases[:, 1], -phases[:, 3], rtol=0, atol=SUM_ROUNDING)
    assert np.abs(phases[:, 0] - phases[:, 1]).max() > 0.01


def test_opponent_channels_answer_to_their_own_colours():
    luma, red_green, blue_yellow = filters(
        poses(orientation_deg=(0.0,) * 3, channel=tuple(OPPONENT))
    )
    np.testing.assert_array_equal(luma[0], luma[1])
    np.testing.assert_array_equal(red_green[0], -red_green[1])
    assert not red_green[2].any()
    np.testing.assert_array_equal(blue_yellow[2], -2 * blue_yellow[0])
    grey_bar = np.broadcast_to(np.eye(11), (3, 11, 11))
    assert abs((red_green * grey_bar).sum()) < SUM_ROUNDING
    assert abs((blue_yellow * grey_bar).sum()) < SUM_ROUNDING


@pytest.mark.parametrize(
    ("orientation_deg", "bright"), [(0.0, (5, slice(None))), (90.0, (slice(None), 5))]
)
def test_orientation_is_the_lines_own(orientation_deg, bright):
    """Orientation 0 is a line along x, 90 along y; phase 0 is bright on its middle."""
    kernel = filters(poses(orientation_deg=(orientation_deg,)))[0, 0]
    lines = {name: np.zeros((11, 11)) for name in ("own", "across")}
    lines["own"][bright] = 1
    lines["across"][bright[::-1]] = 1
    assert (kernel * lines["own"]).sum() > 5 * abs((kernel * lines["across"]).sum())


def test_orientation_grows_towards_positive_y():
    """45 degrees runs to the lower right: in the picture's rows and columns, the main diagonal."""
    kernel = filters(poses(orientation_deg=(45.0,)))[0, 0]
    assert (kernel * np.eye(11)).sum() > 5 * abs((kernel * np.eye(11)[::-1]).sum())


def test_phase_90_is_dark_towards_the_normal():
    """cos(2 pi normal / wavelength + 90 degrees) falls along the normal, which points down for a
    line along x.
    """
    kernel = filters(poses(orientation_deg=(0.0,), phase_deg=(90.0,)))[0, 0]
    assert kernel[6, 5] < 0 < kernel[4, 5]


def test_a_centre_is_the_normals_direction():
    """The same kernel as of the orientation 90 degrees before; turned by 180 degrees it is
    mirrored, so phase 90 says which side is dark.
    """
    by_centre = filters(poses(centre_deg=(90.0, 20.0, 200.0), phase_deg=(90.0,) * 3))
    by_orientation = filters(poses(orientation_deg=(0.0, -70.0), phase_deg=(90.0,) * 2))
    np.testing.assert_array_equal(by_centre[:2], by_orientation)
    np.testing.assert_allclose(by_centre[2], -by_centre[1], rtol=0, atol=SUM_ROUNDING)
    assert by_centre[0, 0, 6, 5] < 0 < by_centre[0, 0, 4, 5]


def test_a_shift_moves_the_filter():
    """Two pixels to the right and one up: columns grow rightwards, rows down.

    Narrow, so that nothing of it leaves the window.
    """
    units = poses(
        centre_deg=(20.0, 20.0),
        phase_deg=(60.0, 60.0),
        shift_x_px=(0.0, 2.0),
        shift_y_px=(0.0, -1.0),
    )
    here, there = gabor_weights(units, 5.0, 1.0, 1.0, 17.0, LIKE)
    np.testing.assert_allclose(
        np.roll(here, (-1, 2), (1, 2)), there, rtol=0, atol=1e-8
    )  # of the envelope at the window's edge
    assert np.abs(here - there).max() > 0.01


def test_the_formula():
    """One filter from the formula of its docstring, one tap at a time."""
    wavelength, sigma, aspect, turn, phase, scale = (
        5.0,
        1.8,
        0.7,
        math.radians(20.0),
        math.radians(33.0),
        0.7,
    )
    envelope, wave = np.zeros((11, 11)), np.zeros((11, 11))
    for row in range(11):
        for column in range(11):
            x, y = (column - 5) / scale, (row - 5) / scale
            along, across = (
                x * math.cos(turn) + y * math.sin(turn),
                -x * math.sin(turn) + y * math.cos(turn),
            )
            envelope[row, column] = math.exp(-((aspect * along) ** 2 + across**2) / (2 * sigma**2))
            wave[row, column] = envelope[row, column] * math.cos(
                2 * math.pi * across / wavelength + phase
            )
    wave -= envelope * wave.sum() / envelope.sum()
    expected = wave / np.abs(wave).sum() / 3
    np.testing.assert_allclose(
        filters(poses(orientation_deg=(20.0,), phase_deg=(33.0,), scale=(0.7,)))[0, 1],
        expected,
        rtol=0,
        atol=SUM_ROUNDING,
    )


def test_total_is_the_sum_whatever_the_turn():
    kernel = np.random.default_rng(0).normal(size=(4, 11, 11))
    np.testing.assert_allclose(total(kernel)[:, 0, 0], kernel.sum((1, 2)), rtol=0, atol=1e-13)
    np.testing.assert_array_equal(total(np.rot90(kernel, 1, axes=(1, 2))), total(kernel))


def test_a_units_own_envelope_and_aspect_are_factors():
    units = poses(orientation_deg=(15.0,) * 2, envelope=(1.0, 1.25), aspect=(1.0, 0.8))
    usual, wider = gabor_weights(units, 5.0, 1.6, 0.75, 11.0, LIKE)
    alone = poses(orientation_deg=(15.0,))
    np.testing.assert_allclose(
        wider, gabor_weights(alone, 5.0, 2.0, 0.6, 11.0, LIKE)[0], rtol=0, atol=SUM_ROUNDING
    )
    np.testing.assert_array_equal(usual, gabor_weights(alone, 5.0, 1.6, 0.75, 11.0, LIKE)[0])
    assert np.abs(usual - wider).max() > 0.005


def test_a_mixture_is_the_sum_of_its_channels():
    mixture = {"luma": (0.5,), "red-green": (0.2,), "blue-yellow": (-0.3,)}
    mixed = filters(poses(orientation_deg=(15.0,), **mixture))[0]
    pure = filters(poses(orientation_deg=(15.0,) * 3, channel=tuple(mixture)))
    np.testing.assert_allclose(
        mixed, 0.5 * pure[0] + 0.2 * pure[1] - 0.3 * pure[2], rtol=0, atol=SUM_ROUNDING
    )
    assert np.abs(mixed - 0.5 * pure[0] - 0.2 * pure[1] - 0.3 * pure[0]).max() > 0.01
