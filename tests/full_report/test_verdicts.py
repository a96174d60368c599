"""Verdicts: whether the theory passed each argument, from the analysis's own figures."""

from types import SimpleNamespace as Made

import numpy as np
import pytest

from workbench.analyses.claims.part import verdict as of_claims
from workbench.analyses.equivariance.part import verdict as of_equivariance
from workbench.analyses.explain.part import verdict as of_explain
from workbench.analyses.families.part import verdict as of_families
from workbench.analyses.polysemanticity.part import verdict as of_polysemanticity
from workbench.analyses.request import Verdict
from workbench.analyses.stepwise.part import verdict as of_stepwise
from workbench.analyses.stepwise.steps import FAILS, HOLDS, UNKNOWN
from workbench.analyses.unexplained.part import verdict as of_unexplained
from workbench.analyses.usage.consumers import Consumers
from workbench.analyses.usage.part import verdict_of_examples, verdict_of_use
from workbench.analyses.visualise.figures import Made as MadePicture
from workbench.analyses.visualise.figures import Visualised
from workbench.analyses.visualise.part import verdict as of_visualise
from workbench.score.uncertainty import Figure


def test_words_of_a_verdict():
    words = [Verdict(passed, "", "").word for passed in (True, False, None)]
    assert words == ["passed", "not passed", "no verdict"]


@pytest.mark.parametrize(
    ("trained", "handwritten", "passed", "figures"),
    [
        ([True, True], [True, True], True, "2 of 2 in the trained network"),
        ([True, True], [True, False], False, "1 of 2 in the handwritten circuit"),
        ([True, None], [True, True], True, "1 of 1 in the trained network and 2 of 2 in"),
        ([None, None], [True, True], None, "true: 2 of 2 in the handwritten circuit."),
    ],
)
def test_claims_pass_where_all_came_true(trained, handwritten, passed, figures):
    rows = [
        Made(trained=None if one is None else Made(came_true=one), handwritten=Made(came_true=two))
        for one, two in zip(trained, handwritten, strict=True)
    ]
    verdict = of_claims(Made(claims=rows))
    assert verdict.passed is passed
    assert figures in verdict.figures


def test_joint_tuning_passes_where_every_view_turns():
    def view(name: str, turned: bool) -> Made:
        return Made(view=name, turned=turned, explained=Figure(0.8), permuted=Figure(0.25), p=0.01)

    assert of_equivariance(Made(views=[view("drawings", True)])).passed
    verdict = of_equivariance(Made(views=[view("drawings", True), view("weights", False)]))
    assert verdict.passed is False
    assert "weights 0.80 (in wrong frames 0.25, p 0.010)" in verdict.figures
    assert of_equivariance(Made(views=[])).passed is None


def pair(source: str, value: float, p: float) -> Made:
    explained = Made(value=value, permuted=-0.5, p=p)
    return Made(families=("curve", source), theory={"explained": explained})


def test_weights_pass_where_every_pair_is_explained_beyond_permuted_poses():
    right, no_better, negative = pair("line", 0.3, 0.01), pair("bend", 0.4, 0.2), pair("x", -1, 0)
    assert of_explain(Made(pairs=[right])).passed
    assert of_explain(Made(pairs=[right, no_better])).passed is False
    verdict = of_explain(Made(pairs=[right, negative]))
    assert verdict.passed is False
    assert verdict.figures == (
        "In 1 of 2 pairs of families the theory explains the trained weights. Explained variance: "
        "−1.00 from x to curve (poses permuted −0.50) to 0.30 from line to curve (poses permuted "
        "−0.50)."
    )
    assert of_explain(Made(pairs=[])).passed is None


@pytest.mark.parametrize(
    ("families", "low", "wrong", "passed"),
    [
        (["line"], 0.2, 0.1, True),
        (["line"], 0.2, 0.3, False),
        (["line"], 0.2, None, True),  # a family with one pose has no wrong one
        (["line", "bend"], 0.2, 0.1, False),  # no unit corresponds to a bend
    ],
)
def test_families_pass_where_each_has_units_nearer_than_wrong_poses(families, low, wrong, passed):
    row = Made(family="line", site="s", pearson=Figure(0.3, (low, 0.4)), permuted=Figure(wrong))
    verdict = of_families(Made(families=dict.fromkeys(families, 6), layers=[row]))
    assert verdict.passed is passed
    assert verdict.figures.startswith(f"1 of {len(families)} families")
    assert verdict.figures.count("0.30 of line at s") == 1


def test_polysemanticity_passes_where_each_unit_is_better_than_wrong_theories():
    def result(*lows: float | None) -> Made:
        units = [
            Made(explained=Figure(None) if low is None else Figure(0.5, (low, 0.6)), permuted=0.2)
            for low in lows
        ]
        return Made(units=units, explained=0.5, permuted=0.2, other=0.1)

    assert of_polysemanticity(result(0.3, None)).passed
    assert of_polysemanticity(result(0.3, 0.1)).passed is False
    assert "Clearly better in 1 of 2 units" in of_polysemanticity(result(0.3, 0.1)).figures
    assert of_polysemanticity(result(None)).passed is None


def test_steps_pass_where_all_hold():
    def proof(*verdicts: str) -> Made:
        steps = [Made(verdict=verdict, pearson=Figure(0.6), wrong=0.2) for verdict in verdicts]
        return Made(claims=[Made(units=[Made(steps=steps)])])

    assert of_stepwise(proof(HOLDS, HOLDS)).passed
    verdict = of_stepwise(proof(HOLDS, FAILS, UNKNOWN))
    assert verdict.passed is False
    assert verdict.figures.startswith("1 of 3 steps hold and 1 fail")
    assert verdict.figures.endswith("Mean correlation 0.60, with wrong poses 0.20.")
    assert of_stepwise(Made(claims=[])).passed is None


def test_unexplained_passes_without_a_suggestion_and_below_shuffled_units():
    right = Made(left={"a": 0.4}, left_wrong={"a": 1.5}, suggestion=None)
    assert of_unexplained(right).passed
    wrong = Made(left={"a": 1.6}, left_wrong={"a": 1.5}, suggestion=None)
    assert of_unexplained(wrong).passed is False
    best = Made(name="line", missing=None, channels=("a:1",), explained=0.2, random=0.01, p=0.001)
    suggested = of_unexplained(Made(**{**vars(right), "suggestion": best}))
    assert suggested.passed is False
    assert "0.40 times the units' variance" in suggested.figures
    assert "read line, 1 channels: 0.200 of what is left, by chance 0.010" in suggested.figures


def test_pictures_pass_where_each_activates_its_own_unit_most():
    def visualised(*trained: float) -> Visualised:
        made = [MadePicture("a:1", "handwritten", value, 1.0, 0.3, "") for value in trained]
        return Visualised(Made(), 1, 1, (*made, MadePicture("a:1", "trained", 0.0, 1, 0.9, "")))

    assert of_visualise(visualised(0.7, 0.5)).passed
    verdict = of_visualise(visualised(0.7, 0.1))
    assert verdict.passed is False
    assert "to 0.40 of the highest" in verdict.figures
    assert "to 0.30 on average; 1 of 2" in verdict.figures
    assert of_visualise(visualised(float("nan"))).passed is False


@pytest.mark.parametrize(("shared", "passed"), [(3, True), (0, False)])
def test_examples_pass_where_more_are_shared_than_by_chance(shared, passed):
    names = {"trained": "abc", "handwritten": "abc"[:shared] + "xyz"[shared:]}
    examples = [
        Made(unit="u", side=side, picture=name) for side, row in names.items() for name in row
    ]
    verdict = verdict_of_examples(examples, 100)
    assert verdict.passed is passed
    assert verdict.figures.startswith(f"{shared} of the trained units' 3 pictures")
    # all three of three by chance: 1 in 161,700
    assert verdict.figures.endswith(f"by chance 0.1 (p {'below 0.001' if shared else '1.000'}).")
    assert verdict_of_examples(examples[:3], 3).passed is False
    assert verdict_of_examples(examples if shared else [], 3).passed is None


def test_use_passes_where_handwritten_units_restore_most():
    def used(spliced: float, mean: float) -> Consumers:
        changed = {"ablated.zero": 1.0, "spliced": spliced, "control.permuted": 0.9}
        changed["ablated.mean"] = mean
        return Consumers("fire6", {name: np.full(3, value) for name, value in changed.items()})

    passed, failed = verdict_of_use(used(0.2, 0.5)), verdict_of_use(used(0.6, 0.5))
    assert (passed.passed, failed.passed) == (True, False)
    assert "restore 0.80 of the change in the 3 units of fire6" in passed.figures
    assert "their means 0.50, the handwritten units with permuted poses 0.10" in passed.figures
    silent = Consumers("fire6", {name: np.zeros(3) for name in used(0, 0).changed})
    assert verdict_of_use(silent).passed is None
