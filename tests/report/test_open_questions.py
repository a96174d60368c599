"""What a part leaves open is said with its figures, and nothing is where nothing is open."""

from types import SimpleNamespace as Made

from workbench.report import open_questions
from workbench.score.induction import FAILS, HOLDS, PIXELS, UNKNOWN


def test_a_family_that_nothing_is_like():
    found = Made(families={"line": 12, "bend": 24}, layers=[Made(family="line")])
    assert list(open_questions.of_layers(found)) == [
        "That the network has anything like the theory's family bend: no trained unit corresponds to one of its units."
    ]


def test_claims_that_failed_or_were_not_tested():
    true, false = Made(came_true=True), Made(came_true=False)
    claims = [
        Made(claim="a", unbound=[], trained=true, handwritten=true),
        Made(claim="b", unbound=[], trained=true, handwritten=false),
        Made(claim="c", unbound=["line"], trained=None, handwritten=true),
    ]
    assert list(open_questions.of_claims(Made(claims=claims))) == [
        "The claim b: it did not come true by hand.",
        "The claim c of the trained network: bind line to test it.",
    ]


def test_steps_that_do_not_hold_in_every_unit():
    verdicts = (HOLDS, FAILS, UNKNOWN)
    units = [
        Made(steps=[Made(assumes="mixed3a", verdict=HOLDS), Made(assumes="conv2d0", verdict=each), Made(assumes=PIXELS, verdict=each)])
        for each in verdicts
    ]
    assert list(open_questions.of_induction(Made(claims=[Made(family="curve", site="mixed3b", units=units)]))) == [
        "That curve at mixed3b follows (if conv2d0 is as claimed): of 3 units 1 fail and 1 are unknown.",
        "That curve at mixed3b follows (nothing assumed, the trained units): of 3 units 1 fail and 1 are unknown.",
    ]


def test_what_is_left_with_and_without_a_suggestion():
    left = {"a": 0.4, "b": 0.2}
    (some,), (none,) = (list(open_questions.of_residual(Made(left=left, suggestion=each))) for each in (Made(name="line"), None))
    assert some == "What makes up the 0.30 of the units' variance on pictures that is left: the theory might read line."
    assert none.endswith("nothing of the layer before is beyond chance.")


def test_a_difference_larger_than_the_units_variance_is_no_part_of_it():
    (said,) = open_questions.of_residual(Made(left={"a": 2.0, "b": 0.32}, suggestion=None))
    assert said.startswith("Why trained and handwritten units differ on pictures, by 1.16 times the units' variance: nothing")


def test_weights_frames_and_activation_have_their_figures():
    pair = Made(families=("curve", "line"), theory={"explained": Made(value=0.043)})
    assert list(open_questions.of_explained(Made(pairs=[pair], left_out={"bend at conv2d2": "no convolution between"}))) == [
        "Why the weights from line to curve are as they are: the theory explains 0.04 of their variance.",
        "Anything of the weights to bend at conv2d2: no convolution between",
    ]
    views = [Made(view=name, explained=Made(value=0.5), turned=turned) for name, turned in (("drawings", True), ("weights", False))]
    found = list(open_questions.of_equivariance(Made(views=views)))
    assert [each.endswith("wrong frames.") for each in found] == [False, True]
    (said,) = open_questions.of_polysemanticity(Made(explained=0.56, other=0.09))
    assert "0.56" in said
    assert "0.09" in said
