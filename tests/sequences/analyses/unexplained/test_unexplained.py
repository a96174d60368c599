"""The rest that true, wrong and incomplete theories leave of planted circuits."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from tests.sequences.analyses.opened import request_of
from tests.sequences.planted import THEORY, VOCABULARY, copying_circuit, planted_host
from tests.sequences.sums import FREQUENCY, NEURONS, sum_circuit, sum_host
from tests.sequences.sums import THEORY as SUM_THEORY
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.sequences.analyses.unexplained.figures import TokenUnexplained
from workbench.sequences.analyses.unexplained.heads import token_table
from workbench.sequences.analyses.unexplained.run import run

PREVIOUS = THEORY[: THEORY.index("  follower")]


@pytest.fixture
def left(tmp_path: Path, monkeypatch):
    """A function of a theory and a network, which gives what the theory leaves of it."""

    def measured(theory: str, host=None, circuit=None) -> TokenUnexplained:
        host = host or planted_host()
        circuit = circuit or copying_circuit(host)
        return run(request_of(tmp_path, monkeypatch, host, circuit, theory), tmp_path / "out")

    return measured


def test_the_true_theory_leaves_little_of_its_heads_and_nothing_outside(left):
    result = left(THEORY)
    assert {head.head for head in result.heads} == {"0.0", "1.0"}
    for head in result.heads:
        assert head.left.value < 0.2
        assert head.residual.by_token.shape == (VOCABULARY, VOCABULARY)
        assert np.abs(head.residual.by_token).max() < 0.2
    assert result.outside == []
    assert result.suggested_term is None
    assert result.suggested_unit is None


def test_a_rule_for_the_wrong_place_leaves_everything_and_names_the_place(left):
    (head,) = left(PREVIOUS.replace("at: 1", "at: 2")).heads
    assert head.left.ci95[0] > 0.9
    assert head.overlap < 0.3
    assert head.residual.worst_offset == (2, pytest.approx(-1, abs=0.1))


def test_the_term_that_a_theory_lacks_is_suggested(left):
    weak = PREVIOUS.replace("{place: offset, at: 1, gain: 30}", "{place: distance, gain: -0.1}")
    result = left(weak)
    assert result.suggested_term.words == "place: offset, at: 1"
    assert result.suggested_term.head == "0.0"
    assert result.suggested_term.gain_in_overlap.ci95[0] > 0.3
    others = [term for term in result.terms if term is not result.suggested_term]
    assert max(term.gain_in_overlap.value for term in others) < 0.2


def test_the_head_that_a_theory_leaves_out_is_suggested(left):
    result = left(PREVIOUS)
    assert [unit.name for unit in result.outside] == ["head 1.0"]
    assert result.suggested_unit.name == "head 1.0"
    assert result.suggested_unit.restores.ci95[0] > 0.1
    assert result.alone["kl"].value == pytest.approx(result.outside[0].without.value)


def test_neurons_that_follow_the_frequencies_are_inside_and_others_outside(left):
    host = sum_host()
    assert left(SUM_THEORY, host, sum_circuit(host)).outside == []
    other = left(SUM_THEORY, host, sum_circuit(host, 5))
    assert other.neurons == []
    assert [unit.name for unit in other.outside] == ["16 neurons of layer 0"]
    assert other.suggested_unit.restores.value > 0.1


def test_a_true_rule_leaves_little_of_the_neurons_and_a_wrong_one_much(left):
    host = sum_host()
    (true,) = left(SUM_THEORY, host, sum_circuit(host)).neurons
    assert (true.frequency, true.neurons) == (FREQUENCY, NEURONS)
    assert true.ablated.value > 0.5
    assert true.left.ci95[1] < 0.1
    (wrong,) = left(
        SUM_THEORY.replace("phases: added", "phases: subtracted"), host, sum_circuit(host)
    ).neurons
    assert wrong.left.ci95[0] > 0.8


def test_no_term_is_fitted_to_prompts_of_three_places(left):
    host = sum_host()
    assert left(SUM_THEORY, host, sum_circuit(host)).terms == []


def test_a_table_by_tokens_has_the_mean_over_pairs_of_places():
    values = torch.tensor([[[1.0, 0.0], [2.0, 4.0]], [[3.0, 0.0], [6.0, 8.0]]])
    tokens = torch.tensor([[0, 1], [0, 1]])
    assert token_table(values, tokens, 2).tolist() == [[2, 0], [4, 6]]
    assert token_table(values, torch.zeros_like(tokens), 2)[0, 0] == pytest.approx(4)


def test_a_theory_without_heads_is_refused(left):
    host = sum_host()
    gather = SUM_THEORY[SUM_THEORY.index("  gather:") : SUM_THEORY.index("  number:")]
    theory = SUM_THEORY.replace(gather, "")
    with pytest.raises(WorkbenchError, match="no family of heads"):
        left(theory, host, sum_circuit(host))


def test_the_command_prints_the_tables_and_writes_its_folder(tmp_path, monkeypatch):
    host = planted_host()
    request = request_of(tmp_path, monkeypatch, host, copying_circuit(host), PREVIOUS)
    words = ["unexplained", str(request.spec), "--circuit", str(request.circuit)]
    words += ["-o", str(tmp_path / "out")]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    assert "suggestion: explain head 1.0" in done.stdout
    document = json.loads((tmp_path / "out" / "unexplained.json").read_text())
    assert document["suggested"] == {"term": None, "unit": "head 1.0"}
    assert document["heads"][0]["head"] == "0.0"
    assert len(document["heads"][0]["by_token"]) == VOCABULARY
    assert (tmp_path / "out" / "unexplained.png").stat().st_size > 10_000
