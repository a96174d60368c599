"""The statistics in every array library, on another device too: NumPy's figures, and NumPy's are
those of SciPy.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.libraries import LIBRARIES, OTHERS, plain
from workbench.arrays import array_like, array_namespace, device
from workbench.evaluate.groups import group_of, grouped
from workbench.evaluate.statistics import Statistics, squares, unit_statistics
from workbench.hosts import ClassOutput
from workbench.score.agreement import (
    border_false_alarms,
    explained_variance,
    firing,
    pearson,
    spearman,
    top_overlap,
)
from workbench.score.ranks import percentiles, places, ranks
from workbench.score.recovery import loses, recovered
from workbench.score.score import condition_score
from workbench.score.uncertainty import Figure
from workbench.splice.conditions import facts_of_circuit

SAME = 1e-11  # float64 sums of some hundred numbers, in another order
CLASSES, PICTURES, UNITS = 7, 12, 3


def draws(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def activations() -> tuple[np.ndarray, np.ndarray]:
    """Of a picture unit and its trained one in float32, half of them silent."""
    trained = draws().normal(size=(PICTURES, UNITS, 4, 5))
    return tuple(
        np.maximum(each, 0).astype(np.float32)
        for each in (trained + 0.5 * draws(1).normal(size=trained.shape), trained)
    )


def every_statistic(library) -> dict[str, object]:
    """Each function of the standard on the same numbers."""
    natural, other = (
        library(draws(seed).normal(size=(PICTURES, CLASSES)).astype(np.float32)) for seed in (2, 3)
    )
    label = library(np.arange(PICTURES) % (CLASSES + 1) - 1)
    value, trained = map(library, activations())
    by_class, by_unit = (
        ClassOutput().statistics(natural, other, label),
        unit_statistics(value, trained, [0, 7, 19]),
    )
    xp = array_namespace(value)
    moments = xp.sum(by_unit["moments"], axis=0)
    rows = [
        xp.reshape(xp.permute_dims(each, (0, 2, 3, 1)), (-1, UNITS)) for each in (value, trained)
    ]
    figures = {each.__name__: each(moments) for each in (pearson, explained_variance)}
    figures |= {each.__name__: each(*rows) for each in (spearman, top_overlap)}
    figures |= dict(zip(("precision", "recall"), firing(*rows), strict=True))
    figures["border"] = border_false_alarms(*rows, rows[1][:, 0] > 0.5)
    ranked = {
        "ranks": ranks(rows[0][:, 0]),
        "places": places(xp.argsort(rows[0][:, 0], stable=True)),
        "squares": squares(value),
    }
    return by_class | by_unit | figures | ranked


@pytest.mark.parametrize("library", OTHERS)
def test_every_statistic_is_numpys_in_every_library(library):
    like = library(np.zeros(()))
    expected, in_library = every_statistic(np.asarray), every_statistic(library)
    for name, array in in_library.items():
        assert (type(array), device(array)) == (type(like), device(like)), name
        np.testing.assert_allclose(plain(array), expected[name], rtol=SAME, atol=SAME, err_msg=name)


def statistics(library=np.asarray) -> Statistics:
    """Of a natural run, an ablation and a splice; a third of the pictures has no label, and on half
    of them the circuit fires.
    """
    rows = {}
    for i, name in enumerate(("natural", "ablated.zero", "spliced")):
        generator = draws(10 + i)
        kl = i * generator.gamma(2, size=PICTURES) / (1 if i == 1 else 6)
        top = np.where(
            np.arange(PICTURES) % 3 == 0,
            np.nan,
            (generator.random((5, PICTURES)) > 0.2 * i)[0].astype(float),
        )
        moments = unit_statistics(*activations(), [0])["moments"]
        rows[name] = {
            "kl": kl,
            "agreement": (kl < 1).astype(float),
            "top1": top,
            "top5": top,
            "changed": kl,
            "moments": moments,
        }
    there = {
        name: {quantity: library(row) for quantity, row in own.items()}
        for name, own in rows.items()
    }
    peak = draws(5).random((PICTURES, UNITS))
    names = tuple(map(str, range(PICTURES)))
    return Statistics(
        names,
        names,
        ("site:0", "site:1", "site:2"),
        library(np.full(UNITS, 0.8)),
        library(peak),
        there,
        conditions={"spliced": facts_of_circuit("spliced")},
    )


def figures(measured: Statistics) -> list[Figure]:
    """All sorts of the scorecard's figures."""
    score = condition_score(measured, "spliced", ClassOutput.headline, seed=3)
    kinds = ("kl", "agreement", "top1", "consumer")
    back = [recovered(measured, "spliced", "ablated.zero", kind, seed=3) for kind in kinds]
    fires = recovered(measured, "spliced", "ablated.zero", "kl", measured.fires, 3)
    return [
        *(score.quantities[key] for key in ("kl", "top1_agreement", "top1")),
        score.consumer,
        score.pearson,
        *back,
        fires,
        loses(measured, "ablated.zero", "kl", 3),
    ]


@pytest.mark.parametrize("library", OTHERS)
def test_every_figure_and_its_interval_is_numpys_in_every_library(library):
    """The resamples are NumPy's for all of them."""
    expected, in_library = figures(statistics()), figures(statistics(library))
    assert statistics(library).labelled == statistics().labelled == PICTURES * 2 // 3
    assert sum(figure.value is not None for figure in expected) == len(expected) - 2  # no consumers
    for figure, other in zip(in_library, expected, strict=True):
        assert (figure.value is None) == (other.value is None)
        if other.value is not None:
            assert (figure.value, *figure.ci95) == pytest.approx(
                (other.value, *other.ci95), rel=SAME, abs=SAME
            )


def test_a_wrong_condition_recovers_nothing_in_any_library():
    right = statistics()
    wrong = replace(right, rows={**right.rows, "spliced": right.rows["ablated.zero"]})
    assert recovered(wrong, "spliced", "ablated.zero", "kl").value == pytest.approx(0)
    assert recovered(right, "spliced", "ablated.zero", "kl").value > 0.5


@settings(deadline=None)  # other processes may have the processor
@given(st.lists(st.floats(-3, 3).map(lambda value: round(value, 1)), min_size=1, max_size=60))
def test_ranks_and_percentiles_are_scipys_and_numpys(values):
    column = np.array(values)
    assert ranks(column).tolist() == stats.rankdata(column).tolist()
    assert percentiles(column, (0, 2.5, 50, 97.5, 100)) == pytest.approx(
        np.percentile(column, (0, 2.5, 50, 97.5, 100)), abs=SAME
    )


@pytest.mark.parametrize("library", LIBRARIES)
def test_spearman_is_scipys(library):
    value, trained = (np.moveaxis(each, 1, -1).reshape(-1, UNITS) for each in activations())
    expected = [stats.spearmanr(value[:, i], trained[:, i]).statistic for i in range(UNITS)]
    assert plain(spearman(library(value), library(trained))) == pytest.approx(expected, abs=SAME)
    assert plain(spearman(library(-value), library(trained))).max() < 0


@pytest.mark.parametrize("library", LIBRARIES)
def test_sums_over_groups_are_those_of_a_plain_loop(library, monkeypatch):
    monkeypatch.setattr("workbench.evaluate.groups.GROUPS", 4)
    for pictures in (3, 4, 5, 11, 12):
        row = draws().normal(size=(pictures, 2))
        group, sums = group_of(np.arange(pictures)), plain(grouped(library(row)))
        assert sums == pytest.approx(
            np.stack([row[group == each].sum(0) for each in range(min(4, pictures))]), abs=SAME
        )
        assert set(np.bincount(group)) <= {pictures // 4, pictures // 4 + 1}
    assert group_of(np.arange(4)).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("library", OTHERS)
def test_an_array_keeps_to_the_library_type_and_device_of_another(library):
    like = library(np.zeros((), np.float32))
    for value in (2.5, np.arange(3), library(np.arange(3.0))):
        array = array_like(value, like)
        assert (type(array), array.dtype, device(array)) == (type(like), like.dtype, device(like))
