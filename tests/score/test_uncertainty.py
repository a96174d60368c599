"""The paired bootstrap against a plain loop and against SciPy."""

import numpy as np
import pytest
import torch
from scipy import stats

from workbench.evaluate.groups import GROUPS, copies, group_of, grouped, items_of
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


def test_bootstrap_one_picture_has_a_value_and_no_interval():
    figure = bootstrap({"row": np.array([0.5])}, lambda means: means["row"])
    assert figure == Figure(0.5, None)


def test_bootstrap_copies_of_one_picture_have_no_interval():
    row = np.array([0.5, 0.5, 0.5])
    assert bootstrap({"row": row}, lambda means: means["row"]).ci95 == (0.5, 0.5)
    item = np.array([4, 4, 4])
    assert bootstrap({"row": row}, lambda means: means["row"], item=item) == Figure(0.5, None)


def test_bootstrap_figure_that_exists_on_one_picture_has_no_interval():
    """Resamples without the one picture on which something is lost have no figure."""
    rows_of_two = {"spliced": np.array([0.1, 0.0]), "ablated": np.array([0.3, 0.0])}
    with np.errstate(invalid="ignore"):
        figure = bootstrap(rows_of_two, recovered)
    assert figure.value == pytest.approx(2 / 3)
    assert figure.ci95 is None
    assert figure.resamples == pytest.approx(7_500, rel=0.05)


def test_bootstrap_counts_the_resamples_that_have_the_figure():
    data = {"spliced": np.array([0.1, 0.2, 0.0, 0.0]), "ablated": np.array([0.3, 0.3, 0.0, 0.0])}
    with np.errstate(invalid="ignore"):
        figure = bootstrap(data, recovered)
    assert figure.resamples == pytest.approx(10_000 * (1 - 2**-4), rel=0.02)
    assert figure.ci95 == pytest.approx((1 / 3, 2 / 3))
    assert bootstrap(rows(20), recovered).resamples is None


@pytest.mark.parametrize("library", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
def test_bootstrap_interval_of_copies_is_that_of_the_pictures_once(library):
    """Every picture three times: without items the interval would be shorter by the root of 3."""
    data = rows(40)
    once = bootstrap(data, recovered)
    copied = {name: library(np.tile(row, 3)) for name, row in data.items()}
    item = np.tile(np.arange(40), 3)
    again = bootstrap(copied, recovered, item=item)
    assert (again.value, *again.ci95) == pytest.approx((once.value, *once.ci95), abs=EXACT)
    apart = bootstrap(copied, recovered)
    assert np.ptp(apart.ci95) / np.ptp(once.ci95) == pytest.approx(3**-0.5, rel=0.1)


def test_bootstrap_one_picture_of_many_copies_is_one_item():
    """99 copies of one picture and 20 others are 21 items: SciPy on sums of items agrees."""
    row = np.random.default_rng(0).normal(size=21)
    item = np.concatenate([np.zeros(99, int), np.arange(1, 21)])
    figure = bootstrap({"row": row[item]}, lambda means: means["row"], item=item)
    assert figure.value == pytest.approx(row[item].mean(), abs=EXACT)
    size = np.bincount(item).astype(float)
    theirs = stats.bootstrap(
        (row * size, size),
        lambda sums, sizes, axis=-1: sums.sum(axis) / sizes.sum(axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=10_000,
        rng=1,
    ).confidence_interval
    length = theirs.high - theirs.low
    assert np.subtract(figure.ci95, theirs) / length == pytest.approx([0, 0], abs=MONTE_CARLO)


def test_grouped_many_pictures_keep_copies_in_one_group(monkeypatch):
    monkeypatch.setattr("workbench.evaluate.groups.GROUPS", 4)
    item = items_of(["a", "b", "a", "c", "d", "e", "f", "e", "g", "a"])
    assert item.tolist() == [0, 1, 0, 2, 3, 4, 5, 4, 6, 0]
    group = group_of(item)
    assert group[0] == group[2] == group[9]
    assert group[5] == group[7]
    assert sorted(np.bincount([group[item == i][0] for i in range(7)])) == [1, 2, 2, 2]
    row = np.random.default_rng(0).normal(size=(10, 2))
    expected = [row[group == i].sum(0) for i in range(4)]
    np.testing.assert_allclose(grouped(row, item), expected, rtol=EXACT)
    kept = np.array([1, 3, 4, 5, 7])  # some pictures alone, their items not counted through
    assert len(grouped(row[kept], item[kept])) == 4


def test_copies_are_counted_beyond_the_first():
    assert copies(["a", "b", "a", "a", "b"]) == 3
    assert copies(["a", "b"]) == 0
