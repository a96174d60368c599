"""Agreement of units: each figure against an independent formula, and wrong units that must score
low.
"""

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from workbench.evaluate.statistics import unit_statistics
from workbench.score.agreement import (
    border_false_alarms,
    explained_variance,
    firing,
    firing_chance,
    pearson,
    spearman,
    top_overlap,
)

SUMS = 1e-9  # moments are sums in float64 of float32 numbers: what cancels is far below their size
PICTURES, UNITS, SIDE = 6, 3, 10
TURNED = 0.3  # a wrong unit's correlation on 600 cells: by chance it is 0.04


def activations(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Trained units, and handwritten ones that are the same with noise; about half of the cells are
    silent.
    """
    generator = torch.Generator().manual_seed(seed)
    trained = torch.randn(PICTURES, UNITS, SIDE, SIDE, generator=generator)
    noise = torch.randn(trained.shape, generator=generator)
    return (trained + 0.5 * noise).relu(), trained.relu()


def moments(value: torch.Tensor, trained: torch.Tensor) -> np.ndarray:
    return unit_statistics(value, trained, [0])["moments"].sum(0)


def cells(activation: torch.Tensor) -> np.ndarray:
    """`row unit`, every cell of every picture."""
    return activation.double().movedim(1, -1).reshape(-1, activation.shape[1]).numpy()


def test_pearson_and_explained_variance_equal_the_plain_formulas():
    value, trained = activations()
    a, b = cells(value), cells(trained)
    expected = [np.corrcoef(a[:, i], b[:, i])[0, 1] for i in range(UNITS)]
    assert pearson(moments(value, trained)) == pytest.approx(expected, abs=SUMS)
    assert explained_variance(moments(value, trained)) == pytest.approx(
        1 - ((a - b) ** 2).mean(0) / b.var(0), abs=SUMS
    )


def test_pearson_takes_any_leading_axes():
    value, trained = activations()
    by_picture = unit_statistics(value, trained, [0])["moments"]
    expected = [
        [np.corrcoef(value[n, i].ravel(), trained[n, i].ravel())[0, 1] for i in range(UNITS)]
        for n in range(PICTURES)
    ]
    assert pearson(by_picture) == pytest.approx(
        np.array(expected), abs=1e-6
    )  # numpy's corrcoef of float32 is float32


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_pearson_does_not_depend_on_the_size_of_activations(size):
    value, trained = activations()
    assert pearson(moments(size * value, size * trained)) == pytest.approx(
        pearson(moments(value, trained)), abs=1e-5
    )  # float32 products


WRONG = {
    "permuted": lambda value: value[:, [1, 2, 0]],
    "sign flipped": lambda value: (1 - value).relu(),
    "turned by 90 degrees": lambda value: value.rot90(1, (2, 3)),
    "of other pictures": lambda value: value.roll(1, 0),
    "silent": torch.zeros_like,
    "constant": lambda value: torch.full_like(value, 0.1),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_units_score_low(name):
    value, trained = activations()
    wrong = WRONG[name](value)
    right = [figure[0] for figure in figures(value, trained)]
    assert min(right) > 0.5
    correlation, variance, rank, top = figures(wrong, trained)
    assert (correlation < TURNED).all()
    assert (variance < 0.01).all()
    assert (rank < TURNED).all()
    assert (top < 0.35).all()


def figures(value: torch.Tensor, trained: torch.Tensor) -> tuple[np.ndarray, ...]:
    sums, rows = moments(value, trained), (cells(value), cells(trained))
    return pearson(sums), explained_variance(sums), spearman(*rows), top_overlap(*rows)


def test_a_perfect_unit_has_one_everywhere():
    _, trained = activations()
    for figure in figures(trained, trained):
        assert figure == pytest.approx(np.ones(UNITS), abs=SUMS)


def test_explained_variance_knows_scale_where_pearson_does_not():
    _, trained = activations()
    sums = moments(3 * trained, trained)
    assert pearson(sums) == pytest.approx(np.ones(UNITS), abs=1e-6)  # three times a float32
    assert (explained_variance(sums) < -1).all()


def test_a_unit_that_says_nan_has_no_rank_correlation():
    value, trained = (
        np.array([[np.nan], [1.0], [2.0], [3.0]]),
        np.array([[4.0], [1.0], [2.0], [3.0]]),
    )
    assert np.isnan(spearman(value, trained)).all()
    assert np.isnan(spearman(trained, value)).all()


@pytest.mark.parametrize("column", range(1, 6))
def test_pearson_of_a_sum_that_is_nan_is_nan_not_zero(column):
    sums = np.array([10.0, 1.0, 2.0, 3.0, 4.0, 2.0])
    assert np.isfinite(pearson(sums))
    sums[column] = np.nan
    assert np.isnan(pearson(sums))


@pytest.mark.parametrize("rows", [1568, 3136, 3424])
def test_equal_numbers_correlate_with_nothing_however_many(rows):
    assert spearman(np.zeros((rows, 1)), np.ones((rows, 1))).tolist() == [0.0]


def test_spearman_is_pearson_of_ranks():
    value, trained = (cells(activation) for activation in activations())
    expected = [
        np.corrcoef(rankdata(value[:, i]), rankdata(trained[:, i]))[0, 1] for i in range(UNITS)
    ]
    assert spearman(value, trained) == pytest.approx(expected, abs=SUMS)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_unit_that_never_varies_agrees_with_nothing(kind):
    trained = cells(activations()[1])
    constant = np.full(
        trained.shape, 0.1, kind
    )  # in float32 numpy's standard deviation of this is rounding, not 0
    assert (
        spearman(constant, trained).tolist()
        == spearman(trained, constant).tolist()
        == [0.0] * UNITS
    )
    zero = unit_statistics(torch.full((1, UNITS, 4, 4), 0.1), torch.rand(1, UNITS, 4, 4), [0])[
        "moments"
    ]
    assert pearson(zero) == pytest.approx(np.zeros((1, UNITS)), abs=1e-6)


def test_firing_precision_and_recall_of_shared_cells():
    trained = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 0.0], [0.0, 3.0]])
    value = np.array([[0.5, 0.0], [0.0, 0.0], [0.1, 0.0], [0.0, 0.0]])
    precision, recall = firing(value, trained)
    np.testing.assert_array_equal(precision, [0.5, np.nan])
    np.testing.assert_array_equal(recall, [0.5, 0.0])
    assert firing(value[:, :1], value[:, :1])[0] == pytest.approx([1.0])


def test_false_alarms_at_the_border():
    trained = np.array([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    value = np.array([[1.0, 1.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    border = np.array([True, True, False, False])
    shares = border_false_alarms(value, trained, border)
    np.testing.assert_array_equal(shares, [1 / 3, np.nan])


def test_firing_of_a_unit_that_fires_everywhere_has_recall_and_no_precision():
    trained = np.zeros((100, 1))
    trained[:3] = 1.0
    precision, recall = firing(np.ones_like(trained), trained)
    assert (float(precision[0]), float(recall[0])) == (0.03, 1.0)
    assert float(firing_chance(trained)[0]) == 0.03


def test_firing_of_another_units_drive_is_at_chance():
    generator = np.random.default_rng(0)
    trained = np.maximum(generator.normal(size=(20_000, 2)) - 0.5, 0)  # independent units
    precision, _ = firing(trained[:, ::-1], trained)
    np.testing.assert_allclose(precision, firing_chance(trained), atol=0.02)


def test_top_overlap_counts_shared_top_cells():
    trained = np.arange(400.0)[:, None]
    value = trained.copy()
    value[[399, 398]] = 0  # of the four top cells two are lost
    assert top_overlap(value, trained) == pytest.approx([0.5])
    assert top_overlap(-trained, trained) == pytest.approx([0.0])


def test_silence_does_not_share_the_top_of_a_unit_that_is_rarely_active():
    trained = np.zeros((1000, 1))
    trained[500:503] = (
        1  # fewer active cells than the ten that count as top: the rest of the ten is silence
    )
    assert top_overlap(np.zeros_like(trained), trained) == pytest.approx([0.0])
    assert top_overlap(trained, trained) == pytest.approx([1.0])
