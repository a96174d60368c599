"""Tuning curves on the planted host, whose preferred directions are known."""

import numpy as np
import pytest

from tests.planted import EDGES, STRAIGHT, THEORY, UNITS, planted
from workbench.compiler import compile_spec
from workbench.evaluate.calibration import stream_inputs
from workbench.score.tuning import figures, turn_deg
from workbench.spec import theory_from_text
from workbench.spec.pose import direction_deg
from workbench.splice.calibrate import calibrate, with_random_readout
from workbench.vision.pictures.drawn import drawn
from workbench.vision.stimuli import Textures, texture_edge
from workbench.vision.tuning import (
    ARCS,
    BARS,
    COLOUR_EDGES,
    HUED_SPOTS,
    RADII_PX,
    VARIANTS,
    TuningCurves,
    hue_rgb,
    over_variants,
    probe_of,
    stimuli_count,
    tuning,
)

STEP_DEG = 20
# of activations up to 20: calibration tries thresholds at drives that it saw, so a gain is right to
# half a percent
SAME = 0.05
# the planted gabors have 6 orientations and the grid 8 px: the circuit is not the same in every
# direction
ABOUT_DEG = 8.0
# a spot's drive is that of each channel and polarity, rectified, so its peak is near the hue only
HUE_DEG = 30.0


def curves_of(turn_deg: float) -> tuple[TuningCurves, tuple[float, ...], list[int]]:
    """Curves of a circuit whose poses are all turned, the poses of the trained units, and the
    progress.
    """
    host, trained, spec = planted()
    units = [
        unit.model_copy(update={"centre_deg": (unit.centre_deg + turn_deg) % 360})
        for unit in trained.units
    ]
    circuits = {
        "spliced": compile_spec(spec, trained.model_copy(update={"units": tuple(units)}), host)
    }
    circuits["random"] = with_random_readout(circuits["spliced"], 0)
    splices = calibrate(circuits, stream_inputs(host, circuits, drawn(4, seed=1)))
    steps: list[int] = []
    return (
        tuning(host, splices, steps.append, STEP_DEG),
        tuple(unit.centre_deg for unit in trained.units),
        steps,
    )


@pytest.fixture(scope="module")
def right() -> tuple[TuningCurves, tuple[float, ...], list[int]]:
    return curves_of(0)


def test_the_right_circuit_is_tuned_as_the_trained_one(right):
    curves, poses, _ = right
    assert curves.trained.shape == (len(RADII_PX), 360 // STEP_DEG, len(poses))
    assert curves.handwritten == pytest.approx(curves.trained, rel=0.01, abs=SAME)
    assert curves.variants.keys() == VARIANTS.keys()
    for theirs, ours in curves.variants.values():
        assert ours == pytest.approx(theirs, rel=0.01, abs=SAME)


def test_preferred_directions_are_the_planted_ones(right):
    curves, poses, _ = right
    for unit, pose in zip(figures(curves, trained=True), poses, strict=True):
        assert turn_deg(unit.preferred_deg, pose) < ABOUT_DEG


def test_every_stimulus_is_counted(right):
    assert sum(right[2]) == stimuli_count(STEP_DEG) == (2 * 4 + 3) * 18


def test_stimuli_differ(right):
    """Phases are pooled, so polarity hardly matters to this circuit; a filled shape and other
    colours do.
    """
    line = right[0].variants["bright line"][0]
    for name in ("bright fill", "dark fill", "red on green"):
        assert np.abs(right[0].variants[name][0] - line).max() > 0.1, name


def test_a_circuit_turned_by_30_degrees_has_that_pose_error():
    curves, *_ = curves_of(30)
    pairs = zip(figures(curves, trained=False), figures(curves, trained=True), strict=True)
    errors = [turn_deg(ours.preferred_deg, theirs.preferred_deg) for ours, theirs in pairs]
    assert np.mean(errors) == pytest.approx(30, abs=ABOUT_DEG / 2)
    assert max(errors) < 30 + ABOUT_DEG


ONE_SIDE = STRAIGHT.replace(
    "along: line, spread_px: 4, extent_px: 10", "along: inside, spread_px: 4, distance_px: 10"
)


BY_COLOUR = THEORY.replace(
    "phase_deg: {every: 90, over: 180}}", "channel: [luma, red-green]}"
).replace("match: tangent, tolerance_deg: 20", "match: tangent, tolerance_deg: 20, colour: same")


@pytest.mark.parametrize(
    ("text", "probe"),
    [
        (THEORY, ARCS),
        (STRAIGHT, BARS),
        (ONE_SIDE, ARCS),
        (EDGES, ARCS),
        (BY_COLOUR, COLOUR_EDGES),
    ],
)
def test_what_is_turned_follows_from_the_theory(text, probe):
    assert probe_of(theory_from_text(text).theory) is probe


BY_SPOTS = """\
theory: spots
families:
  spot:
    poses: {phase_deg: {every: 180, over: 360}, channel: [luma, red-green, blue-yellow]}
    stride_px: 2
    window_px: 15
    reads:
      input: [{kernel: blob, sigma_px: 2}, {kernel: blob, sigma_px: 5, gain: -0.9}]
    pool: {over_px: 6, stride_px: 4}
  curve:
    poses: from-circuit
    window_px: 20
    reads:
      spot: {along: point, spread_px: 3, match: any, colour: same, by: {phase_deg: [1, -1]}}
"""
BLOBS = """\
theory: blobs
families:
  blob:
    poses: from-circuit
    window_px: 9
    reads: {input: {kernel: blob, sigma_px: 2}}
"""


@pytest.mark.parametrize("text", [BY_SPOTS, BLOBS])
def test_a_round_family_is_shown_spots_of_all_hues(text):
    assert probe_of(theory_from_text(text).theory) is HUED_SPOTS


def test_a_unit_that_prefers_one_colour_of_edge_has_the_curve_of_that():
    red, bright = np.array([[4.0, 0], [1, 0]]), np.array([[0.0, 5], [3, 0]])
    curves = [red + 10, red + 20, bright + 30]
    chosen = over_variants(COLOUR_EDGES, [red, red, bright], curves)
    np.testing.assert_array_equal(chosen, np.stack([curves[0][:, 0], curves[2][:, 1]], 1))
    mean = over_variants(ARCS, [red, bright], [red, bright])
    np.testing.assert_array_equal(mean, [[2, 2.5], [2, 0]])


def test_hues_go_round_the_opponent_colours():
    red, blue, green, yellow = (hue_rgb(hue_deg) for hue_deg in (0, 90, 180, 270))
    np.testing.assert_allclose(red, (60, -60, 0), atol=1e-9)
    np.testing.assert_allclose(blue, (-30, -30, 60), atol=1e-9)
    np.testing.assert_allclose((green, yellow), (-red, -blue), atol=1e-9)


MIXTURES = ((0.1, 0.9, 0.0), (0.0, -0.2, 0.8), (0.1, -0.5, -0.4), (0.2, 0.3, -0.5))


@pytest.fixture(scope="module")
def hued():
    units = [
        unit.model_copy(update={"centre_deg": None, "mixture": mixture})
        for unit, mixture in zip(UNITS, MIXTURES, strict=False)
    ]
    host, trained, spec = planted(BY_SPOTS, units)
    circuits = {"spliced": compile_spec(spec, trained, host)}
    circuits["random"] = with_random_readout(circuits["spliced"], 0)
    splices = calibrate(circuits, stream_inputs(host, circuits, drawn(2, seed=1)))
    return tuning(host, splices, step_deg=STEP_DEG, probe=HUED_SPOTS), trained


@pytest.mark.parametrize("side", [True, False])
def test_a_unit_prefers_spots_of_the_hue_of_its_mixture(hued, side):
    curves, trained = hued
    for tuned, unit in zip(figures(curves, trained=side), trained.units, strict=True):
        assert turn_deg(tuned.preferred_deg, direction_deg(unit.pose)) < HUE_DEG
        assert tuned.echo < 0.1


def test_a_spot_that_fills_the_units_drives_them_less(hued):
    by_radius = hued[0].trained.max(1)
    assert (by_radius[-1] < 0.8 * by_radius.max(0)).all()


TEXTURES = """\
theory: textures
families:
  fine:
    poses: {orientation_deg: {every: 30, over: 180}, phase_deg: {every: 90, over: 180}}
    stride_px: 2
    window_px: 9
    reads: {input: {kernel: gabor, wavelength_px: 4, sigma_px: 1.5}}
    rectify: full
    pool: {over_px: 6, stride_px: 4}
  coarse:
    poses: {orientation_deg: {every: 30, over: 180}, phase_deg: {every: 90, over: 180}}
    stride_px: 4
    window_px: 17
    reads: {input: {kernel: gabor, wavelength_px: 12, sigma_px: 4}}
    rectify: full
  curve:
    poses: from-circuit
    window_px: 40
    ideal: {fine_px: 4, coarse_px: 12}
    reads:
      fine:
        - {along: inside, distance_px: 8, spread_px: 5, match: any}
        - {along: outside, distance_px: 8, spread_px: 5, match: any, gain: -1}
      coarse: {along: outside, distance_px: 8, spread_px: 5, match: any, gain: 0.3}
"""


def test_edges_between_the_textures_of_the_ideal_stimulus_are_turned():
    host, trained, spec = planted(TEXTURES)
    probe, at = probe_of(spec.theory), (40.0, 44.0)
    assert (probe.name, probe.turns, len(probe.radii_px)) == ("texture edge", 1, 1)
    draw, front, back = next(iter(probe.variants.values()))
    drawn_edge = draw(96, at, 30.0, 9.0, foreground=front, background=back)
    np.testing.assert_array_equal(drawn_edge, texture_edge(96, at, 30.0, Textures(4, 12)))
    circuits = {"spliced": compile_spec(spec, trained, host)}
    circuits["random"] = with_random_readout(circuits["spliced"], 0)
    curves = tuning(
        host,
        calibrate(circuits, stream_inputs(host, circuits, drawn(2, seed=1))),
        step_deg=STEP_DEG,
        probe=probe,
    )
    for side in (True, False):
        for unit, pose in zip(figures(curves, trained=side), trained.units, strict=True):
            assert turn_deg(unit.preferred_deg, pose.centre_deg) < ABOUT_DEG
    first, inverse, *others = (float(responses.max()) for responses, _ in curves.variants.values())
    assert inverse == pytest.approx(first, rel=SAME)  # this theory pools polarity, and nothing else
    assert len({first, *others}) == 4


def test_bars_are_the_same_after_half_a_turn():
    host, trained, spec = planted(STRAIGHT)
    circuits = {"spliced": compile_spec(spec, trained, host)}
    circuits["random"] = with_random_readout(circuits["spliced"], 0)
    curves = tuning(
        host,
        calibrate(circuits, stream_inputs(host, circuits, drawn(2, seed=1))),
        step_deg=30,
        probe=BARS,
    )
    first, second = curves.trained[0, :6], curves.trained[0, 6:]
    assert curves.trained.shape == (1, 12, len(trained.units))
    np.testing.assert_allclose(second, first, atol=SAME)
    assert np.ptp(first, axis=0).max() > 1
    for unit, pose in zip(figures(curves, trained=True), trained.units, strict=True):
        assert turn_deg(2 * unit.preferred_deg, 2 * pose.centre_deg) / 2 < 2 * ABOUT_DEG
