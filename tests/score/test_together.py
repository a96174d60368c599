"""Two theories spliced together on a host that was planted with both: right ones score 1, a wrong one shows in its own units and in the whole."""

from collections.abc import Callable

import pytest

from tests.planted import planted_twice
from workbench.compiler import compile_spec
from workbench.evaluate.frontier import grown
from workbench.evaluate.run import evaluate, scenes
from workbench.evaluate.tuning import tuning
from workbench.pictures.drawn import drawn
from workbench.score.document import document
from workbench.score.frontier import Frontier, frontier_score, sites_up_to
from workbench.score.score import score
from workbench.score.scorecard import Scorecard
from workbench.splice.calibrate import calibrate, with_random_readout

RIGHT = 0.99  # what is left is float32 and calibration
MUDDLED = 0.9  # recovered KL of permuted units: calibrated to what they have in common, they recover most of zero ablation here
PICTURES = 6


@pytest.fixture(scope="module")
def measure() -> Callable[..., tuple[Scorecard, Frontier]]:
    """The units of each theory turned by so many degrees, and both scored together."""
    host, trained, specs = planted_twice()
    calibration, pictures = drawn(4, seed=1), drawn(PICTURES, seed=2)

    def measured(*turns_deg: float) -> tuple[Scorecard, Frontier]:
        turned, joint = [], []
        for spec, circuit, turn_deg in zip(specs, trained, turns_deg, strict=True):
            units = [unit.model_copy(update={"centre_deg": (unit.centre_deg + turn_deg) % 360}) for unit in circuit.units]
            turned.append(circuit.model_copy(update={"units": tuple(units)}))
            circuits = {"spliced": compile_spec(spec, turned[-1], host)}
            circuits["random"] = with_random_readout(circuits["spliced"], 0)
            joint.append(calibrate(circuits, scenes(host, circuits, calibration)))
        curves = [tuning(host, splices, step_deg=60) for splices in joint]
        card = score(specs, turned, host, joint, evaluate(host, joint, pictures), curves, calibration)
        return card, frontier_score(specs, turned, host, joint, grown(host, joint, pictures), calibration)

    return measured


@pytest.fixture(scope="module")
def right(measure) -> tuple[Scorecard, Frontier]:
    return measure(0, 0)


def mean_pearson(card: Scorecard, theory: int) -> float:
    units = card.units_of(theory)
    assert card.theories[theory].pearson == pytest.approx(sum(unit.pearson for unit in units) / len(units))
    return card.theories[theory].pearson


def test_right_theories_score_one_together(right):
    card, _ = right
    assert card.headline.value > RIGHT
    assert min(unit.pearson for unit in card.units) > RIGHT
    assert card.best_control is not None
    assert card.conditions["control.permuted"].recovered_kl.value < MUDDLED


@pytest.mark.parametrize(("wrong", "turns_deg"), [(0, (90, 0)), (1, (0, 90))])
def test_a_wrong_theory_lowers_the_score_and_is_seen_in_its_own_units_only(measure, right, wrong, turns_deg):
    card, _ = measure(*turns_deg)
    assert mean_pearson(card, wrong) < 0.5
    assert mean_pearson(card, 1 - wrong) > RIGHT
    assert card.headline.value < right[0].headline.value - 0.02


def test_the_card_names_both_and_sums_what_they_cost(right):
    card, _ = right
    found = document(card)
    assert found["circuit"]["name"] == "edge + curve"
    assert found["circuit"]["site"] == "retina + planted"
    assert (found["spec"]["theory"], found["spec"]["file"]) == ("edges + planted", "edges.yaml + planted.yaml")
    assert [unit["unit"].split(":")[0] for unit in found["units"]] == ["retina"] * 4 + ["planted"] * 6
    assert [theory["circuit"]["site"] for theory in found["theories"]] == ["retina", "planted"]
    assert [theory["units"] for theory in found["theories"]] == [4, 6]
    for name, whole in found["cost"].items():
        assert whole == sum(theory["cost"][name] for theory in found["theories"]), name
    assert found["cost"]["calibrated"] == 20
    assert [unit.unit for unit in card.units_of(1)] == [f"planted:{unit}" for unit in (1, 3, 4, 7, 8, 10)]
    alone = [theory["spec"]["sha256"] for theory in found["theories"]]
    assert len({found["spec"]["sha256"], *alone}) == 3


def test_a_frontier_grows_by_a_theory_a_step(right):
    _, found = right
    assert [step.spec["theory"] for step in found.steps] == ["edges", "planted"]
    assert [step.units for step in found.steps] == [4, 10]
    assert found.sites == {"retina": 10, "planted": 12}
    assert [step.share for step in found.steps] == [4 / 22, 10 / 22]
    assert [step.cost.calibrated for step in found.steps] == [8, 20]
    for step in found.steps:
        assert step.conditions["natural"]["kl"].value == 0
        assert step.recovered["kl"].value > RIGHT
        assert step.control["kl"].value < MUDDLED
        assert step.against.ci95[0] > 0.9


def test_the_last_step_of_a_frontier_is_the_score_of_all(right):
    card, found = right
    last = found.steps[-1]
    assert last.recovered["kl"] == card.headline
    assert last.against == card.against["control.permuted"]
    assert last.conditions["ablated.zero"]["top1_agreement"] == card.conditions["ablated.zero"].top1_agreement
    assert last.cost == card.cost


def test_a_wrong_theory_shows_at_its_own_step(measure, right):
    _, found = measure(0, 90)
    assert found.steps[0].recovered == right[1].steps[0].recovered
    assert found.steps[1].recovered["kl"].value < right[1].steps[1].recovered["kl"].value - 0.02


@pytest.mark.inceptionv1
def test_the_first_five_layers_of_inceptionv1_have_1056_units(inceptionv1):
    assert sum(sites_up_to(inceptionv1, ["conv2d1", "mixed3b"]).values()) == 1056
    assert sites_up_to(inceptionv1, ["conv2d0"]) == {"conv2d0": 64}
