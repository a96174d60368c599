"""Gains fitted to the network's answers, next to gains fitted to the heads' own patterns."""

import pytest
import torch

from tests.sequences.planted import copying_circuit, planted_host
from workbench.errors import WorkbenchError
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.compile import compile_tokens
from workbench.sequences.files import token_theory_from_text
from workbench.sequences.fit_answers import calibrated, refuse_without_logits
from workbench.sequences.head_parts import as_layers, handwritten_patterns, sites_of_heads
from workbench.sequences.natural_run import natural_run
from workbench.sequences.overrides import with_patterns
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.short_run import answers_under
from workbench.sequences.tune import tuned_tokens

THEORY = """
theory: near
input: tokens
families:
  previous:
    units: heads{fitted_to}
    looks:
      - {{place: offset, at: 1, gain: {gain}}}
      - {{place: distance, gain: {gain}}}
"""


def theory(fitted_to="", gain="calibrated"):
    key = f"\n    fitted_to: {fitted_to}" if fitted_to else ""
    return token_theory_from_text(THEORY.format(fitted_to=key, gain=gain))


@pytest.fixture(scope="module")
def host():
    """A random network, whose heads have no place that they look at."""
    return planted_host(planted=False)


@pytest.fixture(scope="module")
def runs(host):
    prompts = prompts_of(copying_circuit(host).prompts, host)
    written = compile_tokens(theory().theory, copying_circuit(host), shape_of(host).answers)
    sites = sites_of_heads(written.heads)
    return [natural_run(host, chosen, sites) for chosen in (prompts.calibration, prompts.scored)]


def fitted(host, runs, fitted_to, seed=0):
    spec, circuit = theory(fitted_to), copying_circuit(host)
    written = compile_tokens(spec.theory, circuit, shape_of(host).answers)
    return calibrated(host, written.heads, runs[0], seed)


@torch.no_grad()
def divergence(host, heads, run):
    patterns = handwritten_patterns(heads, ("previous",), run, causal=True)
    answers = answers_under(host, run, with_patterns(as_layers(heads, patterns, ("previous",))))
    p, q = (logits[run.scored].log_softmax(-1) for logits in (run.answers, answers))
    return float((p.exp() * (p - q)).sum(-1).mean())


def test_the_answers_are_nearer_than_with_gains_fitted_to_patterns(host, runs):
    to_patterns, to_answers = (fitted(host, runs, to) for to in ("patterns", "answers"))
    for run in runs:  # the second has prompts on which nothing was fitted
        assert divergence(host, to_answers, run) < 0.99 * divergence(host, to_patterns, run)


def test_patterns_are_the_default(host, runs):
    gains = [
        [term.gain for term in fitted(host, runs, to)["previous"].terms] for to in ("", "patterns")
    ]
    assert torch.equal(*map(torch.stack, gains))


def test_the_same_seed_gives_the_same_gains(host, runs):
    first, again, other = (
        torch.stack([term.gain for term in fitted(host, runs, "answers", seed)["previous"].terms])
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_it_is_refused_where_no_gain_is_calibrated():
    with pytest.raises(WorkbenchError, match="fitted_to where a gain is calibrated"):
        theory("answers", gain="3")


def test_a_network_without_logits_is_refused(tiny_host):
    with pytest.raises(WorkbenchError, match="no logits"):
        refuse_without_logits(tiny_host, "previous")


def test_other_numbers_are_not_tuned_meanwhile(host, tmp_path):
    text = THEORY.format(fitted_to="\n    fitted_to: answers", gain="calibrated")
    spec = token_theory_from_text(
        f"{text}      - {{place: first, gain: {{tune: 1, min: 0, max: 2}}}}\n"
    )
    prompts = prompts_of(copying_circuit(host).prompts, host).calibration
    with pytest.raises(WorkbenchError, match="fitted_to: patterns while other numbers are tuned"):
        tuned_tokens(spec, copying_circuit(host), host, prompts, tmp_path / "tuned.yaml")
