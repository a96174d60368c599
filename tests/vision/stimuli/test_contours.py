"""Contours lie at their parameters, turn exactly, and are the same in every array library."""

import math

import numpy as np
import pytest
import torch

from tests.libraries import OTHERS, plain
from workbench.arrays import device
from workbench.errors import WorkbenchError
from workbench.vision.stimuli import (
    Stroke,
    angle,
    arc,
    colour_edge,
    filled,
    grating,
    line,
    noise,
    spot,
)

SIZE = 65
MIDDLE = (32.0, 32.0)
# of 255: cosines of 90 degrees are not quite 0, and the soft edge has slopes of at most 383 a pixel
FLOAT64_ROUNDING = 1e-6
FLOAT32_ROUNDING = 0.05
# the grid still moves a soft edge of one pixel: a fiftieth of a pixel, seen from 2 pixels away
PIXEL_GRID_DEG = 1.0

TURNING = {
    "arc": lambda deg, like=None: arc(SIZE, MIDDLE, deg, 20.0, like=like),
    "filled": lambda deg, like=None: filled(SIZE, MIDDLE, deg, 20.0, like=like),
    "line": lambda deg, like=None: line(SIZE, MIDDLE, deg, 30.0, like=like),
    "angle": lambda deg, like=None: angle(SIZE, MIDDLE, deg, 60.0, 20.0, like=like),
    "grating": lambda deg, like=None: grating(SIZE, deg, 9.0, 30.0, like=like),
    "colour_edge": lambda deg, like=None: colour_edge(SIZE, MIDDLE, deg, like=like),
}


def ink(picture):
    """Coverage of each pixel, and its x and y from the picture's middle."""
    y, x = np.mgrid[:SIZE, :SIZE] - 32.0
    return np.abs(np.asarray(picture)[..., 0] - 127.0), x, y


@pytest.mark.parametrize("draw", TURNING.values(), ids=TURNING)
@pytest.mark.parametrize("deg", [0.0, 30.0, 77.0])
def test_a_quarter_turn_turns_the_pixels(draw, deg):
    # +x towards +y is clockwise as pictures are shown; numpy.rot90 with k=-1 turns rows and columns
    # that way
    np.testing.assert_allclose(draw(deg + 90), np.rot90(draw(deg), -1), atol=FLOAT64_ROUNDING)


@pytest.mark.parametrize("draw", TURNING.values(), ids=TURNING)
@pytest.mark.parametrize("library", OTHERS)
def test_every_library_draws_the_same(draw, library):
    like = library(np.zeros(()))
    drawn = draw(33.0, like)
    assert (type(drawn), device(drawn)) == (type(like), device(like))
    np.testing.assert_allclose(plain(drawn), draw(33.0), atol=FLOAT64_ROUNDING)


@pytest.mark.parametrize("deg", range(0, 360, 40))
@pytest.mark.parametrize("shape", [arc, angle, filled])
def test_centre_deg_points_from_the_apex_to_the_inside(shape, deg):
    weight, x, y = ink(
        shape(SIZE, MIDDLE, float(deg), 14.0)
    )  # a radius, or an opening; all of the shape is in the picture
    toward = math.degrees(math.atan2((weight * y).sum(), (weight * x).sum()))
    assert abs((toward - deg + 180) % 360 - 180) < PIXEL_GRID_DEG


@pytest.mark.parametrize("deg", range(0, 180, 20))
def test_a_lines_orientation_is_its_tangents(deg):
    weight, x, y = ink(line(SIZE, MIDDLE, float(deg), 40.0))
    axis = math.degrees(
        0.5 * math.atan2(2 * (weight * x * y).sum(), (weight * (x**2 - y**2)).sum())
    )
    assert abs((axis - deg + 90) % 180 - 90) < PIXEL_GRID_DEG


def test_an_arc_lies_on_its_circle_and_passes_through_its_apex():
    picture = arc(SIZE, (12.0, 32.0), 0.0, 20.0, stroke=Stroke(width_px=3.0))
    weight, x, y = ink(picture)
    assert picture[32, 12, 0] == pytest.approx(255)
    assert (weight * np.hypot(x, y)).sum() / weight.sum() == pytest.approx(20, abs=0.1)
    assert weight.sum() / 128 == pytest.approx(
        3 * 20 * math.radians(120) + math.pi * 1.5**2, rel=0.02
    )  # its length, and round ends


def test_a_coloured_edge_has_its_foreground_ninety_degrees_on():
    edge = colour_edge(SIZE, MIDDLE, 0.0, foreground=(200, 0, 0), background=(0, 200, 0))
    assert edge[-1, 32].tolist() == [200, 0, 0]
    assert edge[0, 32].tolist() == [0, 200, 0]


def test_parameters_and_colours_may_be_many():
    radii, colours = np.array([10.0, 20.0]), np.array([[255.0], [0.0]])
    both = arc(SIZE, MIDDLE, np.array([0.0, 90.0]), radii, stroke=Stroke(foreground=colours))
    np.testing.assert_array_equal(both[0], arc(SIZE, MIDDLE, 0.0, 10.0))
    dark = arc(SIZE, MIDDLE, 90.0, 20.0, stroke=Stroke(foreground=0.0))
    np.testing.assert_array_equal(both[1], dark)


@pytest.mark.parametrize(
    "draw",
    [
        lambda r: arc(33, (8.0, 16.0), 0.0, r),
        lambda r: line(33, (16.0, 16.0), 30.0, r),
        lambda r: filled(33, (8.0, 16.0), 0.0, r),
    ],
)
def test_gradients_are_those_of_finite_differences(draw):
    x = torch.arange(33.0, dtype=torch.float64)

    def score(size):
        return (draw(size)[..., 0] * (x + x[:, None] ** 1.5)).sum() / 1e4

    size, step = torch.tensor(11.3, dtype=torch.float64, requires_grad=True), 1e-4
    score(size).backward()
    expected = (score(size.detach() + step) - score(size.detach() - step)) / (2 * step)
    assert size.grad.isfinite()
    assert float(size.grad) == pytest.approx(float(expected), rel=1e-3)


def test_noise_falls_as_one_over_frequency_and_is_seeded():
    first, again = (noise(256, np.random.default_rng(3), contrast=0.1) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.std() == pytest.approx(0.1 * 127, rel=1e-3)
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None])
    power = np.abs(np.fft.fft2(first[..., 0])) ** 2
    low, high = (power[(frequency > f) & (frequency < 1.2 * f)].mean() for f in (0.03, 0.3))
    assert math.log10(low / high) == pytest.approx(2, abs=0.2)  # amplitude 1/f is power 1/f**2


def test_float32_is_close_to_float64():
    np.testing.assert_allclose(
        arc(SIZE, MIDDLE, 10.0, 20.0, like=torch.zeros(())).numpy(),
        arc(SIZE, MIDDLE, 10.0, 20.0),
        atol=FLOAT32_ROUNDING,
    )


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: arc(0, MIDDLE, 0.0, 9.0), "size_px 0"),
        (lambda: arc(9, MIDDLE, np.zeros((2, 2)), 9.0), r"a parameter of shape \(2, 2\)"),
        (
            lambda: arc(9, MIDDLE, 0.0, 9.0, stroke=Stroke(foreground=(1.0, 2.0))),
            r"a colour of shape \(2,\)",
        ),
    ],
)
def test_nonsense_is_refused(draw, message):
    with pytest.raises(WorkbenchError, match=message):
        draw()


def test_a_spot_is_a_disc_about_its_centre():
    drawn = spot(41, (20.0, 18.0), 6.0, (255.0, 0.0, 10.0), 100.0)
    y, x = np.mgrid[0:41, 0:41] - np.array([18.0, 20.0])[:, None, None]
    distance = np.hypot(x, y)
    np.testing.assert_allclose(drawn[distance < 5], [[255.0, 0.0, 10.0]] * (distance < 5).sum())
    np.testing.assert_allclose(drawn[distance > 7], 100.0)
    assert drawn[..., 0].sum() > drawn[..., 1].sum()
