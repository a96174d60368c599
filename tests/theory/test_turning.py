"""Equivariance: turning every pose turns every kernel, by right angles to the last bit."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from tests.theory.cases import FALLOFF_IDS, FALLOFFS, PLACE_CASES, motif, poses
from workbench.theory.poses import CENTRE, ORIENTATION, SCALE, SHIFT_X, SHIFT_Y, Units
from workbench.theory.rule import gabor_weights, weights
from workbench.vision.geometry.angles import cos_sin_deg

# A turn from +x to +y, so from right to below, is `np.rot90(kernel, -1)`. Poses here are multiples
# of 1/8 degree, which add up without rounding.
FLOAT64, FLOAT32 = np.zeros(()), np.zeros((), np.float32)
SHIFTS = ((2.5, -1.25), (0.0, 3.75), (-6.5, -0.5), (1.0, 8.0), (0.25, 0.0))
WINDOW_PX, STEP_PX = 36.0, 4
# Spline interpolation of a kernel of 6 px wavelength and more, sampled at every pixel.
INTERPOLATION = 2e-3
# Places whose weight is nothing where they are not smooth: between two flanks, in the middle of a
# ring.
SMOOTH = {
    "point": {"spread_px": 5.0},
    "line": {"spread_px": 4.0, "extent_px": 9.0},
    "flanks": {"spread_px": 3.0, "distance_px": 14.0, "extent_px": 5.0},
    "ends": {"spread_px": 3.0, "distance_px": 14.0},
    "inside": {"spread_px": 4.0, "distance_px": 8.0},
    "outside": {"spread_px": 4.0, "distance_px": 8.0, "extent_px": 10.0},
    "arc": {"spread_px": 4.0, "radius_px": 21.0, "extent_px": 13.0},
    "ring": {"spread_px": 3.0, "radius_px": 14.0},
}


def downstream(axis: str, turn_deg: float) -> Units:
    """Five units of uneven pose, shift, scale and radius, the picture turned by a multiple of 90
    degrees.
    """
    cos, sin = (int(part) for part in cos_sin_deg(np.array(turn_deg)))
    columns = {
        axis: tuple(pose + turn_deg for pose in (0.0, 22.5, 45.0, 100.125, 163.75)),
        SCALE: (1.0, 0.75, 1.0, 1.25, 1.0),
        SHIFT_X: tuple(x * cos - y * sin for x, y in SHIFTS),
        SHIFT_Y: tuple(x * sin + y * cos for x, y in SHIFTS),
    }
    if axis == CENTRE:
        columns["radius_px"] = (20.0, 30.0, 16.0, 44.0, 25.0)
    return poses(**columns)


@pytest.mark.parametrize("like", [FLOAT64, FLOAT32], ids=["float64", "float32"])
@pytest.mark.parametrize("axis", [ORIENTATION, CENTRE])
@pytest.mark.parametrize("match", ["tangent", "normal", "same", "opposite", "any"])
@pytest.mark.parametrize(("place", "where"), PLACE_CASES)
def test_turning_every_pose_by_right_angles_turns_every_kernel_to_the_last_bit(
    place, where, match, axis, like
):
    upstream_axis = CENTRE if match in ("same", "opposite") else ORIENTATION
    terms = [motif(place, match, where, falloff) for falloff in FALLOFFS]

    def kernels(turn_deg: float) -> np.ndarray:
        upstream = poses(**{upstream_axis: tuple(i * 11.25 + turn_deg for i in range(8))})
        return weights(downstream(axis, turn_deg), upstream, terms, WINDOW_PX, STEP_PX, like)

    for turns in (1, 2, 3):
        np.testing.assert_array_equal(
            kernels(90.0 * turns), np.rot90(kernels(0.0), -turns, axes=(-2, -1))
        )


@pytest.mark.parametrize("turn_deg", [90.0, 180.0, 270.0])
def test_upstream_poses_wrapped_into_their_period_give_the_same_bits(turn_deg):
    """A family's poses are 0..180 or 0..360: a turned one is the one of that pose, wherever in its
    period it is written.
    """
    term = motif(
        "arc", "tangent", {"spread_px": 4.0, "radius_px": 21.0, "extent_px": 13.0}, FALLOFFS[1]
    )
    unwrapped = tuple(i * 11.25 + turn_deg for i in range(16))
    kernels = [
        weights(
            downstream(CENTRE, turn_deg),
            poses(orientation_deg=p),
            [term],
            WINDOW_PX,
            STEP_PX,
            FLOAT64,
        )
        for p in (unwrapped, tuple(v % 180 for v in unwrapped))
    ]
    np.testing.assert_array_equal(*kernels)


@pytest.mark.parametrize("turn_deg", [90.0, 180.0, 270.0])
def test_gabors_turn_to_the_last_bit(turn_deg):
    def filters(turn: float) -> np.ndarray:
        units = poses(
            orientation_deg=tuple(pose + turn for pose in (0.0, 15.0, 45.0, 101.25, 135.0, 170.5)),
            phase_deg=(0.0, 90.0, 180.0, 270.0, 30.0, 77.0),
            scale=(1.0, 0.7, 1.0, 1.3, 1.0, 0.7),
            channel=("luma", "red-green", "blue-yellow", "luma", "luma", "red-green"),
        )
        return gabor_weights(units, 5.0, 1.8, 0.7, 11.0, FLOAT64)

    np.testing.assert_array_equal(
        filters(turn_deg), np.rot90(filters(0.0), -round(turn_deg / 90), axes=(-2, -1))
    )


@pytest.mark.parametrize("turn_deg", [30.0, -71.0, 135.0])
@pytest.mark.parametrize(("place", "where"), SMOOTH.items())
@pytest.mark.parametrize("match", ["tangent", "normal", "any"])
def test_turning_by_any_angle_turns_the_finely_sampled_kernel(place, where, match, turn_deg):
    term = motif(place, match, where, FALLOFFS[1])

    def kernel(turn: float) -> np.ndarray:
        return weights(
            poses(centre_deg=(20.0 + turn,)),
            poses(orientation_deg=(50.0 + turn,)),
            [term],
            48.0,
            1,
            FLOAT64,
        )[0, 0]

    expected, inside = resampled(kernel(0.0), turn_deg)
    assert (
        np.abs(kernel(turn_deg) - expected)[inside].max() < INTERPOLATION * np.abs(expected).max()
    )


@pytest.mark.parametrize("turn_deg", [30.0, -71.0])
def test_turning_a_gabor_by_any_angle_turns_the_finely_sampled_kernel(turn_deg):
    def kernel(turn: float) -> np.ndarray:
        return gabor_weights(
            poses(orientation_deg=(20.0 + turn,), phase_deg=(40.0,)), 12.0, 5.0, 0.7, 41.0, FLOAT64
        )[0, 0]

    expected, inside = resampled(kernel(0.0), turn_deg)
    assert (
        np.abs(kernel(turn_deg) - expected)[inside].max() < INTERPOLATION * np.abs(expected).max()
    )


def resampled(kernel: np.ndarray, turn_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """The kernel turned by spline interpolation, and where it did not need what lies beyond the
    kernel's edge.
    """
    reach = len(kernel) // 2
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    turn = np.radians(turn_deg)
    back_x, back_y = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    return map_coordinates(
        kernel, [back_y + reach, back_x + reach], order=5, mode="nearest"
    ), np.hypot(x, y) < reach - 3


@pytest.mark.parametrize("match", ["tangent", "normal", "same", "opposite"])
@pytest.mark.parametrize(("place", "where"), PLACE_CASES)
@pytest.mark.parametrize("falloff", FALLOFFS, ids=FALLOFF_IDS)
def test_mirroring_every_pose_mirrors_every_kernel(place, where, match, falloff):
    """Left and right swapped: x -> -x, a direction a -> 180 - a."""
    upstream_axis = CENTRE if match in ("same", "opposite") else ORIENTATION
    term = motif(place, match, where, falloff)
    here = weights(
        poses(centre_deg=(20.0, 95.0)),
        poses(**{upstream_axis: (0.0, 33.0, 110.0)}),
        [term],
        WINDOW_PX,
        STEP_PX,
        FLOAT64,
    )
    there = weights(
        poses(centre_deg=(160.0, 85.0)),
        poses(**{upstream_axis: (180.0, 147.0, 70.0)}),
        [term],
        WINDOW_PX,
        STEP_PX,
        FLOAT64,
    )
    np.testing.assert_allclose(
        there, here[..., ::-1], rtol=0, atol=1e-12
    )  # angles are rounded at 360 degrees: 6e-14


def test_a_gabor_turned_by_90_degrees_is_another_gabor():
    """Negative control for the tests above."""
    units = poses(orientation_deg=(0.0, 90.0), phase_deg=(0.0, 0.0), channel=("luma", "luma"))
    along_x, along_y = gabor_weights(units, 5.0, 1.8, 0.7, 11.0, FLOAT64)
    assert np.abs(along_x - along_y).max() > 0.5 * np.abs(along_x).max()


@pytest.mark.parametrize(
    ("angle_deg", "expected"),
    [
        (0.0, (1, 0)),
        (90.0, (0, 1)),
        (180.0, (-1, 0)),
        (270.0, (0, -1)),
        (-90.0, (0, -1)),
        (450.0, (0, 1)),
    ],
)
def test_right_angles_have_exact_cosines_and_sines(angle_deg, expected):
    assert tuple(float(part) for part in cos_sin_deg(np.array(angle_deg))) == expected


def test_adding_90_degrees_only_swaps_and_negates():
    angle_deg = np.arange(-720, 720, 0.25)
    cos, sin = cos_sin_deg(angle_deg)
    turned_cos, turned_sin = cos_sin_deg(angle_deg + 90)
    np.testing.assert_array_equal(turned_cos, -sin)
    np.testing.assert_array_equal(turned_sin, cos)
    np.testing.assert_allclose(
        [cos, sin],
        [np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))],
        rtol=0,
        atol=5e-15,
    )


def test_kernel_lies_where_its_pose_points():
    """The conventions in words: a curve whose centre is below (90 degrees, y down) reads lines
    beside it, bending downwards.
    """
    term = motif("arc", "any", {"spread_px": 2.0, "radius_px": 16.0, "extent_px": 40.0}, {})
    kernel = weights(
        poses(centre_deg=(90.0,)), poses(orientation_deg=(0.0,)), [term], 64.0, 4, FLOAT64
    )[0, 0]
    middle = len(kernel) // 2
    assert kernel[middle, middle] == pytest.approx(1)
    assert (
        kernel[middle + 4, middle + 4] > 0.5
    )  # a quarter of the circle on: 16 px right and 16 px below
    assert kernel[middle + 4, middle - 4] > 0.5
    assert kernel[middle - 4, middle + 4] < 1e-6


def test_lines_turned_with_the_arc_and_against_it():
    """A curve with its centre below bends down to the right: there a line that falls to the right
    is turned as the arc is.
    """

    def at_sides(way: str | None) -> np.ndarray:
        where = {"spread_px": 4.0, "radius_px": 16.0, "extent_px": 40.0}
        term = motif("arc", "tangent", where, {"tolerance_deg": 60.0, "turned": way})
        lines = poses(orientation_deg=(0.0, 30.0, 90.0, 150.0))
        return weights(poses(centre_deg=(90.0,)), lines, [term], 24.0, 8, FLOAT64)[0][:, 1, :]

    both, along, against = at_sides(None), at_sides("with"), at_sides("against")
    np.testing.assert_allclose(along + against, both, rtol=0, atol=1e-15)
    assert (both > 0).all()
    level, falling, upright, rising = (along / both).round(12).tolist()
    assert falling == [0, 0.5, 1]  # at the left, in the middle and at the right
    assert rising == [1, 0.5, 0]
    assert level == upright == [0.5, 0.5, 0.5]  # no way is nearer


def test_a_profile_is_straight_between_its_points_and_flat_beyond_them():
    term = motif("point", "tangent", {}, {"profile": [(10.0, 1.0), (20.0, 0.2), (60.0, -0.6)]})
    lines = poses(orientation_deg=(0.0, 10.0, 15.0, 165.0, 40.0, 60.0, 90.0))
    kernel = weights(poses(orientation_deg=(0.0,)), lines, [term], 1.0, 1, FLOAT64)[0, :, 0, 0]
    np.testing.assert_allclose(kernel, [1, 1, 0.6, 0.6, -0.2, -0.6, -0.6], rtol=0, atol=1e-14)
