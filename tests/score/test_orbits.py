"""Orbits: a prototype never contains the unit that it explains, copies are found, and what is no copy is not."""

import numpy as np
import pytest

from workbench.evaluate.turned import Turned
from workbench.score.equivariance import HUE, PERMUTATIONS, REFLECTION, ROTATION, SCALE, Evidence, _permuted, view_score
from workbench.score.orbits import Orbit, alike, alone, numbers, orbit, orbits
from workbench.splice.calibrate import derangement
from workbench.theory.frames import Frames, Tables, mirrored, resized, turned

ROUNDING = 1e-9
ROWS = 40
TURNS_DEG = np.arange(0.0, 360.0, 15.0)
OCTAVES = np.arange(-2.0, 2.01, 0.5)
SIX = tuple(f"planted:{i}" for i in range(6))


def tables(own: np.ndarray) -> Tables:
    """Rows whose mirror image is the same in the opposite order."""
    return Tables(own, own[:, ::-1])


def noisy(rng, prototype, units: int, noise: float) -> np.ndarray:
    return prototype + noise * rng.normal(size=(units, len(prototype)))


def test_explained_is_the_fit_of_the_other_units_mean():
    rng = np.random.default_rng(0)
    own = noisy(rng, rng.normal(size=ROWS), 5, 0.8)
    own[3] *= -1
    standard = (own - own.mean(1, keepdims=True)) / own.std(1, keepdims=True)
    found = orbit(alike(tables(own), reflect=False), np.arange(5)).explained
    for i in range(5):
        prototype = np.delete(standard, i, 0).mean(0)
        gain = max(0.0, prototype @ standard[i] / (prototype @ prototype))
        assert found[i] == pytest.approx(1 - ((standard[i] - gain * prototype) ** 2).mean(), abs=ROUNDING)
    assert found[3] == 0  # the opposite of the others is no copy


def test_a_unit_does_not_explain_itself():
    own = np.random.default_rng(0).normal(size=(8, 4000))
    found = orbit(alike(tables(own), reflect=False), np.arange(8)).explained
    assert found.max() < 0.01  # the mean of all eight, its own part in it, would explain an eighth
    assert orbit(alike(tables(own[:1]), False), np.arange(1)).explained.tolist() == [0]


def test_copies_are_one_orbit_and_strangers_are_orbits_of_one():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, ROWS))
    own = np.concatenate([noisy(rng, first, 4, 0.2), noisy(rng, second, 2, 0.2), rng.normal(size=(1, ROWS))])
    found = orbits(alike(tables(own), reflect=False), 0.5)
    assert [each.members.tolist() for each in found] == [[0, 1, 2, 3], [4, 5], [6]]


def test_mirrored_copies_are_found_only_where_they_may_be_mirrored():
    rng = np.random.default_rng(2)
    own = noisy(rng, rng.normal(size=ROWS), 6, 0.2)
    own[[1, 4]] = own[[1, 4], ::-1]
    assert len(orbits(alike(tables(own), reflect=False), 0.5)) == 2
    (found,) = orbits(alike(tables(own), reflect=True), 0.5)
    assert (found.side * found.side[0]).tolist() == [1, -1, 1, 1, -1, 1]


def test_numbers_are_counted():
    own = np.zeros((1, 10))
    own[0, :4] = 3, -2, 1, -2  # squares 9, 4, 1, 4 about a mean of 0
    one = Orbit(np.array([0]), np.array([1]), np.zeros(1))
    assert [numbers(tables(own), one, share) for share in (0.4, 0.7, 0.8, 0.99)] == [1, 2, 3, 4]
    assert alone(tables(np.repeat(own, 3, 0)), 0.8) == 9


def test_numbers_of_a_prototype_suffice_for_its_units_and_one_fewer_does_not():
    rng = np.random.default_rng(3)
    own = noisy(rng, rng.normal(size=ROWS), 5, 0.5)
    found = orbit(alike(tables(own), False), np.arange(5))
    count = numbers(tables(own), found, 0.5)
    standard = own - own.mean(1, keepdims=True)
    standard /= np.linalg.norm(standard, axis=1, keepdims=True)
    prototype = standard.mean(0)
    kept = np.argsort(-np.abs(prototype), kind="stable")

    def explained(k: int) -> float:
        short = np.zeros(ROWS)
        short[kept[:k]] = prototype[kept[:k]]
        return float(((standard @ short / np.linalg.norm(short)) ** 2).min())

    assert explained(count) >= 0.5 > explained(count - 1)


def planted(turn_deg, octaves, side):
    """Units that are copies of one tuning, turned, of another size or mirrored; and their tables as a function of frames."""
    rng = np.random.default_rng(5)
    weight, phase = rng.normal(size=(2, 4)), rng.uniform(0, 6, (2, 4))

    def tuning(stimulus, octave, turn_deg):
        turn = np.radians(turn_deg)
        return sum(weight[stimulus, k] * np.cos(k * turn + phase[stimulus, k] + 2 * octave) for k in range(4)) * np.exp(-(octave**2))

    values = np.zeros((2, len(OCTAVES), 24, 6))
    for stimulus, size, turn, unit in np.ndindex(values.shape):
        shown = stimulus if side[unit] > 0 else 1 - stimulus
        values[stimulus, size, turn, unit] = tuning(shown, OCTAVES[size] - octaves[unit], side[unit] * (TURNS_DEG[turn] - turn_deg[unit]))

    def in_frames(frames: Frames) -> Tables:
        sized = resized(values, OCTAVES, np.array([-0.5, 0.0, 0.5]), frames.octaves)
        seen = turned(sized, frames.turn_deg)
        return Tables(*(each.reshape(-1, 6).T for each in (seen, mirrored(seen, np.array([1, 0])))))

    return Frames(np.asarray(turn_deg, float), np.asarray(octaves, float), np.array([[1.0, 0, 0]] * 6)), in_frames


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
def test_each_part_of_the_group_is_worth_what_was_planted(octaves, side, prototypes):
    frames, in_frames = planted(APART_DEG, octaves, side)
    found = view_score("planted", SIX, frames, Evidence(in_frames, (ROTATION, REFLECTION, SCALE)), tolerance=0.9)
    assert [part.parts for part in found.parts] == [(), (ROTATION,), (ROTATION, REFLECTION), (ROTATION, REFLECTION, SCALE)]
    assert found.parts[-1].prototypes == prototypes[-1]
    assert tuple(part.prototypes for part in found.parts) == prototypes
    assert found.explained.value > 0.99
    assert found.turned
    assert found.p == pytest.approx(1 / 121)  # six units have 120 rings
    assert found.permuted.value < 0.6
    assert found.simpler["units_each"] == 6
    worth = np.prod([part.worth for part in found.parts])
    assert worth == pytest.approx(prototypes[0] / prototypes[-1])


def test_wrong_poses_are_refuted():
    frames, in_frames = planted(APART_DEG, (0,) * 6, (1,) * 6)
    wrong = frames.permuted(np.array([3, 0, 5, 1, 2, 4]))  # no turn of all alike
    found = view_score("planted", SIX, wrong, Evidence(in_frames, (ROTATION, REFLECTION)), tolerance=0.9)
    assert not found.turned
    assert found.p > 0.05
    assert found.explained.value < 0.6
    assert len(found.orbits) > 1


def test_strangers_have_no_prototype():
    own = np.random.default_rng(0).normal(size=(6, ROWS))
    frames = Frames(np.array(APART_DEG, float), np.zeros(6), np.array([[1.0, 0, 0]] * 6))
    found = view_score("noise", SIX, frames, Evidence(lambda frames: tables(own), (ROTATION, REFLECTION, HUE)))
    assert [part.prototypes for part in found.parts] == [6] * 4
    assert not found.turned
    assert found.simpler == {"units_each": 1.0, "numbers": 1.0}


def test_permuted_frames_are_those_of_a_plain_loop():
    frames, in_frames = planted(APART_DEG, SIZES, SIDES)
    found, p = _permuted(frames, in_frames, True, 3)
    orders = [derangement(6, 3 + i).numpy() for i in range(PERMUTATIONS)]
    known = {
        order: orbit(alike(in_frames(frames.permuted(np.array(order))), True), np.arange(6)).explained.mean()
        for order in set(map(tuple, orders))
    }
    slow = np.array([known[tuple(order)] for order in orders])
    assert found.value == pytest.approx(slow.mean(), abs=ROUNDING)
    np.testing.assert_allclose(found.ci95, np.percentile(slow, (2.5, 97.5)), atol=ROUNDING)
    assert p == pytest.approx(1 / 121)


def test_of_two_units_no_permutation_says_much():
    rng = np.random.default_rng(0)
    own = noisy(rng, rng.normal(size=ROWS), 2, 0.1)

    def in_frames(frames: Frames) -> Tables:
        return tables(own + 3 * np.abs(frames.turn_deg - np.array([0, 40]))[:, None] * rng.normal(size=own.shape))

    frames = Frames(np.array([0.0, 40.0]), np.zeros(2), np.array([[1.0, 0, 0]] * 2))
    found = view_score("two", SIX[:2], frames, Evidence(in_frames, (ROTATION,)))
    assert found.explained.value > 0.9
    assert found.permuted.value < 0.5
    assert (found.p, found.turned) == (0.5, False)


def test_a_kind_of_stimulus_that_all_like_is_no_turn():
    """Units that answer one drawing more than the other at every turn, and nothing else that they share."""
    rng = np.random.default_rng(0)
    values = 0.3 * rng.normal(size=(4, 1, 24, 6)) + np.array([0.0, 1, 2, 3])[:, None, None, None]
    seen = Turned(tuple("abcd"), np.arange(4), np.zeros(1), values)
    frames = Frames(np.array(APART_DEG, float), np.zeros(6), np.array([[1.0, 0, 0]] * 6))
    found = view_score("kinds", SIX, frames, Evidence(seen.tables, (ROTATION,), turning=seen.turning.tables))
    assert found.explained.value > 0.9
    assert found.turning.value < 0.1
    assert not found.turned
