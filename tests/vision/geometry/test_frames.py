"""Frames: turning, resizing, mirroring and smoothing against slow and plain versions."""

import numpy as np
import pytest

from workbench.vision.geometry.frames import (
    LUMA,
    OPPONENT_AXES,
    Frames,
    colour_turn,
    mirrored,
    resized,
    smoothed,
    turned,
    turned_points,
)

ROUNDING = 1e-12
TURNS_DEG = np.arange(0.0, 360.0, 15.0)


def wave(turn_deg):
    """A curve that 24 samples resolve."""
    turn = np.radians(turn_deg)
    return 1 + np.cos(turn - 0.3) + 0.5 * np.sin(3 * turn) - 0.2 * np.cos(7 * turn)


def test_a_curve_is_read_from_the_units_own_turn_on():
    own_deg = np.array([0.0, 7.0, 200.0])
    curves = np.stack([wave(TURNS_DEG)] * 3, -1)[None]
    np.testing.assert_allclose(
        turned(curves, own_deg)[0], wave(TURNS_DEG[:, None] + own_deg), atol=ROUNDING
    )
    assert (turned(curves, own_deg * 0) == curves).all()


def test_sizes_are_read_between_and_not_beyond():
    rng = np.random.default_rng(0)
    values, known, wanted, octaves = (
        rng.normal(size=(2, 4, 3, 5)),
        np.array([-1.0, 0.0, 1.0, 1.5]),
        np.array([-0.5, 0.0, 0.5]),
        rng.normal(size=5),
    )
    read = resized(values, known, wanted, octaves)
    assert read.shape == (2, 3, 3, 5)
    for stimulus, n, turn, unit in np.ndindex(read.shape):
        expected = np.interp(wanted[n] + octaves[unit], known, values[stimulus, :, turn, unit])
        assert read[stimulus, n, turn, unit] == pytest.approx(expected, abs=ROUNDING)


def test_a_mirror_image_is_the_partner_turned_the_other_way():
    values = np.random.default_rng(0).normal(size=(2, 1, 24, 3))
    images = mirrored(values, np.array([1, 0]))
    for turn in range(24):
        assert (images[0, 0, turn] == values[1, 0, -turn % 24]).all()
    assert (mirrored(images, np.array([1, 0])) == values).all()


def test_smoothing_is_a_weighted_mean():
    rng = np.random.default_rng(0)
    values, pose, place = rng.normal(size=6), rng.uniform(0, 360, 6), rng.normal(size=(6, 2))
    at_deg, at = np.array([10.0, 350.0]), np.array([[0.0, 0.0], [1.0, -1.0]])
    smooth = smoothed(values, pose, place, at_deg, at, 360, 40.0, 1.0)
    for i in range(2):
        apart = np.abs((at_deg[i] - pose + 180) % 360 - 180)
        weight = np.exp(-((apart / 40) ** 2) / 2 - ((at[i] - place) ** 2).sum(1) / 2)
        assert smooth[i] == pytest.approx((weight * values).sum() / weight.sum(), abs=ROUNDING)


def test_points_turn_towards_plus_y():
    np.testing.assert_allclose(
        turned_points(np.array([[1.0, 0.0]]), 90.0), [[0.0, 1.0]], atol=ROUNDING
    )
    np.testing.assert_allclose(
        turned_points(np.array([[1.0, 0.0]]), 30.0), [[np.cos(np.pi / 6), 0.5]], atol=ROUNDING
    )


@pytest.mark.parametrize("colour", [(1, 0, 0), (0.2, 0.9, -0.4), (0, 0, 1), (-0.3, 0.8, 0.1)])
def test_a_colour_is_turned_to_luma_and_nothing_is_stretched(colour):
    direction = np.array(colour) / np.linalg.norm(colour)
    turn = colour_turn(direction)
    np.testing.assert_allclose(turn @ direction, LUMA, atol=ROUNDING)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=ROUNDING)
    assert np.linalg.det(turn) == pytest.approx(1)


def test_opponent_axes_stand_at_right_angles():
    np.testing.assert_allclose(OPPONENT_AXES @ OPPONENT_AXES.T, np.eye(3), atol=ROUNDING)


def test_only_the_parts_that_are_named_are_kept():
    frames = Frames(np.array([10.0, 20.0]), np.array([0.5, -0.5]), np.array([[0.0, 1.0, 0.0]] * 2))
    bare = frames.only()
    assert not bare.turn_deg.any()
    assert not bare.octaves.any()
    assert (bare.colour == LUMA).all()
    assert (frames.only("rotation").turn_deg == frames.turn_deg).all()
    assert (frames.only("scale", "hue").colour == frames.colour).all()
    assert (frames.permuted(np.array([1, 0])).turn_deg == [20.0, 10.0]).all()
