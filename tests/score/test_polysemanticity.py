"""Polysemanticity of planted units: low for one thing, high for two, grows with the mixture, and no loudness of a theory buys anything."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from workbench.score.meaning import LEVELS, clustered, explained, unit_meaning

ROUNDING = 1e-9
KINDS, CHANNELS, CELLS, PICTURES = 6, 30, 3000, 20
PLANTED = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)  # share of the unit's expected value that is something else
CLOSE = 0.05  # of the planted share: clusters of k-means are not quite pure
INEXACT = 0.6  # spread of the logarithm of what an inexact theory says: it explains two thirds of a unit that is what it says


@dataclass(frozen=True)
class Planted:
    """Cells that each show one of KINDS stimuli, to which the same channels answer. The theory is of kinds 0 and 1, wrong ones of 2, of 3 and of
    both; `second`, of kind 4, is what is mixed in."""

    around: np.ndarray
    first: np.ndarray
    second: np.ndarray
    wrong: np.ndarray
    picture: np.ndarray

    def mixed(self, share: float) -> np.ndarray:
        return (1 - share) * self.first + share * self.second


@pytest.fixture(scope="module")
def cells() -> Planted:
    rng = np.random.default_rng(0)
    kind, pattern = rng.integers(KINDS, size=CELLS), rng.gamma(0.3, 1, (KINDS, CHANNELS))
    around = pattern[kind] * rng.gamma(4, 0.25, (CELLS, CHANNELS))
    level = rng.gamma(1.5, 1, CELLS)
    first, second, *wrong = (level * np.isin(kind, kinds) for kinds in ((0, 1), 4, 2, 3, (2, 3)))
    return Planted(around, first / first.mean(), second / second.mean(), np.stack(wrong, 1), np.arange(CELLS) * PICTURES // CELLS)


def meaning(cells: Planted, activation: np.ndarray, theory: np.ndarray | None = None, level: float = 1.0, **more):
    """The theory is calibrated to the activation, as the verb does: it has its mean."""
    said = cells.first if theory is None else theory
    calibrated = said * activation.mean() / said.mean()
    return unit_meaning("toy:0", activation, calibrated, cells.wrong, cells.around, cells.picture, level, **more)


def inexact(cells: Planted) -> tuple[np.ndarray, float]:
    """A theory that is right on average, and what it explains of a unit that is what it says."""
    said = cells.first * np.exp(INEXACT * np.random.default_rng(7).normal(size=CELLS))
    return said, explained(cells.first, said * cells.first.mean() / said.mean())


def test_a_unit_of_one_thing_is_explained_and_has_no_other(cells):
    found = meaning(cells, cells.first)
    assert found.explained.value == pytest.approx(1)
    assert (found.of_unit, found.of_theory) == pytest.approx((1, 1))
    assert found.other.value == pytest.approx(0, abs=ROUNDING)
    assert found.own == pytest.approx(0, abs=ROUNDING)
    assert max(cluster.other for cluster in found.clusters) < ROUNDING


@pytest.mark.parametrize("exact", [True, False])
def test_other_is_the_planted_share(cells, exact):
    theory, level = (cells.first, 1.0) if exact else inexact(cells)
    found = [meaning(cells, cells.mixed(share), theory, level, resamples=0).other.value for share in PLANTED]
    for share, other in zip(PLANTED, found, strict=True):
        assert other > share - CLOSE
    for less, more in pairwise(found):
        assert more > less + CLOSE
    if exact:
        assert found == pytest.approx(PLANTED, abs=CLOSE)


def test_an_inexact_theory_leaves_its_own_stimuli_and_no_others(cells):
    theory, level = inexact(cells)
    found = meaning(cells, cells.first, theory, level, resamples=0)
    assert found.explained.value == pytest.approx(level)
    assert 0.5 < level < 0.8
    assert found.own > 1 - level - CLOSE
    assert found.other.value < CLOSE


def test_loudness_buys_nothing(cells):
    theory, _ = inexact(cells)
    calibrated = theory / theory.mean()
    found = [explained(cells.first, loud * calibrated) for loud in (0.25, 0.5, 1.0, 2.0, 4.0)]
    assert max(found) == found[2]
    assert min(found[2] - found[1], found[2] - found[3]) > 0.1
    assert found[3] > found[4] + 0.1
    assert explained(cells.first, np.full(CELLS, cells.first.max())) < 0.2  # always loud


def test_a_theory_that_says_too_much_is_judged_by_what_it_says(cells):
    found = unit_meaning("toy:0", cells.first, 2 * cells.first, cells.wrong, cells.around, cells.picture, 1.0, resamples=0)
    assert (found.of_unit, found.of_theory) == pytest.approx((1, 0.5))
    assert found.explained.value == pytest.approx(0.5)


def test_blur_costs(cells):
    """The highest within a cell to each side, as loud as before."""
    near = np.maximum.reduce([np.roll(cells.first, by) for by in (-1, 0, 1)])
    loud, calibrated = explained(cells.first, near), explained(cells.first, near / near.mean())
    assert explained(cells.first, cells.first) == pytest.approx(1)
    assert max(loud, calibrated) < 0.7


def test_a_wrong_theory_explains_nothing_and_leaves_all(cells):
    found = meaning(cells, cells.first, resamples=0)
    assert found.permuted == 0
    assert found.permuted_other == pytest.approx(1)
    assert meaning(cells, cells.first, cells.wrong[:, 0], resamples=0).other.value == pytest.approx(1)


def test_loudness_of_a_wrong_theory_is_that_of_the_right_one(cells):
    theories = [cells.wrong + 0.3, 5 * (cells.wrong + 0.3)]
    found = [unit_meaning("toy:0", cells.first, cells.first, each, cells.around, cells.picture, 1.0, resamples=0) for each in theories]
    assert found[0].permuted == pytest.approx(found[1].permuted)
    assert found[0].permuted > 0.1


def test_the_interval_holds_what_the_clusters_bring(cells):
    found = meaning(cells, cells.mixed(0.5), resamples=20)
    low, high = found.other.ci95
    assert 0 < low < found.other.value < high < 1
    same = meaning(cells, cells.mixed(0.5), resamples=20)
    assert same == found
    assert meaning(cells, cells.mixed(0.5), seed=1, resamples=20).other.ci95 != found.other.ci95


def test_levels_and_parts_add_up(cells):
    activation = cells.mixed(0.4)
    found = meaning(cells, activation, inexact(cells)[0], resamples=0)
    parts = np.array([[level.explained, level.own, level.other] for level in found.levels])
    assert parts.shape == (LEVELS, 3)
    np.testing.assert_allclose(parts.sum(0), [found.explained.value, found.own, found.other.value], atol=ROUNDING)
    assert parts.sum() == pytest.approx(1)
    assert [level.above for level in found.levels] == pytest.approx([i / LEVELS for i in range(LEVELS)])
    assert sum(cluster.share for cluster in found.clusters) == pytest.approx(1)
    top = activation > 0.9 * activation.max()
    assert parts[-1].sum() == pytest.approx(activation[top].sum() / activation.sum())


def test_a_cluster_is_other_as_far_as_it_is_from_the_theorys_level(cells):
    level = 0.7
    clusters = meaning(cells, cells.mixed(0.5), inexact(cells)[0], level, resamples=0).clusters
    for cluster in clusters:
        near = (cluster.explained - cluster.permuted) / (level - cluster.permuted)
        assert cluster.other == pytest.approx(1 - min(max(near, 0), 1))
    assert [cluster.other for cluster in clusters] == sorted((cluster.other for cluster in clusters), reverse=True)


def test_what_stands_for_a_cluster_lies_in_it_and_fires(cells):
    activation = cells.mixed(0.5)
    fires = np.flatnonzero(activation > 0)
    root = np.sqrt(cells.around)[fires]
    root /= np.linalg.norm(root, axis=1, keepdims=True)
    label = np.full(CELLS, -1)
    label[fires] = clustered(root, activation[fires], 0, 12)[0]
    for cluster in meaning(cells, activation, resamples=0).clusters:
        own = label[list(cluster.rows)]
        assert (own == own[0]).all()
        assert activation[label == own[0]].sum() / activation.sum() == pytest.approx(cluster.share)
        assert (activation[list(cluster.rows)] > 0).all()


def test_a_row_weighs_as_much_as_the_unit_fires_there():
    rng = np.random.default_rng(0)
    around = np.repeat(np.eye(3), 40, 0) + 0.01 * rng.random((120, 3))
    weight = np.repeat([1.0, 1.0, 1e-6], 40)  # the third kind is as good as absent
    label, _ = clustered(around, weight, 0, 2)
    assert label[0] != label[40]


def test_a_silent_unit_has_no_figures(cells):
    found = unit_meaning("toy:0", 0 * cells.first, cells.first, cells.wrong, cells.around, cells.picture, 1.0)
    assert (found.explained.value, found.other.value, found.clusters) == (None, None, ())
    assert np.isnan(explained(0 * cells.first, cells.first))
