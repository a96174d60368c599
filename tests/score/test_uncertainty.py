"""The paired bootstrap against a plain loop and against SciPy."""

import numpy as np
import pytest
from scipy import stats

from workbench.evaluate.groups import GROUPS, grouped
from workbench.score.agreement import pearson
from workbench.score.uncertainty import Figure, bootstrap

EXACT = 1e-12  # the same resamples, summed in another order
# of the interval's length: two draws of 10,000 resamples differ in their percentiles by about a
# fiftieth
MONTE_CARLO = 0.05
SMALL = 7


def rows(pictures: int, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    ablated = generator.gamma(2, size=pictures)
    return {"spliced": 0.3 * ablated + 0.05 * generator.gamma(2, size=pictures), "ablated": ablated}


def recovered(means) -> np.ndarray:
    return 1 - means["spliced"] / means["ablated"]


def test_equals_a_plain_loop_over_the_same_resamples():
    data, resamples = rows(SMALL), 1500
    counts = np.random.default_rng(3).multinomial(SMALL, np.full(SMALL, 1 / SMALL), size=1000)
    more = np.random.default_rng(3)
    more.multinomial(SMALL, np.full(SMALL, 1 / SMALL), size=1000)
    counts = np.concatenate([counts, more.multinomial(SMALL, np.full(SMALL, 1 / SMALL), size=500)])
    drawn = []
    for count in counts:
        chosen = np.repeat(np.arange(SMALL), count)
        assert len(chosen) == SMALL
        drawn.append(1 - data["spliced"][chosen].mean() / data["ablated"][chosen].mean())
    figure = bootstrap(data, recovered, seed=3, resamples=resamples)
    assert figure.value == pytest.approx(
        1 - data["spliced"].mean() / data["ablated"].mean(), abs=EXACT
    )
    assert figure.ci95 == pytest.approx(tuple(np.percentile(drawn, (2.5, 97.5))), abs=EXACT)


def test_is_scipys_paired_percentile_interval():
    data = rows(60)

    def statistic(spliced, ablated, axis=-1):
        return 1 - spliced.mean(axis) / ablated.mean(axis)

    theirs = stats.bootstrap(
        (data["spliced"], data["ablated"]),
        statistic,
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=10_000,
        rng=1,
    ).confidence_interval
    low, high = bootstrap(data, recovered).ci95
    length = theirs.high - theirs.low
    assert (low - theirs.low) / length == pytest.approx(0, abs=MONTE_CARLO)
    assert (high - theirs.high) / length == pytest.approx(0, abs=MONTE_CARLO)


def test_conditions_stay_paired():
    """Two conditions that differ by 1 on every picture differ by 1 in every resample, however much
    the pictures vary.
    """
    row = 100 * np.random.default_rng(0).normal(size=30)
    figure = bootstrap({"a": row + 1, "b": row}, lambda means: means["a"] - means["b"])
    assert (figure.value, *figure.ci95) == pytest.approx(
        (1, 1, 1), abs=1e-10
    )  # sums of numbers near 100
    apart = bootstrap({"a": row + 1, "b": row[::-1].copy()}, lambda means: means["a"] - means["b"])
    assert apart.ci95[1] - apart.ci95[0] > 10


def test_the_interval_holds_the_value_and_narrows_as_the_root_of_n():
    lengths = []
    for pictures in (50, 800):
        figure = bootstrap(rows(pictures), recovered)
        assert figure.ci95[0] < figure.value < figure.ci95[1]
        lengths.append(figure.ci95[1] - figure.ci95[0])
    assert lengths[0] / lengths[1] == pytest.approx(
        4, rel=0.4
    )  # the spread of 50 numbers is known to a tenth


def test_the_interval_of_a_mean_is_the_textbooks():
    row = np.random.default_rng(0).normal(size=200)
    figure = bootstrap({"row": row}, lambda means: means["row"])
    assert (figure.ci95[1] - figure.ci95[0]) == pytest.approx(
        2 * 1.96 * row.std() / np.sqrt(200), rel=MONTE_CARLO
    )


def test_one_seed_one_interval():
    assert bootstrap(rows(20), recovered, seed=5) == bootstrap(rows(20), recovered, seed=5)
    assert (
        bootstrap(rows(20), recovered, seed=5).ci95 != bootstrap(rows(20), recovered, seed=6).ci95
    )


def test_rows_may_have_axes_of_their_own():
    row = np.random.default_rng(0).normal(size=(9, 4, 6))
    whole = bootstrap({"row": row}, lambda means: means["row"][..., 2, 5])
    alone = bootstrap({"row": row[:, 2, 5]}, lambda means: means["row"])
    assert (whole.value, *whole.ci95) == pytest.approx((alone.value, *alone.ci95), abs=EXACT)


@pytest.mark.parametrize("sort", [False, True])
def test_of_many_pictures_groups_have_the_interval_of_the_pictures(sort, monkeypatch):
    """Sorted as folders of classes are, too: of neighbours the intervals would be longer, of every
    GROUPS-th picture shorter.
    """
    data = rows(3500)
    if sort:
        order = np.argsort(data["ablated"])
        data = {name: row[order] for name, row in data.items()}
    figure = bootstrap(data, recovered)
    assert figure.value == pytest.approx(
        1 - data["spliced"].mean() / data["ablated"].mean(), abs=EXACT
    )
    monkeypatch.setattr("workbench.evaluate.groups.GROUPS", 10_000)
    expected = bootstrap(data, recovered)
    assert figure.ci95 != expected.ci95
    length = expected.ci95[1] - expected.ci95[0]
    assert np.subtract(figure.ci95, expected.ci95) / length == pytest.approx(
        [0, 0], abs=2 * MONTE_CARLO
    )


def test_rows_that_are_sums_over_groups_have_the_interval_of_their_pictures():
    """Of what is computed of means: a correlation, here as of moments."""
    generator = np.random.default_rng(0)
    a = generator.normal(size=2500)
    b = a + generator.normal(size=2500)
    moments = np.stack([np.ones_like(a), a, b, a * a, b * b, a * b], 1)

    def correlation(means):
        return pearson(means["moments"][..., None, :])[..., 0]

    whole, sums = (
        bootstrap({"moments": each}, correlation) for each in (moments, grouped(moments))
    )
    assert len(grouped(moments)) == GROUPS
    assert (sums.value, *sums.ci95) == pytest.approx(
        (whole.value, *whole.ci95), abs=1e-3
    )  # a group more or less of three pictures
    assert whole.ci95[1] - whole.ci95[0] > 0.02


def test_what_cannot_be_had_is_none():
    assert bootstrap({"row": np.array([np.nan, 1.0])}, lambda means: means["row"]) == Figure(None)
    assert bootstrap(
        {"row": np.zeros(3)}, lambda means: np.where(means["row"] > 0, 1.0, np.nan)
    ) == Figure(None)
