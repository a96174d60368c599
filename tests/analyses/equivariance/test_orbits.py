"""Orbits: a prototype never contains the unit that it explains, and only copies share one."""

import numpy as np
import pytest

from workbench.analyses.equivariance.orbits import Orbit, alike, alone, numbers, orbit, orbits
from workbench.analyses.equivariance.responses import Turned
from workbench.analyses.equivariance.view import (
    HUE,
    PERMUTATIONS,
    REFLECTION,
    ROTATION,
    SCALE,
    Evidence,
    _permuted,
    view_score,
)
from workbench.splice.calibrate import derangement
from workbench.vision.geometry.frames import Frames, Tables, mirrored, resized, turned

ROUNDING = 1e-9
ROWS = 40
TURNS_DEG = np.arange(0.0, 360.0, 15.0)
OCTAVES = np.arange(-2.0, 2.01, 0.5)
SIX = tuple(f"planted:{i}" for i in range(6))


def tables(rows: np.ndarray) -> Tables:
    """Rows whose mirror image is the same in the opposite order."""
    return Tables(rows, rows[:, ::-1])


def noisy(rng, prototype, units: int, noise: float) -> np.ndarray:
    return prototype + noise * rng.normal(size=(units, len(prototype)))


def test_orbit_explained_is_the_fit_of_the_other_units_mean():
    rng = np.random.default_rng(0)
    rows = noisy(rng, rng.normal(size=ROWS), 5, 0.8)
    rows[3] *= -1
    standard = (rows - rows.mean(1, keepdims=True)) / rows.std(1, keepdims=True)
    explained = orbit(alike(tables(rows), reflect=False), np.arange(5)).explained
    for i in range(5):
        prototype = np.delete(standard, i, 0).mean(0)
        gain = max(0.0, prototype @ standard[i] / (prototype @ prototype))
        assert explained[i] == pytest.approx(
            1 - ((standard[i] - gain * prototype) ** 2).mean(), abs=ROUNDING
        )
    assert explained[3] == 0  # the opposite of the others is no copy


def test_orbit_of_unlike_units_explains_nothing():
    rows = np.random.default_rng(0).normal(size=(8, 4000))
    explained = orbit(alike(tables(rows), reflect=False), np.arange(8)).explained
    assert (
        explained.max() < 0.01
    )  # the mean of all eight, its rows part in it, would explain an eighth
    assert orbit(alike(tables(rows[:1]), False), np.arange(1)).explained.tolist() == [0]


def test_orbits_of_copies_are_one_and_of_unlike_units_one_each():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, ROWS))
    rows = np.concatenate(
        [noisy(rng, first, 4, 0.2), noisy(rng, second, 2, 0.2), rng.normal(size=(1, ROWS))]
    )
    divided = orbits(alike(tables(rows), reflect=False), 0.5)
    assert [each.members.tolist() for each in divided] == [[0, 1, 2, 3], [4, 5], [6]]


def test_orbits_of_mirrored_copies_are_one_only_with_reflection():
    rng = np.random.default_rng(2)
    rows = noisy(rng, rng.normal(size=ROWS), 6, 0.2)
    rows[[1, 4]] = rows[[1, 4], ::-1]
    assert len(orbits(alike(tables(rows), reflect=False), 0.5)) == 2
    (one,) = orbits(alike(tables(rows), reflect=True), 0.5)
    assert (one.side * one.side[0]).tolist() == [1, -1, 1, 1, -1, 1]


def test_numbers_of_a_known_prototype_are_counted():
    rows = np.zeros((1, 10))
    rows[0, :4] = 3, -2, 1, -2  # squares 9, 4, 1, 4 about a mean of 0
    one = Orbit(np.array([0]), np.array([1]), np.zeros(1))
    assert [numbers(tables(rows), one, share) for share in (0.4, 0.7, 0.8, 0.99)] == [1, 2, 3, 4]
    assert alone(tables(np.repeat(rows, 3, 0)), 0.8) == 9


def test_numbers_of_a_prototype_suffice_for_its_units_and_one_fewer_does_not():
    rng = np.random.default_rng(3)
    rows = noisy(rng, rng.normal(size=ROWS), 5, 0.5)
    one = orbit(alike(tables(rows), False), np.arange(5))
    count = numbers(tables(rows), one, 0.5)
    standard = rows - rows.mean(1, keepdims=True)
    standard /= np.linalg.norm(standard, axis=1, keepdims=True)
    prototype = standard.mean(0)
    kept = np.argsort(-np.abs(prototype), kind="stable")

    def explained(k: int) -> float:
        short = np.zeros(ROWS)
        short[kept[:k]] = prototype[kept[:k]]
        return float(((standard @ short / np.linalg.norm(short)) ** 2).min())

    assert explained(count) >= 0.5 > explained(count - 1)


def planted(turn_deg, octaves, side):
    """Units that are copies of one tuning, turned, of another size or mirrored; and their tables as
    a function of frames.
    """
    rng = np.random.default_rng(5)
    weight, phase = rng.normal(size=(2, 4)), rng.uniform(0, 6, (2, 4))

    def tuning(stimulus, octave, turn_deg):
        turn = np.radians(turn_deg)
        return sum(
            weight[stimulus, k] * np.cos(k * turn + phase[stimulus, k] + 2 * octave)
            for k in range(4)
        ) * np.exp(-(octave**2))

    values = np.zeros((2, len(OCTAVES), 24, 6))
    for stimulus, size, turn, unit in np.ndindex(values.shape):
        shown = stimulus if side[unit] > 0 else 1 - stimulus
        values[stimulus, size, turn, unit] = tuning(
            shown, OCTAVES[size] - octaves[unit], side[unit] * (TURNS_DEG[turn] - turn_deg[unit])
        )

    def in_frames(frames: Frames) -> Tables:
        sized = resized(values, OCTAVES, np.array([-0.5, 0.0, 0.5]), frames.octaves)
        seen = turned(sized, frames.turn_deg)
        return Tables(*(each.reshape(-1, 6).T for each in (seen, mirrored(seen, np.array([1, 0])))))

    return Frames(
        np.asarray(turn_deg, float), np.asarray(octaves, float), np.array([[1.0, 0, 0]] * 6)
    ), in_frames


APART_DEG = (0, 40, 100, 190, 230, 310)
SIZES = (0.0, 0.5, -0.5, 1.0, -1.0, 0.0)
SIDES = (1, -1, 1, -1, -1, -1)


@pytest.mark.parametrize(
    ("octaves", "side", "prototypes"),
    [
        ((0,) * 6, (1,) * 6, (6, 1, 1, 1)),
        ((0,) * 6, SIDES, (6, 2, 1, 1)),
        (SIZES, (1,) * 6, (6, 5, 5, 1)),
        (SIZES, SIDES, (6, 6, 5, 1)),
    ],
)
def test_view_score_each_part_has_its_planted_worth(octaves, side, prototypes):
    frames, in_frames = planted(APART_DEG, octaves, side)
    view = view_score(
        "planted", SIX, frames, Evidence(in_frames, (ROTATION, REFLECTION, SCALE)), tolerance=0.9
    )
    assert [part.parts for part in view.parts] == [
        (),
        (ROTATION,),
        (ROTATION, REFLECTION),
        (ROTATION, REFLECTION, SCALE),
    ]
    assert view.parts[-1].prototypes == prototypes[-1]
    assert tuple(part.prototypes for part in view.parts) == prototypes
    assert view.explained.value > 0.99
    assert view.turned
    assert view.p == pytest.approx(1 / 121)  # six units have 120 rings
    assert view.permuted.value < 0.6
    assert view.simpler["units_each"] == 6
    worth = np.prod([part.worth for part in view.parts])
    assert worth == pytest.approx(prototypes[0] / prototypes[-1])


def test_view_score_wrong_poses_are_refuted():
    frames, in_frames = planted(APART_DEG, (0,) * 6, (1,) * 6)
    wrong = frames.permuted(np.array([3, 0, 5, 1, 2, 4]))  # no turn of all alike
    view = view_score(
        "planted", SIX, wrong, Evidence(in_frames, (ROTATION, REFLECTION)), tolerance=0.9
    )
    assert not view.turned
    assert view.p > 0.05
    assert view.explained.value < 0.6
    assert len(view.orbits) > 1


def test_view_score_unlike_units_have_no_prototype():
    rows = np.random.default_rng(0).normal(size=(6, ROWS))
    frames = Frames(np.array(APART_DEG, float), np.zeros(6), np.array([[1.0, 0, 0]] * 6))
    view = view_score(
        "noise", SIX, frames, Evidence(lambda frames: tables(rows), (ROTATION, REFLECTION, HUE))
    )
    assert [part.prototypes for part in view.parts] == [6] * 4
    assert not view.turned
    assert view.simpler == {"units_each": 1.0, "numbers": 1.0}


def test_permuted_equals_a_plain_loop():
    frames, in_frames = planted(APART_DEG, SIZES, SIDES)
    permuted, p = _permuted(frames, in_frames, True, 3)
    orders = [derangement(6, 3 + i).numpy() for i in range(PERMUTATIONS)]
    known = {
        order: orbit(
            alike(in_frames(frames.permuted(np.array(order))), True), np.arange(6)
        ).explained.mean()
        for order in set(map(tuple, orders))
    }
    slow = np.array([known[tuple(order)] for order in orders])
    assert permuted.value == pytest.approx(slow.mean(), abs=ROUNDING)
    np.testing.assert_allclose(permuted.ci95, np.percentile(slow, (2.5, 97.5)), atol=ROUNDING)
    assert p == pytest.approx(1 / 121)


def test_view_score_two_units_is_not_significant():
    rng = np.random.default_rng(0)
    rows = noisy(rng, rng.normal(size=ROWS), 2, 0.1)

    def in_frames(frames: Frames) -> Tables:
        return tables(
            rows
            + 3 * np.abs(frames.turn_deg - np.array([0, 40]))[:, None] * rng.normal(size=rows.shape)
        )

    frames = Frames(np.array([0.0, 40.0]), np.zeros(2), np.array([[1.0, 0, 0]] * 2))
    view = view_score("two", SIX[:2], frames, Evidence(in_frames, (ROTATION,)))
    assert view.explained.value > 0.9
    assert view.permuted.value < 0.5
    assert (view.p, view.turned) == (0.5, False)


def test_view_score_common_preference_does_not_count_as_turning():
    """Units that answer one drawing more than the other at every turn, and nothing else that they
    share.
    """
    rng = np.random.default_rng(0)
    values = 0.3 * rng.normal(size=(4, 1, 24, 6)) + np.array([0.0, 1, 2, 3])[:, None, None, None]
    seen = Turned(tuple("abcd"), np.arange(4), np.zeros(1), values)
    frames = Frames(np.array(APART_DEG, float), np.zeros(6), np.array([[1.0, 0, 0]] * 6))
    view = view_score(
        "kinds", SIX, frames, Evidence(seen.tables, (ROTATION,), turning=seen.turning.tables)
    )
    assert view.explained.value > 0.9
    assert view.turning.value < 0.1
    assert not view.turned
