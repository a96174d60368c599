"""Drawn stimuli turn with their direction, and units get the label that their answers give."""

import numpy as np
import pytest

from workbench.analyses.propose.site.answers import answer
from workbench.analyses.propose.site.kinds import DRAWINGS, KINDS, directions
from workbench.analyses.propose.site.labels import OTHER, Labels, labels, preferred_deg

SIDE, MIDDLE = 49, (24.0, 24.0)


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda each: f"{each.draw.__name__}{each.words}")
def test_a_drawing_turned_by_90_degrees_is_the_picture_turned(drawing):
    """From +x to +y: clockwise as pictures are shown. Noise alone has no direction to turn."""
    words = dict(drawing.words)
    first, second = drawing.draw(SIDE, MIDDLE, np.array([20.0, 110.0]), **words)
    if drawing.draw.__name__ == "noise":
        assert np.array_equal(first, second)
    else:
        np.testing.assert_allclose(second, np.rot90(first, -1), atol=0.05)
    again = drawing.draw(SIDE, MIDDLE, np.array([20.0 + drawing.period_deg]), **words)[0]
    np.testing.assert_allclose(again, first, atol=0.05)


def silent() -> dict[str, np.ndarray]:
    """Answers of one unit, 0.1 to everything."""
    return {
        kind.name: np.full((len(directions(kind.period_deg)), 1), 0.1) for kind in KINDS.values()
    }


def test_a_unit_is_named_after_what_it_answers_most_at_its_direction():
    answers = silent()
    answers["curve"][:, 0] = np.clip(np.cos(np.radians(np.arange(0, 360, 15) - 75)), 0, 1) * 3
    named = labels(answers, np.array([2.0]))
    assert named.family == ("curve",)
    assert named.normal_deg[0] == pytest.approx(75)
    assert named.period_deg[0] == 360
    assert named.peak[0] == pytest.approx(3)


def test_a_unit_without_a_best_direction_is_named_after_a_round_stimulus():
    answers = silent()
    answers["edge"][:] = 1.0
    answers["spot-bright"][:] = 0.9
    named = labels(answers, np.array([1.0]))
    assert (named.family, named.period_deg[0]) == (("spot-bright",), 0)


def test_a_unit_that_answers_photographs_alone_is_of_no_kind():
    assert labels(silent(), np.array([5.0])).family == (OTHER,)


def test_a_grating_names_a_unit_that_answers_every_phase_and_a_gabor_one_that_does_not():
    kind, gabor = KINDS["grating-8"], KINDS["gabor-bright-8"]
    ((bright, dark, odd),) = kind.variants
    for worst, better in ((1.0, kind), (0.2, gabor)):
        values = {bright: np.ones((12, 1)), odd: np.ones((24, 1)), dark: np.full((12, 1), worst)}
        scores = {each.name: each.weight * answer(each, values).max() for each in (kind, gabor)}
        assert max(scores, key=scores.get) == better.name


def test_preferred_directions_are_between_those_that_are_drawn():
    curve = np.clip(np.cos(np.radians(2 * (np.arange(0, 180, 15) - 52))), 0, 1)
    assert preferred_deg(curve, 180) == pytest.approx(52, abs=4)


def test_permuted_labels_are_the_same_labels_on_other_units_whose_peaks_stay():
    given = Labels(
        ("a", "b", "b"), np.array([0, 180, 180.0]), np.array([0, 10, 20.0]), np.arange(3.0)
    )
    wrong = given.permuted(1)
    assert sorted(wrong.family) == sorted(given.family)
    assert sorted(wrong.normal_deg) == sorted(given.normal_deg)
    assert list(wrong.peak) == [0, 1, 2]
    assert given.bits > given.without_poses().bits
