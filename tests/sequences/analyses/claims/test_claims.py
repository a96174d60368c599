"""Claims about edits in networks whose circuit is planted, and in one without it."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.sequences.analyses.opened import request_of
from tests.sequences.planted import THEORY, copying_circuit, copying_spec, planted_host
from tests.sequences.sums import THEORY as SUM_THEORY
from tests.sequences.sums import sum_circuit, sum_host
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.evaluate.statistics import Statistics
from workbench.sequences.analyses.claims.figures import (
    FAILED,
    HELD,
    UNDECIDED,
    TokenOutcome,
    measured,
)
from workbench.sequences.analyses.claims.run import run
from workbench.sequences.changes import TokenExpect
from workbench.sequences.evaluate import NATURAL
from workbench.spec.problems import SpecError
from workbench.splice.conditions import ConditionFacts, ConditionKind

CLAIMS = """
variants:
  further: {about: two places before, set: {'families.previous.looks[0].at': 2}}
claims:
  needs-previous:
    about: x
    edit: {uniform: previous}
    expect: {figure: accuracy, falls_by: 0.3}
  patterns-need-previous:
    about: x
    edit: {uniform: previous}
    expect: {figure: pattern_overlap, of: follower, falls_by: 0.2}
  is-the-mechanism:
    about: x
    edit: {splice: heads}
    expect: {figure: recovered, above: 0.8}
  further-fails:
    about: x
    edit: {splice: heads, variant: further}
    expect: {figure: recovered, falls_by: 0.5}
  shifted-fails:
    about: x
    edit: {splice: previous, control: shifted}
    expect: {figure: recovered, below: 0}
  false:
    about: previous heads do nothing
    edit: {uniform: previous}
    expect: {figure: accuracy, above: 0.55}
"""
SIDES = {
    "needs-previous": {"trained": HELD, "handwritten": HELD},
    "patterns-need-previous": {"trained": HELD, "handwritten": HELD},
    "is-the-mechanism": {"handwritten": HELD},
    "further-fails": {"handwritten": HELD},
    "shifted-fails": {"handwritten": HELD},
    "false": {"trained": FAILED, "handwritten": FAILED},
}


@pytest.fixture
def outcomes(tmp_path: Path, monkeypatch):
    """A function of a network, its circuit and a theory, which gives each claim's outcome."""

    def tested(host, circuit, theory) -> dict[str, TokenOutcome]:
        request = request_of(tmp_path, monkeypatch, host, circuit, theory)
        return {outcome.name: outcome for outcome in run(request, tmp_path / "out").outcomes}

    return tested


def test_true_claims_of_a_planted_circuit_hold_and_a_false_one_fails(outcomes):
    host = planted_host()
    made = outcomes(host, copying_circuit(host), THEORY + CLAIMS)
    for name, sides in SIDES.items():
        outcome = made[name]
        assert {side: row.outcome for side, row in outcome.sides.items()} == sides, name
        assert outcome.agree is (True if len(sides) > 1 else None)
    trained = made["needs-previous"].sides["trained"]
    assert trained.distinguishes
    assert not trained.rivals["unchanged"].fulfils
    assert made["false"].sides["trained"].rivals["unchanged"].fulfils
    mechanism = made["is-the-mechanism"].sides["handwritten"]
    assert {name: rival.fulfils for name, rival in mechanism.rivals.items()} == {
        "unchanged": True,
        "ablated.uniform": False,
    }


def test_a_network_without_the_circuit_fulfils_no_claim_of_it(outcomes):
    host = planted_host(planted=False)
    made = outcomes(host, copying_circuit(host), THEORY + CLAIMS)
    assert made["needs-previous"].sides["trained"].outcome == FAILED
    assert made["is-the-mechanism"].sides["handwritten"].outcome != HELD


def test_heads_that_nothing_handwritten_reads_are_edited_in_the_network_alone(outcomes):
    host = sum_host()
    claims = """
claims:
  gathers:
    about: x
    edit: {uniform: gather}
    expect: {figure: accuracy, falls_by: 0.9}
  other-circles:
    about: x
    edit: {splice: whole, control: frequencies_1_higher}
    expect: {figure: logit_r2, below: 0.5}
"""
    made = outcomes(host, sum_circuit(host), SUM_THEORY + claims)
    assert list(made["gathers"].sides) == ["trained"]
    assert made["gathers"].sides["trained"].outcome == FAILED  # planted attention is even
    assert made["other-circles"].sides["handwritten"].outcome == HELD


def statistics(after: np.ndarray) -> Statistics:
    host = planted_host()
    rows = {"accuracy": np.zeros_like(after), "kl": np.zeros_like(after)}
    names = tuple(f"{i}" for i in range(len(after)))
    conditions = {
        NATURAL.name: NATURAL,
        "after": ConditionFacts("after", ConditionKind.ABLATION, "x"),
    }
    return Statistics(
        names,
        names,
        (),
        np.zeros(0),
        np.zeros((len(after), 0)),
        {NATURAL.name: rows, "after": {**rows, "accuracy": after}},
        quantities=host.output.quantities,
        conditions=conditions,
    )


@pytest.mark.parametrize(
    ("bound", "outcome"),
    [
        ({"above": 0.3}, HELD),
        ({"above": 0.5}, UNDECIDED),
        ({"above": 0.7}, FAILED),
        ({"rises_by": 0.3}, HELD),
        ({"rises_by": 0.5}, UNDECIDED),
        ({"falls_by": 0.1}, FAILED),
    ],
)
def test_a_claim_is_undecided_where_its_bound_is_within_the_interval(bound, outcome):
    after = np.tile([0.0, 1.0], 100)
    expect = TokenExpect(figure="accuracy", **bound)
    made = measured(expect, statistics(after), planted_host(), 0)
    assert made.after.value == 0.5
    assert made.outcome == outcome
    assert not made.rivals["unchanged"].fulfils


def test_a_figure_that_the_network_does_not_give_is_refused():
    expect = TokenExpect(figure="distance", above=0.1)
    with pytest.raises(WorkbenchError, match="figure distance: planted-0 has none"):
        measured(expect, statistics(np.ones(4)), planted_host(), 0)


@pytest.mark.parametrize(
    ("edit", "expect", "message"),
    [
        ("{uniform: answer}", "{figure: kl, above: 0}", "a family of heads"),
        ("{splice: middle}", "{figure: kl, above: 0}", "a part of the theory"),
        ("{splice: heads, variant: x}", "{figure: kl, above: 0}", "a variant of the theory"),
        ("{splice: heads, uniform: previous}", "{figure: kl, above: 0}", "exactly one of"),
        ("{uniform: previous, variant: x}", "{figure: kl, above: 0}", "with splice"),
        ("{uniform: previous}", "{figure: recovered, above: 0}", "recovered with splice"),
        ("{uniform: previous}", "{figure: kl}", "exactly one of above"),
        ("{uniform: previous}", "{figure: pattern_overlap, above: 0}", "of for figure"),
        (
            "{splice: whole}",
            "{figure: pattern_overlap, of: follower, above: 0}",
            "a part that writes patterns",
        ),
    ],
)
def test_a_faulty_claim_is_refused_with_its_key(edit, expect, message):
    claims = f"\nclaims:\n  wrong:\n    about: x\n    edit: {edit}\n    expect: {expect}\n"
    with pytest.raises(SpecError, match=message) as error:
        copying_spec(THEORY + claims)
    assert all(problem.key.startswith("claims.wrong") for problem in error.value.problems)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("{splice: previous, control: turned}", "part previous: no turned; .*shifted"),
        ("{splice: follower, variant: further}", "variant further: no follower"),
    ],
)
def test_a_control_or_a_variant_that_is_not_of_the_part_is_refused(edit, message, outcomes):
    host = planted_host()
    variants = CLAIMS[: CLAIMS.index("claims:")]
    claim = f"claims:\n  odd:\n    about: x\n    edit: {edit}\n"
    theory = f"{THEORY}{variants}{claim}    expect: {{figure: kl, above: 0}}\n"
    with pytest.raises(WorkbenchError, match=rf"claims\.odd: {message}"):
        outcomes(host, copying_circuit(host), theory)


def test_the_command_prints_the_table_and_writes_its_folder(tmp_path, monkeypatch):
    host = planted_host()
    request = request_of(tmp_path, monkeypatch, host, copying_circuit(host), THEORY + CLAIMS)
    words = ["claims", str(request.spec), "--circuit", str(request.circuit)]
    words += ["-o", str(tmp_path / "out")]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    document = json.loads((tmp_path / "out" / "claims.json").read_text())
    assert [claim["claim"] for claim in document["claims"]] == list(SIDES)
    assert document["claims"][0]["trained"]["outcome"] == HELD
    assert document["claims"][0]["edit"] == {"uniform": ["previous"]}
    assert (tmp_path / "out" / "claims.png").stat().st_size > 10_000
    again = CliRunner().invoke(main, [*words, "--json"], catch_exceptions=False)
    assert {**json.loads(again.stdout), "command": ""} == {**document, "command": ""}


def test_a_theory_without_claims_is_refused(tmp_path, monkeypatch):
    host = planted_host()
    request = request_of(tmp_path, monkeypatch, host, copying_circuit(host), THEORY)
    with pytest.raises(WorkbenchError, match="no claims"):
        run(request, tmp_path / "out")
