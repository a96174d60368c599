"""Scorecards on the planted host, where the truth is known: the right theory scores 1, wrong ones
low in every figure that leads.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from tests.planted import THEORY, planted
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import stream_inputs
from workbench.evaluate.run import evaluate
from workbench.evaluate.statistics import Statistics
from workbench.files import set_sha256
from workbench.hosts import Host
from workbench.score.agreement import pearson
from workbench.score.document import document
from workbench.score.recovery import recovered
from workbench.score.score import Spliced, score, tuning_summary
from workbench.score.scorecard import Scorecard
from workbench.spec import Spec, TrainedCircuit, theory_from_text
from workbench.splice.calibrate import Splices, calibrate, with_random_readout
from workbench.vision.pictures import Picture
from workbench.vision.pictures.drawn import drawn
from workbench.vision.tuning import tuning

RIGHT = 0.99  # what is left is float32 and calibration
# recovered KL: a circuit that says nothing is calibrated to say the mean, which recovers 0.62 of
# zero ablation
FAR = 0.7
PICTURES = 6


class Measured(NamedTuple):
    """`pearson` is the mean over units, `recovered` of the KL."""

    spec: Spec
    trained: TrainedCircuit
    host: Host
    splices: Splices
    statistics: Statistics
    calibration: list[Picture]

    @property
    def pearson(self) -> float:
        return float(pearson(self.statistics.rows["spliced"]["moments"].sum(0)).mean())

    def recovered(self, ablation: str = "zero") -> float:
        return recovered(self.statistics, "spliced", f"ablated.{ablation}", "kl").value


@pytest.fixture(scope="module")
def measure() -> Callable[..., Measured]:
    """Compiles a theory with every pose turned, splices it into the planted host and runs it."""
    host, trained, _ = planted()
    calibration = drawn(4, seed=1)
    pictures = [
        replace(picture, label=f"n{i % 7:08d}") for i, picture in enumerate(drawn(PICTURES, seed=2))
    ]

    def measured(turn_deg: float = 0.0, theory: str = THEORY, seed: int = 0) -> Measured:
        spec = theory_from_text(theory, "planted.yaml")
        turned = [
            unit.model_copy(update={"centre_deg": (unit.centre_deg + turn_deg) % 360})
            for unit in trained.units
        ]
        wrong = trained.model_copy(update={"units": tuple(turned)})
        circuits = {"spliced": compile_spec(spec, wrong, host)}
        circuits["random"] = with_random_readout(circuits["spliced"], seed)
        splices = calibrate(circuits, stream_inputs(host, circuits, calibration), seed)
        return Measured(
            spec, wrong, host, splices, evaluate(host, [splices], pictures), calibration
        )

    return measured


def card(measured: Measured, seed: int = 0) -> Scorecard:
    curves = tuning(measured.host, measured.splices, step_deg=30)
    spliced = Spliced([measured.spec], [measured.trained], measured.host, [measured.splices])
    return score(spliced, measured.statistics, [curves], measured.calibration, seed)


@pytest.fixture(scope="module")
def best(measure) -> Measured:
    return measure()


@pytest.fixture(scope="module")
def right(best) -> Scorecard:
    return card(best)


def test_the_right_theory_scores_one(right):
    for unit in right.units:
        figures = (unit.pearson, unit.explained_variance, unit.top_overlap)
        assert min(figures) > RIGHT, unit.unit
        assert unit.spearman > 0.95, (
            unit.unit
        )  # silent cells of one are tiny activations of the other
        assert unit.pose_error_deg < 1
        assert unit.trained == pytest.approx(unit.handwritten, rel=0.01)
    for ablation, figures in right.recovered.items():
        for quantity in ("kl", "agreement", "consumer", "top1", "top5"):
            assert figures[quantity].value is None or figures[quantity].value > RIGHT, (
                ablation,
                quantity,
            )
        assert figures["kl"].ci95[0] > RIGHT
    assert right.fires["kl"].value > RIGHT
    assert right.headline == right.recovered["zero"]["kl"]


@pytest.mark.parametrize(
    "control",
    [
        "control.permuted",
        "control.flipped",
        "control.other_picture",
        "control.random",
        "baseline.affine",
    ],
)
def test_controls_of_the_right_theory_score_far_below(right, control):
    control_score = right.conditions[control]
    assert right.conditions["spliced"].pearson.value > RIGHT
    assert control_score.pearson.value < 0.5
    assert (
        control_score.recovered.value < FAR + 0.1
    )  # poses permuted among units of which some are near each other
    assert right.headline.ci95[0] > RIGHT
    assert (
        control_score.quantities["kl"].value
        > 100 * right.conditions["spliced"].quantities["kl"].value
    )
    assert control_score.changed > 0


@pytest.mark.parametrize("turn", [60.0, 90.0, -90.0])
def test_a_turned_circuit_scores_far_below(measure, best, turn):
    turned = measure(turn)
    assert best.pearson > RIGHT
    assert turned.pearson < 0.2
    assert best.recovered() > RIGHT
    assert turned.recovered() < FAR
    assert best.recovered("mean") > RIGHT
    assert turned.recovered("mean") < 0.2


def test_a_little_turn_costs_a_little_and_shows_as_pose_error(measure, best):
    turned = measure(20)
    assert best.pearson > turned.pearson + 0.1 > 0.6
    assert best.recovered() > turned.recovered() > FAR
    assert card(turned).tuning["pose_error_deg"] == pytest.approx(
        20, abs=8
    )  # of curves sampled every 30 degrees


FLIPPED = THEORY.replace("tolerance_deg: 20}", "tolerance_deg: 20, gain: -1}").replace(
    "gain: {tune: -0.3, min: -1, max: 0}", "gain: 0.3"
)


def test_a_theory_of_the_opposite_sign_is_refused(measure):
    """Scaling by the drive of its own ideal stimulus would turn it into the right theory."""
    assert FLIPPED.count("gain") == 2
    with pytest.raises(
        WorkbenchError,
        match=r"planted.yaml: families.curve: its own ideal stimulus drives it to -12",
    ):
        measure(theory=FLIPPED)


def test_without_its_inhibition_the_theory_is_a_little_worse(measure, best):
    without = measure(theory=THEORY.replace("{tune: -0.3, min: -1, max: 0}", "0"))
    assert without.pearson < best.pearson - 0.01
    assert without.recovered() < best.recovered() - 0.001


def test_the_card_says_what_was_compared(right):
    assert right.header.host["name"] == "planted"
    assert len(right.header.host["fingerprint"]) == 64
    assert (right.header.circuit["name"], right.header.circuit["site"]) == ("curve", "planted")
    assert (right.header.spec["theory"], right.header.spec["file"]) == ("planted", "planted.yaml")
    assert {key: right.header.images[key] for key in ("n", "labelled")} == {
        "n": PICTURES,
        "labelled": PICTURES,
    }
    assert 0 < right.header.images["fires"] <= PICTURES
    assert right.header.calibration["n"] == 4
    assert right.tuned_on is None
    assert [unit.unit for unit in right.units] == [
        f"planted:{channel}" for channel in (1, 3, 4, 7, 8, 10)
    ]


def test_natural_and_zero_ablation_are_the_ends_of_the_scale(right):
    natural, ablated = right.conditions["natural"], right.conditions["ablated.zero"]
    assert (
        natural.quantities["kl"].value,
        natural.quantities["top1_agreement"].value,
        natural.recovered.value,
        natural.changed,
    ) == (0, 1, 1, 0)
    assert ablated.recovered.value == 0
    assert ablated.pearson.value == 0
    assert ablated.quantities["kl"].value > 0.1


def test_the_best_control_is_the_one_that_recovers_most(right):
    shares = {
        name: row.recovered.value
        for name, row in right.conditions.items()
        if name.startswith("control.")
    }
    assert right.best_rival == max(shares, key=shares.get)


def test_the_same_inputs_give_the_same_document(measure, right):
    assert document(card(measure())) == document(right)
    assert (
        document(card(measure(seed=1), seed=1))["conditions"]["control"]
        != document(right)["conditions"]["control"]
    )


def test_a_set_of_pictures_has_one_name():
    assert set_sha256(["a", "b"]) == set_sha256(["b", "a"]) != set_sha256(["a"])


def test_silent_units_are_null_and_do_not_hide_the_others(right):
    silent = replace(
        right.units[0],
        pose_error_deg=math.nan,
        handwritten=dict.fromkeys(right.units[0].handwritten, math.nan),
    )
    summary = tuning_summary([silent, *right.units[1:]])
    assert summary["pose_error_deg"] < 1
    assert summary["handwritten.width_deg"] == pytest.approx(
        np.mean([unit.handwritten["width_deg"] for unit in right.units[1:]])
    )
    assert summary["handwritten.largest_gap_deg"] == pytest.approx(120, abs=15)
    counted = {name: value for name, value in summary.items() if name.startswith("units.")}
    assert set(counted.values()) == {len(right.units) - 1}
    assert set(counted) >= {"units.pose_error_deg", "units.handwritten.largest_gap_deg"}
    assert not any(name.startswith("units.trained") for name in counted)
    assert not any(name.startswith("units.") for name in tuning_summary(right.units))
    written = document(replace(right, units=(silent, *right.units[1:])))
    assert written["units"][0]["handwritten"]["preferred_deg"] is None


@pytest.mark.filterwarnings("error")
def test_a_circuit_of_silent_units_has_no_tuning(right):
    silent = [
        replace(u, pose_error_deg=math.nan, handwritten=dict.fromkeys(u.handwritten, math.nan))
        for u in right.units
    ]
    summary = tuning_summary(silent)
    assert math.isnan(summary["pose_error_deg"])
    assert math.isnan(summary["handwritten.echo"])
    assert summary["handwritten.largest_gap_deg"] == 360
