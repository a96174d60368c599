"""The figures of a frontier: the last step is the score of all theories together."""

import pytest

from tests.planted import spliced_twice
from workbench.analyses.frontier.figures import Frontier, frontier_score
from workbench.analyses.frontier.measure import grown
from workbench.evaluate.run import evaluate
from workbench.score.score import score
from workbench.score.scorecard import Scorecard
from workbench.vision.pictures.drawn import drawn
from workbench.vision.tuning import tuning

RIGHT = 0.99  # what is left is float32 and calibration
# recovered KL of permuted units: calibrated to what they have in common, they recover most of zero
# ablation here
MUDDLED = 0.9
CALIBRATION, PICTURES = drawn(4, seed=1), drawn(6, seed=2)


def measured(*turns_deg: float) -> Frontier:
    """The frontier of both theories, the units of each turned by so many degrees."""
    spliced = spliced_twice(turns_deg, CALIBRATION)
    return frontier_score(spliced, grown(spliced.host, spliced.joint, PICTURES), CALIBRATION)


@pytest.fixture(scope="module")
def right() -> Frontier:
    return measured(0, 0)


@pytest.fixture(scope="module")
def card() -> Scorecard:
    spliced = spliced_twice((0, 0), CALIBRATION)
    host, joint = spliced.host, spliced.joint
    curves = [tuning(host, splices, step_deg=60) for splices in joint]
    return score(spliced, evaluate(host, joint, PICTURES), curves, CALIBRATION)


def test_frontier_score_grows_by_a_theory_a_step(right):
    assert [step.spec["theory"] for step in right.steps] == ["edges", "planted"]
    assert [step.units for step in right.steps] == [4, 10]
    assert (right.sites, right.of) == ({"retina": 10, "planted": 12}, 22)
    assert [step.share for step in right.steps] == [4 / 22, 10 / 22]
    assert [step.cost.calibrated for step in right.steps] == [8, 20]
    for step in right.steps:
        assert step.conditions["natural"]["kl"].value == 0
        assert step.recovered["kl"].value > RIGHT
        assert step.control["kl"].value < MUDDLED
        assert step.against.ci95[0] > 0.9


def test_frontier_score_of_the_last_step_is_the_score_of_all(right, card):
    last = right.steps[-1]
    assert last.recovered["kl"] == card.headline
    assert last.against == card.against["control.permuted"]
    assert (
        last.conditions["ablated.zero"]["top1_agreement"]
        == card.conditions["ablated.zero"].quantities["top1_agreement"]
    )
    assert last.cost == card.cost


def test_frontier_score_of_a_wrong_theory_is_lower_at_its_own_step(right):
    wrong = measured(0, 90)
    assert wrong.steps[0].recovered == right.steps[0].recovered
    assert wrong.steps[1].recovered["kl"].value < right.steps[1].recovered["kl"].value - 0.02
