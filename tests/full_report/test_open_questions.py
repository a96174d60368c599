"""Sentences of "What stays open": from the figures of each analysis, and from nothing else."""

from types import SimpleNamespace as Made

import pytest

from workbench.analyses.claims.part import open_questions as of_claims
from workbench.analyses.equivariance.part import open_questions as of_equivariance
from workbench.analyses.explain.part import open_questions as of_explain
from workbench.analyses.families.part import open_questions as of_families
from workbench.analyses.polysemanticity.part import open_questions as of_polysemanticity
from workbench.analyses.stepwise.part import open_questions as of_stepwise
from workbench.analyses.stepwise.steps import FAILS, HOLDS, PIXELS, UNKNOWN
from workbench.analyses.unexplained.part import open_questions as of_unexplained


def test_families_without_a_trained_unit_are_named():
    result = Made(families={"line": 12, "bend": 24}, layers=[Made(family="line")])
    (sentence,) = of_families(result)
    assert "the theory's family bend: no trained unit corresponds" in sentence


def test_claims_that_failed_or_were_not_tested_are_named():
    true, false = Made(came_true=True), Made(came_true=False)
    claims = [
        Made(claim="a", unbound=[], trained=true, handwritten=true),
        Made(claim="b", unbound=[], trained=true, handwritten=false),
        Made(claim="c", unbound=["line"], trained=None, handwritten=true),
    ]
    failed, untested = of_claims(Made(claims=claims))
    assert failed == "The claim b: it did not come true in the handwritten circuit."
    assert untested.startswith("The claim c of the trained network: ")
    assert "line with --use-trained" in untested


def test_steps_that_do_not_hold_in_every_unit_are_counted():
    units = [
        Made(
            steps=[
                Made(assumes="mixed3a", verdict=HOLDS),
                Made(assumes="conv2d0", verdict=verdict),
                Made(assumes=PIXELS, verdict=verdict),
            ]
        )
        for verdict in (HOLDS, FAILS, UNKNOWN)
    ]
    sentences = list(of_stepwise(Made(claims=[Made(family="curve", site="mixed3b", units=units)])))
    assert len(sentences) == 2
    for sentence in sentences:
        assert "curve at mixed3b follows" in sentence
        assert "of 3 units 1 fail and 1 are unknown" in sentence


def test_unexplained_variance_with_and_without_a_suggestion():
    left = {"a": 0.4, "b": 0.2}
    (suggested,), (nothing,) = (
        list(of_unexplained(Made(left=left, suggestion=suggestion)))
        for suggestion in (Made(name="line"), None)
    )
    assert "0.30 of the units' variance" in suggested
    assert suggested.endswith("the theory might read line.")
    assert nothing.endswith("no unit of the layer before explains more than chance.")


def test_unexplained_difference_larger_than_the_variance_is_no_part_of_it():
    (sentence,) = of_unexplained(Made(left={"a": 2.0, "b": 0.32}, suggestion=None))
    assert "differ on pictures, by 1.16 times the units' variance" in sentence


def test_weights_have_their_explained_variance_and_those_left_out_their_reason():
    pair = Made(families=("curve", "line"), theory={"explained": Made(value=0.043)})
    left_out = {"bend at conv2d2": "no convolution between"}
    explained, absent = of_explain(Made(pairs=[pair], left_out=left_out))
    assert "the weights from line to curve" in explained
    assert "0.04 of their variance" in explained
    assert "bend at conv2d2" in absent
    assert absent.endswith("no convolution between")


@pytest.mark.parametrize(("turned", "ending"), [(True, "each."), (False, "wrong frames.")])
def test_views_that_no_rotation_explains_are_named(turned, ending):
    view = Made(view="drawings", explained=Made(value=0.5), turned=turned)
    (sentence,) = of_equivariance(Made(views=[view]))
    assert "0.50" in sentence
    assert sentence.endswith(ending)


def test_activation_that_the_theory_does_not_account_for_has_its_figures():
    (sentence,) = of_polysemanticity(Made(explained=0.56, other=0.09))
    assert "0.56" in sentence
    assert "0.09" in sentence
