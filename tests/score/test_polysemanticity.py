"""Polysemanticity of planted units: low for one thing, high for two, monotone in the mixture, and higher for a wrong theory."""

from itertools import pairwise

import numpy as np
import pytest

from workbench.score.meaning import LEVELS, OTHER, clustered, unit_meaning

ROUNDING = 1e-9
KINDS, CHANNELS, CELLS, PICTURES = 6, 30, 3000, 20
MIXTURES = (1.0, 0.75, 0.5, 0.25, 0.0)


@pytest.fixture(scope="module")
def cells():
    """Cells that each show one of KINDS stimuli, to which the same channels answer; `first` likes kinds 0 and 1, `second` kind 4."""
    rng = np.random.default_rng(0)
    kind, pattern = rng.integers(KINDS, size=CELLS), rng.gamma(0.3, 1, (KINDS, CHANNELS))
    around = pattern[kind] * rng.gamma(4, 0.25, (CELLS, CHANNELS))
    level = rng.gamma(1.5, 1, CELLS)
    first, second = level * (kind < 2), level * (kind == 4)
    return around, first / first.mean(), second / second.mean(), np.arange(CELLS) * PICTURES // CELLS


def mixed(cells, share: float, theory: np.ndarray | None = None):
    around, first, second, picture = cells
    said = first if theory is None else theory
    return unit_meaning("toy:0", share * first + (1 - share) * second, share * said, second, around, picture)


def test_a_unit_of_one_thing_is_explained_and_has_no_other(cells):
    found = mixed(cells, 1.0)
    assert found.explained.value == pytest.approx(1)
    assert found.other.value == 0
    assert found.own == pytest.approx(0)
    assert not any(cluster.other for cluster in found.clusters)


def test_a_half_of_something_else_is_found(cells):
    found = mixed(cells, 0.5)
    assert found.explained.value == pytest.approx(0.5, abs=0.01)
    assert found.other.value == pytest.approx(0.5, abs=0.05)
    low, high = found.other.ci95
    assert low < found.other.value < high
    assert sum(cluster.share for cluster in found.clusters if cluster.other) == pytest.approx(0.5, abs=0.05)


def test_polysemanticity_is_monotone_in_the_mixture(cells):
    found = [mixed(cells, share) for share in MIXTURES]
    assert [each.other.value for each in found] == pytest.approx([1 - share for share in MIXTURES], abs=0.1)
    for less, more in pairwise(found):
        assert more.other.value > less.other.value + 0.1
        assert more.explained.value < less.explained.value - 0.1


def test_a_theory_that_is_a_little_off_everywhere_leaves_its_own_stimuli_and_no_others(cells):
    found = mixed(cells, 1.0, theory=0.7 * cells[1])
    assert found.explained.value == pytest.approx(0.7)
    assert found.own == pytest.approx(0.3)
    assert found.other.value == 0


def test_a_wrong_theory_raises_it(cells):
    found = mixed(cells, 1.0)
    assert found.permuted == 0
    assert found.permuted_other == pytest.approx(1)


def test_levels_and_parts_add_up(cells):
    found = mixed(cells, 0.6, theory=0.8 * cells[1])
    parts = np.array([[level.explained, level.own, level.other] for level in found.levels])
    assert parts.shape == (LEVELS, 3)
    np.testing.assert_allclose(parts.sum(0), [found.explained.value, found.own, found.other.value], atol=ROUNDING)
    assert parts.sum() == pytest.approx(1)
    assert [level.above for level in found.levels] == pytest.approx([i / LEVELS for i in range(LEVELS)])
    assert sum(cluster.share for cluster in found.clusters) == pytest.approx(1)
    activation = 0.6 * cells[1] + 0.4 * cells[2]
    top = activation > 0.9 * activation.max()
    assert parts[-1].sum() == pytest.approx(activation[top].sum() / activation.sum())


def test_other_is_what_the_threshold_says(cells):
    found = mixed(cells, 0.5)
    assert all(cluster.other == (cluster.explained < OTHER) for cluster in found.clusters)
    assert [cluster.explained for cluster in found.clusters] == sorted(cluster.explained for cluster in found.clusters)


def test_what_stands_for_a_cluster_lies_in_it_and_fires(cells):
    activation = 0.5 * cells[1] + 0.5 * cells[2]
    label = np.full(CELLS, -1)
    fires = np.flatnonzero(activation > 0)
    label[fires] = clustered(cells[0][fires], activation[fires], 0, 12)[0]
    for cluster in mixed(cells, 0.5).clusters:
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
    found = unit_meaning("toy:0", 0 * cells[1], cells[1], cells[1], cells[0], cells[3])
    assert (found.explained.value, found.other.value, found.clusters) == (None, None, ())
