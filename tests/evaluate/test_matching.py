"""Matching by tuning: what is alike is found, what only likes the same kinds of stimuli is not."""

import numpy as np
import pytest

from workbench.evaluate.matching import THRESHOLDS, Answers, Group, best_units, correlation, nearest, within_groups

DIRECTIONS_DEG = np.arange(0.0, 360.0, 15.0)
GROUPS = tuple(Group(name, tuple(DIRECTIONS_DEG)) for name in ("thin", "thick"))
ROUNDING = 1e-12  # of sums of some fifty products


def bump(pose_deg: float, loudness: tuple[float, float] = (1.0, 0.5)) -> np.ndarray:
    """Answers of a unit that wants a direction, so loud to each group."""
    turn = np.maximum(0, np.cos(np.radians(DIRECTIONS_DEG - pose_deg))) ** 2
    return np.concatenate([level * turn for level in loudness])


def answers(trained: list[np.ndarray], **families: list[np.ndarray]) -> Answers:
    return Answers(GROUPS, {"site": np.stack(trained, 1)}, {name: np.stack(units, 1) for name, units in families.items()})


QUARTERS = [bump(pose_deg) for pose_deg in (0, 90, 180, 270)]
WIDE = [np.concatenate([np.cos(np.radians(DIRECTIONS_DEG - pose)) + 1] * 2) for pose in (0, 180)]


def test_each_unit_is_nearest_to_the_family_unit_that_it_copies_whatever_its_gain_and_bias():
    copies = [3 + 7 * QUARTERS[2], 0.01 * QUARTERS[0], WIDE[1] - 5]
    found = nearest(answers(copies, quarter=QUARTERS, wide=WIDE))["site"]
    assert found.family.tolist() == [0, 0, 1]
    assert found.pose.tolist() == [2, 0, 1]
    assert found.tuning == pytest.approx(1, abs=ROUNDING)
    assert found.direction == pytest.approx(1, abs=ROUNDING)
    assert found.corresponds.all()


def test_a_unit_that_turns_its_back_or_never_answers_corresponds_to_nothing():
    found = nearest(answers([-QUARTERS[0], np.zeros(48), np.full(48, 0.3)], quarter=QUARTERS[:1]))["site"]
    assert found.tuning == pytest.approx([-1, 0, 0], abs=ROUNDING)
    assert not found.corresponds.any()


def test_to_like_the_same_kinds_of_stimuli_in_any_direction_is_not_enough():
    """The family likes thin stimuli far more than thick ones, and so does a unit that does not care for their direction."""
    family = [10 * np.repeat([1.0, 0.0], 24) + bump(pose_deg) for pose_deg in (0, 120, 240)]
    blind = np.repeat([1.0, 0.0], 24) + 0.01 * bump(45, (1.0, 1.0))
    found = nearest(answers([blind, family[1]], sided=family))["site"]
    assert (found.tuning >= THRESHOLDS["tuning"]).all()
    assert found.corresponds.tolist() == [False, True]


def test_within_groups_takes_each_groups_mean_away():
    made = answers([QUARTERS[0] + np.repeat([5.0, -2.0], 24)], quarter=QUARTERS)
    left = within_groups(made, made.sites["site"])
    assert left[:24].mean() == pytest.approx(0, abs=ROUNDING)
    assert left[24:].mean() == pytest.approx(0, abs=ROUNDING)
    assert np.ptp(left) > 0.9


def test_correlation_is_numpys():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(48, 3)), generator.normal(size=(48, 2))
    assert correlation(a, b) == pytest.approx(np.corrcoef(a.T, b.T)[:3, 3:], abs=ROUNDING)


def test_the_best_trained_unit_of_each_family_unit_is_sought_at_every_site():
    made = Answers(GROUPS, {"one": np.stack(QUARTERS[:2], 1), "two": np.stack(QUARTERS[2:], 1)}, {"quarter": np.stack(QUARTERS, 1)})
    found = best_units(made)["quarter"]
    assert [(site, unit) for site, unit, _ in found] == [("one", 0), ("one", 1), ("two", 0), ("two", 1)]
    assert [tuning for *_, tuning in found] == pytest.approx([1] * 4, abs=ROUNDING)
