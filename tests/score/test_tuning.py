"""Figures of tuning curves on curves whose figures are known."""

import math
from dataclasses import replace

import numpy as np
import pytest

from workbench.errors import WorkbenchError
from workbench.score.tuning import (
    StimulusDifference,
    echo,
    figures,
    largest_differences,
    largest_gap_deg,
    preferred_deg,
    turn_deg,
    width_deg,
)
from workbench.vision.tuning import BARS, TuningCurves

POSES = np.arange(0, 360, 10.0)
FWHM = 2 * math.sqrt(2 * math.log(2))  # of a Gaussian, in standard deviations: 2.355
CHORDS = 0.03  # a Gaussian is read by straight lines between samples 10 degrees apart
SAMPLED = 0.5  # degrees by which a vector mean over samples 10 degrees apart may miss


def bump(at_deg: float, sigma_deg: float = 25.0, height: float = 1.0) -> np.ndarray:
    return height * np.exp(-0.5 * (((POSES - at_deg + 180) % 360 - 180) / sigma_deg) ** 2)


@pytest.mark.parametrize("sigma", [15.0, 25.0, 40.0])
@pytest.mark.parametrize("at", [0.0, 90.0, 350.0])
def test_width_of_a_gaussian(sigma, at):
    assert width_deg(bump(at, sigma), POSES) == pytest.approx(FWHM * sigma, rel=CHORDS)


def test_width_of_a_triangle_is_exact():
    triangle = np.maximum(0, 1 - np.abs((POSES - 70 + 180) % 360 - 180) / 40)
    assert width_deg(triangle, POSES) == pytest.approx(40, abs=1e-9)


def test_width_of_a_lopsided_curve_is_of_both_sides():
    curve = np.zeros(36)
    curve[10:18] = [
        1,
        0.9,
        0.8,
        0.7,
        0.6,
        0.5,
        0.4,
        0.3,
    ]  # falls at once on the left, to half after 50 degrees on the right
    assert width_deg(curve, POSES) == pytest.approx(50 + 5, abs=1e-9)


def test_width_of_a_flat_curve_is_the_circle():
    assert width_deg(np.ones(36), POSES) == 360


@pytest.mark.parametrize("at", [0.0, 5.0, 123.0, 357.0])
def test_preferred_direction(at):
    assert turn_deg(preferred_deg(bump(at), POSES), at) < SAMPLED


def test_an_echo_does_not_turn_the_preferred_direction():
    assert turn_deg(preferred_deg(bump(40) + 0.4 * bump(220), POSES), 40) < SAMPLED


@pytest.mark.parametrize("height", [0.0, 0.2, 0.7])
@pytest.mark.parametrize("at", [0.0, 100.0, 270.0])
def test_echo_planted_at_180_degrees(height, at):
    planted = np.maximum(bump(at, 10), height * (np.abs((POSES - at + 360) % 360 - 180) <= 30))
    assert echo(planted) == pytest.approx(height, abs=1e-9)


def test_an_echo_elsewhere_is_none():
    assert echo(bump(100, 10) + 0.5 * bump(190, 5)) < 1e-3


@pytest.mark.parametrize("silent", [np.zeros(36), np.full(36, -0.0)])
def test_a_silent_unit_has_no_figures(silent):
    assert all(
        map(math.isnan, (preferred_deg(silent, POSES), width_deg(silent, POSES), echo(silent)))
    )


@pytest.mark.parametrize("level", [0.1, 1.0, 37.3])
def test_a_unit_that_likes_every_pose_alike_prefers_none(level):
    assert math.isnan(preferred_deg(np.full(36, level), POSES))


@pytest.mark.parametrize(
    ("a", "b", "turn"),
    [
        (0, 0, 0),
        (10, 350, 20),
        (350, 10, 20),
        (0, 180, 180),
        (180, 0, 180),
        (270, 90, 180),
        (359.5, 0, 0.5),
    ],
)
def test_turn(a, b, turn):
    assert turn_deg(a, b) == pytest.approx(turn)


@pytest.mark.parametrize(
    ("directions", "gap"),
    [
        ([0, 90, 180, 270], 90),
        ([10, 20, 350], 330),
        ([45.0], 360),
        ([], 360),
        ([math.nan, math.nan], 360),
        ([0, math.nan, 120, 240], 120),
        ([240, 0, 120], 120),
    ],
)
def test_largest_gap(directions, gap):
    assert largest_gap_deg(directions) == pytest.approx(gap)


def curves(trained: np.ndarray, handwritten: np.ndarray, dark: float = 1.0) -> TuningCurves:
    """One unit at two radii.

    A dark line drives the handwritten unit `dark` times as much as a bright one.
    """
    both = [np.stack([curve, 0.5 * curve])[:, :, None] for curve in (trained, handwritten)]
    variants = {
        "bright line": (trained[:, None], handwritten[:, None]),
        "dark line": (trained[:, None], dark * handwritten[:, None]),
    }
    return TuningCurves(POSES, np.array([16.0, 32.0]), *both, variants)


@pytest.mark.parametrize("turn", [0.0, 30.0, 90.0, 180.0])
def test_pose_error_of_a_turned_unit(turn):
    made = curves(bump(340), bump(340 + turn))
    (theirs,), (ours,) = figures(made, trained=True), figures(made, trained=False)
    assert turn_deg(ours.preferred_deg, theirs.preferred_deg) == pytest.approx(turn, abs=SAMPLED)


def test_figures_take_each_side_for_itself():
    made = curves(bump(10, 15), bump(200, 40), dark=0.25)
    (theirs,), (ours,) = figures(made, trained=True), figures(made, trained=False)
    assert (theirs.width_deg, ours.width_deg) == pytest.approx((FWHM * 15, FWHM * 40), rel=CHORDS)
    assert theirs.invariance == pytest.approx({"bright line": 1, "dark line": 1})
    assert ours.invariance == pytest.approx({"bright line": 1, "dark line": 0.25})


def test_invariance_of_a_silent_unit_is_nan():
    (ours,) = figures(curves(bump(10), np.zeros(36)), trained=False)
    assert all(map(math.isnan, ours.invariance.values()))


@pytest.mark.parametrize("turn", [0.0, 30.0, 60.0])
def test_a_bar_has_its_direction_mod_180_and_its_echo_at_a_right_angle(turn):
    def both_ways(at, sigma=10.0):
        return bump(at, sigma) + bump(at + 180, sigma)

    made = curves(both_ways(340), both_ways(340 + turn) + 0.3 * both_ways(340 + turn + 90))
    (theirs,), (ours,) = (
        figures(replace(made, probe=BARS), trained=side) for side in (True, False)
    )
    assert turn_deg(2 * ours.preferred_deg, 2 * theirs.preferred_deg) / 2 == pytest.approx(
        turn, abs=SAMPLED
    )
    assert theirs.preferred_deg == pytest.approx(160, abs=SAMPLED)
    assert ours.width_deg == pytest.approx(FWHM * 10, rel=0.05)
    assert theirs.echo < 1e-3 < 0.05 < ours.echo
    assert math.isnan(
        figures(made, trained=True)[0].preferred_deg
    )  # by an arc's measure it points nowhere


@pytest.mark.parametrize("trained", [True, False])
def test_figures_response_that_is_nan_is_refused(trained):
    whole = bump(40)
    broken = np.where(np.arange(len(whole)) == 3, np.nan, whole)
    pair = (broken, whole) if trained else (whole, broken)
    side = "trained" if trained else "handwritten"
    with pytest.raises(WorkbenchError, match=f"a {side} unit's response"):
        figures(curves(*pair), trained=trained)


def test_the_stimulus_of_the_largest_difference():
    flat, (dark, line) = np.zeros((36, 3)), (np.ones((36, 3)), np.zeros((36, 3)))
    trained = np.stack([flat, dark * 2])  # the second radius is preferred
    handwritten = trained.copy()
    handwritten[0, 3, 0] = 1.5  # unit 0: at the other radius
    fill = dark * 4
    drawn = fill.copy()
    drawn[7, 1] = 1.0  # unit 1: on the fill
    trained[:, :, 2] = line[:, 2]  # unit 2 never responds
    fill[:, 2] = 0
    variants = {"bright": (trained[1],) * 2, "dark": (trained[1],) * 2, "fill": (fill, drawn)}
    curves = TuningCurves(POSES, np.array([16.0, 32.0]), trained, handwritten, variants)
    first, second, silent = largest_differences(curves)
    assert first == StimulusDifference("mean of bright and dark", 16.0, 30.0, 0.0, 1.5 / 4)
    assert second == StimulusDifference("fill", 32.0, 70.0, 1.0, 0.25)
    assert silent is None
    one = replace(curves, radius_px=POSES[:1], trained=trained[1:], handwritten=trained[1:])
    assert largest_differences(one)[1] == replace(second, radius_px=None)
