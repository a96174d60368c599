"""Matching by tuning, which must be alike in direction too and not only in kinds of stimuli."""

import numpy as np
import pytest

from workbench.matching.nearest import (
    THRESHOLDS,
    Answers,
    Group,
    best_units,
    correlation,
    nearest,
    within_groups,
)

DIRECTIONS_DEG = np.arange(0.0, 360.0, 15.0)
GROUPS = tuple(Group(name, tuple(DIRECTIONS_DEG)) for name in ("thin", "thick"))
ROUNDING = 1e-12  # of sums of some fifty products


def bump(pose_deg: float, loudness: tuple[float, float] = (1.0, 0.5)) -> np.ndarray:
    """Answers of a unit that wants a direction, so loud to each group."""
    turn = np.maximum(0, np.cos(np.radians(DIRECTIONS_DEG - pose_deg))) ** 2
    return np.concatenate([level * turn for level in loudness])


def answers(trained: list[np.ndarray], **families: list[np.ndarray]) -> Answers:
    return Answers(
        GROUPS,
        {"site": np.stack(trained, 1)},
        {name: np.stack(units, 1) for name, units in families.items()},
    )


QUARTERS = [bump(pose_deg) for pose_deg in (0, 90, 180, 270)]
WIDE = [np.concatenate([np.cos(np.radians(DIRECTIONS_DEG - pose)) + 1] * 2) for pose in (0, 180)]


def test_nearest_to_a_copy_is_its_family_unit_for_any_gain_and_bias():
    copies = [3 + 7 * QUARTERS[2], 0.01 * QUARTERS[0], WIDE[1] - 5]
    match = nearest(answers(copies, quarter=QUARTERS, wide=WIDE))["site"]
    assert match.family.tolist() == [0, 0, 1]
    assert match.pose.tolist() == [2, 0, 1]
    assert match.tuning == pytest.approx(1, abs=ROUNDING)
    assert match.direction == pytest.approx(1, abs=ROUNDING)
    assert match.corresponds.all()


def test_nearest_of_an_opposite_or_silent_unit_does_not_correspond():
    match = nearest(answers([-QUARTERS[0], np.zeros(48), np.full(48, 0.3)], quarter=QUARTERS[:1]))[
        "site"
    ]
    assert match.tuning == pytest.approx([-1, 0, 0], abs=ROUNDING)
    assert not match.corresponds.any()


def test_nearest_of_a_unit_without_direction_does_not_correspond():
    """The family likes thin stimuli far more than thick ones, and so does a unit that does not care
    for their direction.
    """
    family = [10 * np.repeat([1.0, 0.0], 24) + bump(pose_deg) for pose_deg in (0, 120, 240)]
    blind = np.repeat([1.0, 0.0], 24) + 0.01 * bump(45, (1.0, 1.0))
    match = nearest(answers([blind, family[1]], sided=family))["site"]
    assert (match.tuning >= THRESHOLDS["tuning"]).all()
    assert match.corresponds.tolist() == [False, True]


def test_within_groups_has_mean_0_in_each_group():
    made = answers([QUARTERS[0] + np.repeat([5.0, -2.0], 24)], quarter=QUARTERS)
    left = within_groups(made, made.sites["site"])
    assert left[:24].mean() == pytest.approx(0, abs=ROUNDING)
    assert left[24:].mean() == pytest.approx(0, abs=ROUNDING)
    assert np.ptp(left) > 0.9


def test_correlation_equals_numpy():
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(48, 3)), generator.normal(size=(48, 2))
    assert correlation(a, b) == pytest.approx(np.corrcoef(a.T, b.T)[:3, 3:], abs=ROUNDING)


def test_best_units_searches_every_site():
    made = Answers(
        GROUPS,
        {"one": np.stack(QUARTERS[:2], 1), "two": np.stack(QUARTERS[2:], 1)},
        {"quarter": np.stack(QUARTERS, 1)},
    )
    best = best_units(made)["quarter"]
    assert [(site, unit) for site, unit, _ in best] == [
        ("one", 0),
        ("one", 1),
        ("two", 0),
        ("two", 1),
    ]
    assert [tuning for *_, tuning in best] == pytest.approx([1] * 4, abs=ROUNDING)
