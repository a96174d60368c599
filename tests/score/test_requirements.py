"""Requirements: what is parsed, what is refused with which advice, and which end is compared."""

import copy
from typing import Any

import pytest

from workbench.errors import WorkbenchError
from workbench.score.outcomes import outcomes, unmet
from workbench.score.requirements import parsed

PARTS = ("previous", "whole", "whole.weights")


def row(kind: str, pearson: float, kl: float, recovered: float) -> dict[str, Any]:
    return {
        "kind": kind,
        "kl": kl,
        "top1_agreement": 0.75,
        "pearson": pearson,
        "recovered_kl": recovered,
    }


def ends(row: dict[str, Any]) -> dict[str, Any]:
    """Every figure plus and minus 0.05."""
    return {key: [row[key] - 0.05, row[key] + 0.05] for key in row if key != "kind"}


def share(value: float, half: float) -> dict[str, Any]:
    return {"value": value, "ci95": [value - half, value + half]}


def document() -> dict[str, Any]:
    """A theory that beats `affine` clearly, and `regression` on Pearson and not clearly on KL."""
    spliced = row("handwritten", 0.6, 0.1, 0.8)
    ablated = {"zero": row("ablation", 0, 0.5, 0), "mean": row("ablation", 0, 0.3, 0.4)}
    baseline = {
        "affine": row("baseline", 0.3, 0.2, 0.6),
        "regression": row("baseline", 0.4, 0.11, 0.78),
    }
    return {
        "conditions": {"spliced": spliced, "ablated": ablated, "baseline": baseline},
        "intervals": {
            "spliced": ends(spliced),
            "ablated": {name: ends(values) for name, values in ablated.items()},
            "baseline": {name: ends(values) for name, values in baseline.items()},
        },
        "recovered_by": {"zero": {"kl": share(0.8, 0.1)}, "mean": {"kl": share(0.67, 0.1)}},
        "against": {"baseline": {"affine": share(0.5, 0.1), "regression": share(0.09, 0.2)}},
        "bits": {"spliced": 1200, "baseline": {"affine": 900, "regression": 50_000}},
    }


def tokens() -> dict[str, Any]:
    def condition(kind: str, r2: float, recovered: float) -> dict[str, Any]:
        ci95 = [recovered - 0.1, recovered + 0.1]
        figures = {"logit_r2": r2, "kl": 1 - recovered, "recovered": recovered}
        return {"kind": kind, **figures, "recovered_ci95": ci95}

    return {
        "parts": {
            "whole": {
                "conditions": {
                    "spliced": condition("handwritten", 0.7, 0.9),
                    "ablated.mean": condition("ablation", -0.1, 0.0),
                    "control.shifted": condition("control", 0.6, 0.2),
                    "baseline.unigram": condition("baseline", 0.65, 0.85),
                },
                "best_rival": "baseline.unigram",
                "ahead": share(0.05, 0.02),
                "recovered_by": {"ablated.mean": share(0.9, 0.1)},
            }
        }
    }


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("pearson>=0.54", True),
        ("pearson>=0.56", False),  # the value is 0.6, the lower end 0.55
        ("pearson > .2", True),
        ("kl<=0.16", True),
        ("kl<=0.14", False),  # the value is 0.1, the upper end 0.15
        ("kl<0.3", True),
        ("top1_agreement>=0.7", True),
        ("top1_agreement>=0.75", False),
        ("bits<=1200", True),
        ("bits<1200", False),
        ("recovered>cheapest-ablation", True),
        ("recovered>best-baseline", False),  # 0.8 against 0.78, paired -0.11 to 0.29
        ("recovered<best-baseline", False),
        ("kl<best-baseline", False),
        ("kl<cheapest-ablation", True),
        ("kl>cheapest-ablation", False),
        ("pearson>best-baseline", True),  # the lower end 0.55, regression's upper end 0.45
        ("top1_agreement>best-baseline", False),  # the intervals overlap
        ("bits<best-baseline", True),  # regression's: the one that recovers most
        ("recovered>best-control", False),  # there is none in this run
        ("distance<=1", False),
    ],
)
def test_the_end_of_the_interval_that_is_nearer_to_failing_is_compared(text, met):
    (outcome,) = outcomes(document(), parsed([text]))
    assert outcome.met is met, outcome.reason
    assert outcome.requirement == text
    assert list(unmet([outcome])) == ([] if met else [f"not met: {text}: {outcome.reason}"])


def test_the_condition_that_a_word_stands_for_is_named():
    judged = outcomes(document(), parsed(["recovered>best-baseline", "pearson>cheapest-ablation"]))
    assert [outcome.condition for outcome in judged] == ["baseline.regression", "ablated.zero"]
    assert "baseline.regression 0.09 (-0.11 to 0.29); the lower end" in judged[0].reason


def test_a_figure_that_should_have_an_interval_and_has_none_meets_nothing():
    single = copy.deepcopy(document())
    single["intervals"]["spliced"]["pearson"] = None
    for text in ("pearson>=0", "pearson<=1", "pearson>best-baseline"):
        (outcome,) = outcomes(single, parsed([text]))
        assert not outcome.met
        assert "no interval" in outcome.reason
    single["conditions"]["spliced"]["pearson"] = None
    assert not outcomes(single, parsed(["pearson>=-1"]))[0].met


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("whole.logit_r2>=0.7", True),
        ("whole.logit_r2>=0.71", False),
        ("whole.recovered>=0.79", True),
        ("whole.recovered>=0.85", False),
        ("whole.logit_r2>best-baseline", True),  # by the paired difference
        ("whole.logit_r2>best-control", True),
        ("whole.recovered>best-baseline", False),  # the intervals overlap
        ("whole.recovered>cheapest-ablation", True),
        ("whole.kl<cheapest-ablation", True),
        ("whole.pattern_overlap>=0.5", False),
        ("previous.recovered>=0", False),  # no such part in this run
        ("whole.weights.recovered>=0", False),
    ],
)
def test_requirements_of_a_part_of_a_theory_of_tokens(text, met):
    (outcome,) = outcomes(tokens(), parsed([text], PARTS))
    assert outcome.met is met, outcome.reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pearsn>=0.5", "no figure 'pearsn'. Did you mean 'pearson'?"),
        ("pearson=0.5", "is no requirement; expected a figure, one of >=, <=, >, <"),
        ("pearson", "Figures: pearson, recovered, kl"),
        ("", "is no requirement"),
        ("pearson>=high", "'high' is neither a number nor a word"),
        ("recovered>best-baselin", "Did you mean 'best-baseline'?"),
        ("pearson>=nan", "'nan' is not finite"),
        ("pearson>=inf", "'inf' is not finite"),
        ("whole.pearson>=1", "names a part, 'whole'"),
        ("pearson>=0.5>=0.4", "neither a number nor a word"),
    ],
)
def test_a_malformed_requirement_is_refused_with_advice(text, message):
    with pytest.raises(WorkbenchError) as refusal:
        parsed(["kl<=1", text])
    assert message in str(refusal.value)
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("logit_r2>=0.5", "names no part; expected PART.FIGURE"),
        ("whle.logit_r2>=0.5", "no part 'whle'; expected PART.FIGURE, as in whole.logit_r2. Did"),
        ("whole.pearson>=0.5", "no figure 'pearson'"),
    ],
)
def test_a_malformed_requirement_of_tokens_is_refused_with_advice(text, message):
    with pytest.raises(WorkbenchError) as refusal:
        parsed([text], PARTS)
    assert message in str(refusal.value)
