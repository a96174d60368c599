"""Query-key weights of planted heads: the rule's table where the width suffices."""

from dataclasses import replace

import pytest
import torch

from tests.sequences.planted import VOCABULARY, copying_circuit, copying_spec, planted_host
from tests.sequences.sums import SHAPE, random_host, sums_circuit, sums_spec
from workbench.sequences.compile import compile_tokens
from workbench.sequences.head_parts import handwritten_patterns
from workbench.sequences.natural_run import natural_run
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.sites import pattern_site
from workbench.sequences.subject import subject_of
from workbench.sequences.weights import query_key
from workbench.sequences.weights.heads import HeadRequest
from workbench.sequences.weights.network import with_weights


@pytest.fixture(scope="module")
def request_of_previous():
    host = planted_host()
    circuit = copying_circuit(host)
    prompts = prompts_of(circuit.prompts, host)
    subject = subject_of(copying_spec(), circuit, host, prompts, 0)
    return HeadRequest(host, subject.written.heads["previous"], subject.run, {})


def patterns(request, made):
    """The patterns on other prompts: the rule's, and those of the written network."""
    network = with_weights(request.host, made.weights, "copying")
    circuit = copying_circuit(request.host)
    prompts = prompts_of(circuit.prompts, request.host).scored
    run = natural_run(network, prompts, [pattern_site(0)])
    rule = handwritten_patterns({"previous": request.heads}, ("previous",), run, causal=True)
    return rule["previous"], run.seen[pattern_site(0)]


def test_a_wide_head_has_the_rules_pattern(request_of_previous):
    made = query_key.compiled(request_of_previous)
    rule, written = patterns(request_of_previous, made)
    assert torch.minimum(rule, written).sum(-1).mean() > 0.98
    assert made.bound == 2 * 48 * 24


def test_a_wrong_rule_gives_another_pattern(request_of_previous):
    right = query_key.compiled(request_of_previous)
    wrong = query_key.controls(request_of_previous, right)
    assert list(wrong) == ["control.shifted"]
    _, made = wrong["control.shifted"]
    rule, written = patterns(request_of_previous, made)
    assert torch.minimum(rule, written).sum(-1)[:, :, 2:].mean() < 0.1


def test_heads_with_the_same_gains_have_one_form():
    host = random_host()
    written = compile_tokens(sums_spec().theory, sums_circuit(host), VOCABULARY).heads["gather"]
    assert [own for own, _ in query_key.alike(written)] == [[0, 1]]
    gains = torch.tensor([20.0, 10.0])
    other = replace(written, terms=tuple(replace(term, gain=gains) for term in written.terms))
    assert [own for own, _ in query_key.alike(other)] == [[0], [1]]
    assert {float(one.terms[0].gain[0]) for _, one in query_key.alike(other)} == {20.0, 10.0}


def test_what_cannot_be_written_is_refused(monkeypatch):
    shared = random_host(replace(SHAPE, key_heads=1))
    written = compile_tokens(sums_spec().theory, sums_circuit(shared), VOCABULARY).heads["gather"]
    assert "share their keys" in query_key.refused(shared, written)
    assert query_key.refused(random_host(), written) is None
    monkeypatch.setattr(query_key, "MOST", 0)
    assert "at most 0" in query_key.refused(random_host(), written)
