"""Recovered: 1 for natural, 0 for the ablation itself, below 0 for worse, None where nothing is
lost or labelled.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from workbench.evaluate.statistics import Statistics
from workbench.score.recovery import ABLATIONS, distance, loses, recovered
from workbench.score.score import mean_figure
from workbench.score.uncertainty import Figure

EXACT = 1e-12  # one division of float64 means
PICTURES = 8
KL = np.linspace(0.5, 2.0, PICTURES)


def statistics(rows: Mapping[str, Mapping[str, np.ndarray]]) -> Statistics:
    names = tuple(f"picture {i}" for i in range(PICTURES))
    return Statistics(names, names, (3,), np.ones(1), np.linspace(0, 2, PICTURES)[:, None], rows)


def conditions(kl: float, right: int = 5) -> dict[str, dict[str, np.ndarray]]:
    """A condition with `kl` times the KL of zero ablation, that gets `right` pictures right of the
    seven that the natural network does.
    """

    def shares(count: int) -> dict[str, np.ndarray]:
        row = (np.arange(PICTURES) < count).astype(float)
        return {"agreement": row, "top1": row, "top5": row}

    return {
        "natural": {"kl": np.zeros(PICTURES), "consumer": np.zeros(PICTURES), **shares(7)},
        "ablated.zero": {"kl": KL, "consumer": KL / 7, **shares(3)},
        "ablated.mean": {"kl": KL / 2, "consumer": KL / 9, **shares(7)},
        "spliced": {"kl": kl * KL, "consumer": kl * KL / 7, **shares(right)},
    }


@pytest.mark.parametrize(
    ("condition", "value"),
    [("natural", 1.0), ("ablated.zero", 0.0), ("ablated.mean", 0.5), ("spliced", 0.75)],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_of_kl(condition, value, seed):
    figure = recovered(statistics(conditions(0.25)), condition, "ablated.zero", "kl", seed=seed)
    assert (figure.value, *figure.ci95) == pytest.approx((value,) * 3, abs=EXACT)


def test_worse_than_the_ablation_is_below_zero():
    assert recovered(
        statistics(conditions(3.0)), "spliced", "ablated.zero", "kl"
    ).value == pytest.approx(-2, abs=EXACT)
    assert recovered(
        statistics(conditions(3.0, right=1)), "spliced", "ablated.zero", "top5"
    ).value == pytest.approx(-0.5, abs=EXACT)


def test_against_another_condition_the_interval_is_paired():
    """A control that is worse by a tenth on every picture: the intervals of the two overlap widely,
    the share taken away has no doubt.
    """
    rows = {**conditions(0.25), "control": {"kl": 0.275 * KL}}
    figure = recovered(statistics(rows), "spliced", "control", "kl")
    assert (figure.value, *figure.ci95) == pytest.approx((1 - 1 / 1.1,) * 3, abs=EXACT)
    apart = [
        recovered(statistics(rows), name, "ablated.zero", "kl").value
        for name in ("spliced", "control")
    ]
    assert apart[0] - apart[1] == pytest.approx(0.025, abs=EXACT)


def test_what_a_variant_loses_is_a_paired_difference():
    """Of a KL that varies fourfold between pictures the variant leaves a tenth more on every one:
    no doubt that it loses a tenth.
    """
    rows = {
        **conditions(0.25),
        "variant.grey": {"kl": 0.35 * KL},
        "variant.same": {"kl": 0.25 * KL},
        "variant.better": {"kl": 0.05 * KL},
    }
    for name, value in [("grey", 0.1), ("same", 0.0), ("better", -0.2)]:
        figure = loses(statistics(rows), f"variant.{name}", "kl")
        assert (figure.value, *figure.ci95) == pytest.approx((value,) * 3, abs=EXACT), name


def test_a_variant_that_loses_on_some_pictures_only_has_an_interval():
    rows = {
        **conditions(0.25),
        "variant.grey": {"kl": np.where(np.arange(PICTURES) < 4, 0.25, 0.75) * KL},
    }
    figure = loses(statistics(rows), "variant.grey", "kl")
    assert figure.value == pytest.approx(0.5 * KL[4:].sum() / KL.sum())
    assert 0 < figure.ci95[0] < figure.value - 0.05 < figure.value + 0.05 < figure.ci95[1]


def test_a_weaker_ablation_leaves_less_to_recover():
    """The same splice: half as much is lost under mean ablation."""
    assert recovered(
        statistics(conditions(0.25)), "spliced", "ablated.mean", "kl"
    ).value == pytest.approx(0.5, abs=EXACT)


@pytest.mark.parametrize("quantity", ["top1", "top5", "agreement"])
def test_of_shares_is_of_the_drop(quantity):
    """Natural 7 right, ablated 3, spliced 5: two of four lost answers come back."""
    assert recovered(
        statistics(conditions(0.25)), "spliced", "ablated.zero", quantity
    ).value == pytest.approx(0.5, abs=EXACT)


def test_the_consumer_is_a_distance():
    assert recovered(
        statistics(conditions(0.25)), "spliced", "ablated.zero", "consumer"
    ).value == pytest.approx(0.75, abs=EXACT)


def test_none_where_nothing_is_lost():
    rows = conditions(0.25)
    assert (
        recovered(statistics(rows), "spliced", "ablated.mean", "top1").value is None
    )  # mean ablation costs no answer
    rows["ablated.zero"]["kl"] = np.zeros(PICTURES)
    assert recovered(statistics(rows), "spliced", "ablated.zero", "kl").value is None
    assert loses(statistics(rows), "ablated.mean", "kl").value is None


def test_none_where_nothing_is_labelled():
    rows = conditions(0.25)
    for row in rows.values():
        row["top1"] = np.full(PICTURES, np.nan)
    figure = recovered(statistics(rows), "spliced", "ablated.zero", "top1")
    assert (figure.value, figure.ci95) == (None, None)


def test_only_labelled_pictures_count():
    rows = conditions(0.25)
    for row in rows.values():
        row["top1"] = np.where(np.arange(PICTURES) == 4, np.nan, row["top1"])
    assert recovered(statistics(rows), "spliced", "ablated.zero", "top1").value == pytest.approx(
        1 / 3, abs=EXACT
    )  # of 5, 4, 3 wrong one is gone


def test_only_chosen_pictures_count():
    rows = conditions(0.25)
    rows["spliced"]["kl"] = np.where(np.arange(PICTURES) < 4, 0.0, KL)
    measured = statistics(rows)
    mask = np.arange(PICTURES) < 4
    assert recovered(measured, "spliced", "ablated.zero", "kl", mask).value == pytest.approx(
        1, abs=EXACT
    )
    assert recovered(measured, "spliced", "ablated.zero", "kl", ~mask).value == pytest.approx(
        0, abs=EXACT
    )
    assert (
        recovered(measured, "spliced", "ablated.zero", "kl", np.zeros(PICTURES, bool)).value is None
    )


def test_a_quantity_that_was_not_measured_is_missing_not_zero():
    """The last site of a host has no next site."""
    rows = conditions(0.25)
    del rows["spliced"]["consumer"]
    assert np.isnan(distance(statistics(rows), "spliced", "consumer")).all()
    assert recovered(statistics(rows), "spliced", "ablated.zero", "consumer").value is None


def test_the_circuit_fires_where_one_unit_exceeds_its_level():
    assert statistics(conditions(0.25)).fires.tolist() == [False] * 4 + [True] * 4


def test_ablations_are_those_of_the_document():
    assert ABLATIONS == ("zero", "mean", "resample")


# ---- pictures that a figure leaves out, and copies


def test_recovered_leaves_out_pictures_without_a_value_and_counts_the_others():
    rows = conditions(0.25)
    rows["spliced"]["consumer"] = np.where(np.arange(PICTURES) == 0, np.nan, KL / 28)
    figure = recovered(statistics(rows), "spliced", "ablated.zero", "consumer")
    assert (figure.value, figure.n) == (pytest.approx(0.75, abs=EXACT), PICTURES - 1)
    assert recovered(statistics(rows), "spliced", "ablated.zero", "kl").n is None


def test_loses_leaves_out_pictures_without_a_value_and_counts_the_others():
    rows = {**conditions(0.25), "variant.grey": {"kl": 0.35 * KL}}
    rows["variant.grey"]["kl"][3] = np.nan
    figure = loses(statistics(rows), "variant.grey", "kl")
    assert (figure.value, figure.n) == (pytest.approx(0.1, abs=EXACT), PICTURES - 1)


def test_mean_figure_counts_the_pictures_that_have_a_value():
    row = np.array([1.0, np.nan, 3.0, *[2.0] * 5])
    figure = mean_figure(statistics(conditions(0.25)), row, seed=0)
    assert (figure.value, figure.n) == (2.0, PICTURES - 1)
    assert mean_figure(statistics(conditions(0.25)), np.full(PICTURES, np.nan), 0) == Figure(None)


def test_recovered_on_the_one_picture_where_the_circuit_fires_has_no_interval():
    one = np.arange(PICTURES) == 6
    figure = recovered(statistics(conditions(0.25)), "spliced", "ablated.zero", "kl", one)
    assert (figure.value, figure.ci95, figure.n) == (pytest.approx(0.75), None, 1)


def test_recovered_of_copies_has_the_interval_of_the_distinct_pictures():
    """Four contents, twice each."""
    rows = conditions(0.25)
    rows["ablated.zero"]["kl"] = np.tile(KL[:4], 2)
    rows["spliced"]["kl"] = np.tile(KL[:4] ** 2, 2)
    whole = statistics(rows)
    copied = replace(whole, sha256s=tuple("abcd" * 2))
    half = replace(
        whole,
        names=whole.names[:4],
        sha256s=tuple("abcd"),
        rows={name: {key: row[:4] for key, row in part.items()} for name, part in rows.items()},
    )
    expected = recovered(half, "spliced", "ablated.zero", "kl")
    figure = recovered(copied, "spliced", "ablated.zero", "kl")
    assert (figure.value, *figure.ci95) == pytest.approx((expected.value, *expected.ci95))
    shorter = recovered(whole, "spliced", "ablated.zero", "kl")
    assert np.ptp(shorter.ci95) < 0.9 * np.ptp(figure.ci95)
    same = replace(whole, sha256s=("a",) * PICTURES)
    assert recovered(same, "spliced", "ablated.zero", "kl").ci95 is None
