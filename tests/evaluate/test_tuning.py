"""Tuning curves on the planted host, whose preferred directions are known."""

import numpy as np
import pytest

from tests.planted import planted
from workbench.compiler import compile_spec
from workbench.evaluate.run import scenes
from workbench.evaluate.tuning import RADII_PX, VARIANTS, TuningCurves, stimuli_count, tuning
from workbench.pictures.drawn import drawn
from workbench.score.tuning import figures, turn_deg
from workbench.splice.calibrate import calibrate, with_random_readout

STEP_DEG = 20
SAME = 0.05  # of activations up to 20: calibration tries thresholds at drives that it saw, so a gain is right to half a percent
ABOUT_DEG = 8.0  # the planted gabors have 6 orientations and the grid 8 px: the circuit is not the same in every direction


def curves_of(turn_deg: float) -> tuple[TuningCurves, tuple[float, ...], list[int]]:
    """Curves of a circuit whose poses are all turned, the poses of the trained units, and the progress."""
    host, trained, spec = planted()
    units = [unit.model_copy(update={"centre_deg": (unit.centre_deg + turn_deg) % 360}) for unit in trained.units]
    circuits = {"spliced": compile_spec(spec, trained.model_copy(update={"units": tuple(units)}), host)}
    circuits["random"] = with_random_readout(circuits["spliced"], 0)
    splices = calibrate(circuits, scenes(host, circuits, drawn(4, seed=1)))
    steps: list[int] = []
    return tuning(host, splices, steps.append, STEP_DEG), tuple(unit.centre_deg for unit in trained.units), steps


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
    """Phases are pooled, so polarity hardly matters to this circuit; a filled shape and other colours do."""
    line = right[0].variants["bright line"][0]
    for name in ("bright fill", "dark fill", "red on green"):
        assert np.abs(right[0].variants[name][0] - line).max() > 0.1, name


def test_a_circuit_turned_by_30_degrees_has_that_pose_error():
    curves, *_ = curves_of(30)
    pairs = zip(figures(curves, trained=False), figures(curves, trained=True), strict=True)
    errors = [turn_deg(ours.preferred_deg, theirs.preferred_deg) for ours, theirs in pairs]
    assert np.mean(errors) == pytest.approx(30, abs=ABOUT_DEG / 2)
    assert max(errors) < 30 + ABOUT_DEG
