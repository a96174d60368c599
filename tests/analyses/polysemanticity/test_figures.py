"""Polysemanticity of planted units: low for one feature, higher the more of another is mixed in.

A theory of larger or smaller activation explains no more for it.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from workbench.analyses.polysemanticity.account import clustered
from workbench.analyses.polysemanticity.meaning import UnitMeaning
from workbench.analyses.polysemanticity.unit import (
    LEVELS,
    Clustering,
    UnitCells,
    explained,
    unit_meaning,
)

ROUNDING = 1e-9
KINDS, CHANNELS, CELLS, PICTURES = 6, 30, 3000, 20
PLANTED = (
    0.0,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
)  # share of the unit's expected value that is something else
CLOSE = 0.05  # of the planted share: clusters of k-means are not quite pure
# spread of the logarithm of an inexact theory's prediction: it explains two thirds of a unit that
# it is right about
INEXACT = 0.6


@dataclass(frozen=True)
class Planted:
    """Cells that each show one of KINDS stimuli, to which the same channels answer.

    The theory is of kinds 0 and 1, wrong ones of 2, of 3 and of both; `second`, of kind 4, is what
    is mixed in.
    """

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
    return Planted(
        around,
        first / first.mean(),
        second / second.mean(),
        np.stack(wrong, 1),
        np.arange(CELLS) * PICTURES // CELLS,
    )


def meaning(
    cells: Planted,
    activation: np.ndarray,
    theory: np.ndarray | None = None,
    level: float = 1.0,
    **more,
) -> UnitMeaning:
    """The figures with a theory that is calibrated to the activation, as in a run: to its mean."""
    prediction = cells.first if theory is None else theory
    calibrated = prediction * activation.mean() / prediction.mean()
    return judged(cells, activation, calibrated, level, **more)


def judged(
    cells: Planted,
    activation: np.ndarray,
    theory: np.ndarray,
    level: float = 1.0,
    wrong: np.ndarray | None = None,
    **more,
) -> UnitMeaning:
    """The figures with a theory as it is."""
    wrong = cells.wrong if wrong is None else wrong
    unit = UnitCells(activation, theory, wrong, cells.around, cells.picture)
    return unit_meaning("toy:0", unit, Clustering(level, **more))


def inexact(cells: Planted) -> tuple[np.ndarray, float]:
    """A theory that is right on average, and what it explains of a unit that it is right about."""
    prediction = cells.first * np.exp(INEXACT * np.random.default_rng(7).normal(size=CELLS))
    calibrated = prediction * cells.first.mean() / prediction.mean()
    return prediction, explained(cells.first, calibrated)


def test_a_unit_of_one_thing_is_explained_and_has_no_other(cells):
    figures = meaning(cells, cells.first)
    assert figures.explained.value == pytest.approx(1)
    assert (figures.of_unit, figures.of_theory) == pytest.approx((1, 1))
    assert figures.other.value == pytest.approx(0, abs=ROUNDING)
    assert figures.inexact == pytest.approx(0, abs=ROUNDING)
    assert max(cluster.other for cluster in figures.clusters) < ROUNDING


@pytest.mark.parametrize("exact", [True, False])
def test_other_is_the_planted_share(cells, exact):
    theory, level = (cells.first, 1.0) if exact else inexact(cells)
    others = [
        meaning(cells, cells.mixed(share), theory, level, resamples=0).other.value
        for share in PLANTED
    ]
    for share, other in zip(PLANTED, others, strict=True):
        assert other > share - CLOSE
    for less, more in pairwise(others):
        assert more > less + CLOSE
    if exact:
        assert others == pytest.approx(PLANTED, abs=CLOSE)


def test_an_inexact_theory_leaves_its_own_stimuli_and_no_others(cells):
    theory, level = inexact(cells)
    figures = meaning(cells, cells.first, theory, level, resamples=0)
    assert figures.explained.value == pytest.approx(level)
    assert 0.5 < level < 0.8
    assert figures.inexact > 1 - level - CLOSE
    assert figures.other.value < CLOSE


def test_a_theory_of_another_size_explains_less(cells):
    theory, _ = inexact(cells)
    calibrated = theory / theory.mean()
    shares = [explained(cells.first, size * calibrated) for size in (0.25, 0.5, 1.0, 2.0, 4.0)]
    assert max(shares) == shares[2]
    assert min(shares[2] - shares[1], shares[2] - shares[3]) > 0.1
    assert shares[3] > shares[4] + 0.1
    assert explained(cells.first, np.full(CELLS, cells.first.max())) < 0.2  # always at the peak


def test_a_theory_that_predicts_too_much_is_judged_by_what_it_predicts(cells):
    figures = judged(cells, cells.first, 2 * cells.first, resamples=0)
    assert (figures.of_unit, figures.of_theory) == pytest.approx((1, 0.5))
    assert figures.explained.value == pytest.approx(0.5)


def test_a_blurred_theory_explains_less(cells):
    """Blurred by the highest within a cell to each side, before and after calibration."""
    near = np.maximum.reduce([np.roll(cells.first, by) for by in (-1, 0, 1)])
    larger, calibrated = explained(cells.first, near), explained(cells.first, near / near.mean())
    assert explained(cells.first, cells.first) == pytest.approx(1)
    assert max(larger, calibrated) < 0.7


def test_a_wrong_theory_explains_nothing_and_leaves_all(cells):
    figures = meaning(cells, cells.first, resamples=0)
    assert figures.permuted == 0
    assert figures.permuted_other == pytest.approx(1)
    assert meaning(cells, cells.first, cells.wrong[:, 0], resamples=0).other.value == pytest.approx(
        1
    )


def test_the_size_of_a_wrong_theory_does_not_count(cells):
    theories = [cells.wrong + 0.3, 5 * (cells.wrong + 0.3)]
    first, second = (
        judged(cells, cells.first, cells.first, wrong=theory, resamples=0) for theory in theories
    )
    assert first.permuted == pytest.approx(second.permuted)
    assert first.permuted > 0.1


def test_the_interval_holds_what_the_clusters_bring(cells):
    figures = meaning(cells, cells.mixed(0.5), resamples=20)
    low, high = figures.other.ci95
    assert 0 < low < figures.other.value < high < 1
    same = meaning(cells, cells.mixed(0.5), resamples=20)
    assert same == figures
    assert meaning(cells, cells.mixed(0.5), seed=1, resamples=20).other.ci95 != figures.other.ci95


def test_levels_and_parts_add_up(cells):
    activation = cells.mixed(0.4)
    figures = meaning(cells, activation, inexact(cells)[0], resamples=0)
    parts = np.array([[level.explained, level.inexact, level.other] for level in figures.levels])
    assert parts.shape == (LEVELS, 3)
    np.testing.assert_allclose(
        parts.sum(0), [figures.explained.value, figures.inexact, figures.other.value], atol=ROUNDING
    )
    assert parts.sum() == pytest.approx(1)
    assert [level.above for level in figures.levels] == pytest.approx(
        [i / LEVELS for i in range(LEVELS)]
    )
    assert sum(cluster.share for cluster in figures.clusters) == pytest.approx(1)
    top = activation > 0.9 * activation.max()
    assert parts[-1].sum() == pytest.approx(activation[top].sum() / activation.sum())


def test_a_cluster_is_other_as_far_as_it_is_from_the_theorys_level(cells):
    level = 0.7
    clusters = meaning(cells, cells.mixed(0.5), inexact(cells)[0], level, resamples=0).clusters
    for cluster in clusters:
        near = (cluster.explained - cluster.permuted) / (level - cluster.permuted)
        assert cluster.other == pytest.approx(1 - min(max(near, 0), 1))
    assert [cluster.other for cluster in clusters] == sorted(
        (cluster.other for cluster in clusters), reverse=True
    )


def test_the_rows_of_a_cluster_lie_in_it_and_fire(cells):
    activation = cells.mixed(0.5)
    fires = np.flatnonzero(activation > 0)
    root = np.sqrt(cells.around)[fires]
    root /= np.linalg.norm(root, axis=1, keepdims=True)
    label = np.full(CELLS, -1)
    label[fires] = clustered(root, activation[fires], 0, 12)[0]
    for cluster in meaning(cells, activation, resamples=0).clusters:
        labels = label[list(cluster.rows)]
        assert (labels == labels[0]).all()
        assert activation[label == labels[0]].sum() / activation.sum() == pytest.approx(
            cluster.share
        )
        assert (activation[list(cluster.rows)] > 0).all()


def test_a_row_weighs_as_much_as_the_unit_fires_there():
    rng = np.random.default_rng(0)
    around = np.repeat(np.eye(3), 40, 0) + 0.01 * rng.random((120, 3))
    weight = np.repeat([1.0, 1.0, 1e-6], 40)  # the third kind is as good as absent
    label, _ = clustered(around, weight, 0, 2)
    assert label[0] != label[40]


def test_a_silent_unit_has_no_figures(cells):
    figures = judged(cells, 0 * cells.first, cells.first)
    assert (figures.explained.value, figures.other.value, figures.clusters) == (None, None, ())
    assert np.isnan(explained(0 * cells.first, cells.first))
