"""The figures of a frontier: each step is judged by what it gains over its own units' rivals."""

import pytest

from tests.planted import spliced_twice
from workbench.analyses.frontier.figures import Frontier, frontier_score
from workbench.analyses.frontier.measure import OTHERS, OWN, grown, site_means
from workbench.evaluate.run import evaluate
from workbench.score.score import score
from workbench.score.scorecard import Scorecard
from workbench.vision.pictures.drawn import drawn
from workbench.vision.tuning import tuning

EXACT = 1e-3  # KL of a right theory, nats: what is left is float32 and calibration
CALIBRATION, PICTURES = drawn(4, seed=1), drawn(6, seed=2)


def measured(*turns_deg: float) -> Frontier:
    """The frontier of both theories, the units of each turned by so many degrees."""
    spliced = spliced_twice(turns_deg, CALIBRATION)
    means = site_means(spliced.host, ["retina", "planted"], CALIBRATION)
    steps = grown(spliced.host, spliced.joint, means, PICTURES)
    return frontier_score(spliced, steps, CALIBRATION)


def kl(frontier: Frontier, step: int, name: str) -> float:
    return frontier.steps[step].conditions[name]["kl"].value


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
    for i, step in enumerate(right.steps):
        assert kl(right, i, "natural") == 0
        assert kl(right, i, "spliced") < EXACT
        assert step.beaten == len(OWN)
        for name in OWN:
            gain = kl(right, i, name) - kl(right, i, "spliced")
            assert step.gains[name].value == pytest.approx(gain)


def test_frontier_score_of_the_last_step_is_the_score_of_all(right, card):
    last = right.steps[-1]
    assert last.conditions["spliced"]["kl"] == card.conditions["spliced"].quantities["kl"]
    assert last.cost == card.cost


def test_frontier_score_of_other_units_at_their_mean_is_worse(right):
    """The first theory leaves 18 of 22 units at their mean, both together 12."""
    assert kl(right, 0, OTHERS) > kl(right, 1, OTHERS) > 100 * kl(right, 1, "spliced")


def test_frontier_score_of_a_wrong_theory_gains_less_at_its_own_step(right):
    wrong = measured(0, 90)
    assert wrong.steps[0].gains == right.steps[0].gains
    assert wrong.steps[1].beaten < len(OWN)
    for name in ("ablated.resample", "baseline.regression"):
        assert wrong.steps[1].gains[name].value < right.steps[1].gains[name].value
