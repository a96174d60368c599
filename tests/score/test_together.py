"""Two theories spliced together on a host that was planted with both.

Right ones score 1; a wrong one shows in its own units and in the whole.
"""

import pytest

from tests.planted import spliced_twice
from workbench.evaluate.run import evaluate
from workbench.score.document import document
from workbench.score.score import score
from workbench.score.scorecard import Scorecard
from workbench.vision.pictures.drawn import drawn
from workbench.vision.tuning import tuning

RIGHT = 0.99  # what is left is float32 and calibration
# recovered KL of permuted units: calibrated to what they have in common, they recover most of zero
# ablation here
MUDDLED = 0.9
PICTURES = 6


CALIBRATION = drawn(4, seed=1)


def scored(*turns_deg: float) -> Scorecard:
    """Both theories together, the units of each turned by so many degrees."""
    spliced = spliced_twice(turns_deg, CALIBRATION)
    host, joint = spliced.host, spliced.joint
    curves = [tuning(host, splices, step_deg=60) for splices in joint]
    return score(spliced, evaluate(host, joint, drawn(PICTURES, seed=2)), curves, CALIBRATION)


@pytest.fixture(scope="module")
def right() -> Scorecard:
    return scored(0, 0)


def mean_pearson(card: Scorecard, theory: int) -> float:
    units = card.units_of(theory)
    assert card.theories[theory].pearson == pytest.approx(
        sum(unit.pearson for unit in units) / len(units)
    )
    return card.theories[theory].pearson


def test_right_theories_score_one_together(right):
    card = right
    assert card.headline.value > RIGHT
    assert min(unit.pearson for unit in card.units) > RIGHT
    assert card.best_rival is not None
    assert card.conditions["control.permuted"].recovered.value < MUDDLED


@pytest.mark.parametrize(("wrong", "turns_deg"), [(0, (90, 0)), (1, (0, 90))])
def test_a_wrong_theory_lowers_the_score_and_is_seen_in_its_own_units_only(right, wrong, turns_deg):
    card = scored(*turns_deg)
    assert mean_pearson(card, wrong) < 0.5
    assert mean_pearson(card, 1 - wrong) > RIGHT
    assert card.headline.value < right.headline.value - 0.02


def test_the_card_names_both_and_sums_what_they_cost(right):
    card = right
    written = document(card)
    assert written["circuit"]["name"] == "edge + curve"
    assert written["circuit"]["site"] == "retina + planted"
    assert (written["spec"]["theory"], written["spec"]["file"]) == (
        "edges + planted",
        "edges.yaml + planted.yaml",
    )
    assert [unit["unit"].split(":")[0] for unit in written["units"]] == ["retina"] * 4 + [
        "planted"
    ] * 6
    assert [theory["circuit"]["site"] for theory in written["theories"]] == ["retina", "planted"]
    assert [theory["units"] for theory in written["theories"]] == [4, 6]
    for name, whole in written["cost"].items():
        assert whole == sum(theory["cost"][name] for theory in written["theories"]), name
    assert written["cost"]["calibrated"] == 20
    assert [unit.unit for unit in card.units_of(1)] == [
        f"planted:{unit}" for unit in (1, 3, 4, 7, 8, 10)
    ]
    alone = [theory["spec"]["sha256"] for theory in written["theories"]]
    assert len({written["spec"]["sha256"], *alone}) == 3
