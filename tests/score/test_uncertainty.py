"""The paired bootstrap against a plain loop and against SciPy."""

import numpy as np
import pytest
from scipy import stats

from workbench.score.uncertainty import Figure, bootstrap

EXACT = 1e-12  # the same resamples, summed in another order
MONTE_CARLO = 0.05  # of the interval's length: two draws of 10,000 resamples differ in their percentiles by about a fiftieth
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
    found = bootstrap(data, recovered, seed=3, resamples=resamples)
    assert found.value == pytest.approx(1 - data["spliced"].mean() / data["ablated"].mean(), abs=EXACT)
    assert found.ci95 == pytest.approx(tuple(np.percentile(drawn, (2.5, 97.5))), abs=EXACT)


def test_is_scipys_paired_percentile_interval():
    data = rows(60)

    def statistic(spliced, ablated, axis=-1):
        return 1 - spliced.mean(axis) / ablated.mean(axis)

    theirs = stats.bootstrap(
        (data["spliced"], data["ablated"]), statistic, paired=True, vectorized=True, method="percentile", n_resamples=10_000, rng=1
    ).confidence_interval
    low, high = bootstrap(data, recovered).ci95
    length = theirs.high - theirs.low
    assert (low - theirs.low) / length == pytest.approx(0, abs=MONTE_CARLO)
    assert (high - theirs.high) / length == pytest.approx(0, abs=MONTE_CARLO)


def test_conditions_stay_paired():
    """Two conditions that differ by 1 on every picture differ by 1 in every resample, however much the pictures vary."""
    row = 100 * np.random.default_rng(0).normal(size=30)
    found = bootstrap({"a": row + 1, "b": row}, lambda means: means["a"] - means["b"])
    assert (found.value, *found.ci95) == pytest.approx((1, 1, 1), abs=1e-10)  # sums of numbers near 100
    apart = bootstrap({"a": row + 1, "b": row[::-1].copy()}, lambda means: means["a"] - means["b"])
    assert apart.ci95[1] - apart.ci95[0] > 10


def test_the_interval_holds_the_value_and_narrows_as_the_root_of_n():
    lengths = []
    for pictures in (50, 800):
        found = bootstrap(rows(pictures), recovered)
        assert found.ci95[0] < found.value < found.ci95[1]
        lengths.append(found.ci95[1] - found.ci95[0])
    assert lengths[0] / lengths[1] == pytest.approx(4, rel=0.4)  # the spread of 50 numbers is known to a tenth


def test_the_interval_of_a_mean_is_the_textbooks():
    row = np.random.default_rng(0).normal(size=200)
    found = bootstrap({"row": row}, lambda means: means["row"])
    assert (found.ci95[1] - found.ci95[0]) == pytest.approx(2 * 1.96 * row.std() / np.sqrt(200), rel=MONTE_CARLO)


def test_one_seed_one_interval():
    assert bootstrap(rows(20), recovered, seed=5) == bootstrap(rows(20), recovered, seed=5)
    assert bootstrap(rows(20), recovered, seed=5).ci95 != bootstrap(rows(20), recovered, seed=6).ci95


def test_rows_may_have_axes_of_their_own():
    row = np.random.default_rng(0).normal(size=(9, 4, 6))
    whole = bootstrap({"row": row}, lambda means: means["row"][..., 2, 5])
    alone = bootstrap({"row": row[:, 2, 5]}, lambda means: means["row"])
    assert (whole.value, *whole.ci95) == pytest.approx((alone.value, *alone.ci95), abs=EXACT)


def test_what_cannot_be_had_is_none():
    assert bootstrap({"row": np.array([np.nan, 1.0])}, lambda means: means["row"]) == Figure(None)
    assert bootstrap({"row": np.zeros(3)}, lambda means: np.where(means["row"] > 0, 1.0, np.nan)) == Figure(None)
