# ruff: noqa: E501  (a row of a table is one line)
"""Claims: an edit of what the last family reads, and one bound of one figure.

None of their numbers is the theory's own.
"""

import pytest
import yaml
from jsonschema import Draft202012Validator

from workbench.spec import SpecError, numbers, theory_from_text
from workbench.spec.schema import json_schema

EDIT, EXPECT = "{without: line}", "{figure: echo, above: 0.1}"


def claiming(arcs: str, edit: str = EDIT, expect: str = EXPECT) -> str:
    return f"{arcs}claims:\n  a: {{about: x, edit: {edit}, expect: {expect}}}\n"


@pytest.mark.parametrize(
    ("edit", "families"),
    [("{without: line}", ("line",)), ("{only: [line], sign: negative}", ("line",))],
)
def test_an_edit_names_families_alone_or_in_a_list(arcs, edit, families):
    assert theory_from_text(claiming(arcs, edit)).theory.claims["a"].edit.families == families


@pytest.mark.parametrize(
    ("edit", "expect", "expected"),
    [
        ("{}", EXPECT, "claims.a.edit: found {}; expected exactly one of without and only"),
        ("{without: line, only: line}", EXPECT, "expected exactly one of without and only"),
        ("{without: []}", EXPECT, "claims.a.edit.without: found []; expected at least 1 of them"),
        (
            "{without: lien}",
            EXPECT,
            "claims.a.edit.without: found 'lien', which 'curve' does not read; expected what it reads. Did you mean 'line'?",
        ),
        ("{only: [line, gabor]}", EXPECT, "claims.a.edit.only[1]: found 'gabor', which 'curve' does not read"),
        ("{witout: line}", EXPECT, "claims.a.edit.witout: found a key that is not known here. Did you mean 'without'?"),
        ("{without: line, sign: negativ}", EXPECT, "claims.a.edit.sign: found negativ; expected 'positive' or 'negative'. Did you mean"),
        (EDIT, "{figure: eco, above: 0}", "claims.a.expect.figure: found eco; expected 'echo', 'width_deg' or 'peak'. Did you mean 'echo'?"),
        (EDIT, "{figure: echo}", "expected exactly one of above, below, rises_by, falls_by"),
        (EDIT, "{figure: echo, above: 0, below: 1}", "expected exactly one of above, below, rises_by, falls_by"),
        (EDIT, "{figure: echo, rises_by: -1}", "claims.a.expect.rises_by: found -1; expected a number, at least 0"),
        (EDIT, "{figure: echo, above: {tune: 1, min: 0, max: 2}}", "claims.a.expect.above: found {tune: 1, min: 0, max: 2}; expected a number"),
    ],
)  # fmt: skip
def test_a_fault_of_a_claim_is_one_problem_at_its_line(arcs, edit, expect, expected):
    text = claiming(arcs, edit, expect)
    with pytest.raises(SpecError) as caught:
        theory_from_text(text, "arcs.yaml")
    (problem,) = caught.value.problems
    assert problem.line == text.count("\n")
    assert expected in str(problem)
    only_here = "which 'curve' does not read" in expected or "exactly one" in expected
    assert only_here or not Draft202012Validator(json_schema()).is_valid(yaml.safe_load(text))


def test_an_editor_takes_what_the_language_takes(arcs):
    for edit in (EDIT, "{only: [line], sign: positive}"):
        assert Draft202012Validator(json_schema()).is_valid(yaml.safe_load(claiming(arcs, edit)))


def test_numbers_of_claims_are_not_the_theorys_and_variants_have_no_claims(arcs):
    variant = "variants:\n  v: {about: y, set: {families.curve.threshold: 0}}\n"
    spec = theory_from_text(claiming(arcs) + variant)
    assert dict(numbers(spec.theory)) == dict(numbers(theory_from_text(arcs).theory))
    assert not spec.variants["v"].claims
