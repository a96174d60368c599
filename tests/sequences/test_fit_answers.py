"""Gains fitted to the network's answers, next to gains fitted to patterns and to logits."""

import pytest
import torch

from tests.sequences.planted import THEORY as PLANTED
from tests.sequences.planted import copying_circuit, planted_host
from workbench.errors import WorkbenchError
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.compile import compile_tokens
from workbench.sequences.files import token_theory_from_text
from workbench.sequences.fit import answer_gains
from workbench.sequences.fit_answers import calibrated, refuse_without_logits
from workbench.sequences.head_parts import as_layers, handwritten_patterns, sites_of_heads
from workbench.sequences.natural_run import natural_run
from workbench.sequences.overrides import with_patterns
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.score import score_loaded
from workbench.sequences.short_run import answers_under
from workbench.sequences.tune import TokenTuneSettings, tuned_tokens

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


def logits(seed=0):
    """Columns, the rest of the logits, and gains that are not those of least squares."""
    generator = torch.Generator().manual_seed(seed)
    columns = torch.randn(60, 12, 2, generator=generator)
    rest = torch.randn(60, 12, generator=generator)
    return columns, rest, torch.tensor([3.0, -1.0])


def loss(columns, rest, natural, gains):
    p, q = (made.log_softmax(-1) for made in (natural, rest + columns @ gains))
    return (p.exp() * (p - q)).sum(-1).mean()


def test_the_gains_that_made_the_answers_are_fitted():
    columns, rest, gains = logits()
    natural = rest + columns @ gains
    for start in (natural, None):
        assert torch.allclose(answer_gains(columns, natural - rest, start), gains, atol=1e-4)


def test_gains_fitted_to_answers_have_the_least_divergence():
    columns, rest, gains = logits()
    natural = rest + columns @ gains + 2 * torch.randn(60, 12, generator=torch.manual_seed(1))
    added = natural - rest
    squares, fitted = answer_gains(columns, added), answer_gains(columns, added, natural)
    fitted.requires_grad_()
    least = loss(columns, rest, natural, fitted)
    assert least < 0.99 * loss(columns, rest, natural, squares)
    least.backward()
    assert fitted.grad.abs().max() < 1e-4


COPIES = PLANTED.replace("means: calibrated", "means: calibrated\n    fitted_to: answers")


@pytest.mark.parametrize("name", ["copying", "circuit", "whole", "copying.weights"])
def test_copying_that_is_fitted_to_answers_is_nearer_to_them(cards, name):
    to_logits, to_answers = (card.part(name).row("spliced").quantities["kl"] for card in cards)
    assert to_answers < to_logits
    assert cards[0].part(name).numbers == cards[1].part(name).numbers


@pytest.fixture(scope="module")
def cards():
    """The planted circuit with other numbers in its heads, which makes the gain a compromise."""
    host = planted_host()
    circuit = copying_circuit(host)
    prompts = prompts_of(circuit.prompts, host)
    texts = (text.replace("gain: 30}", "gain: 4}") for text in (PLANTED, COPIES))
    return [score_loaded(token_theory_from_text(text), circuit, host, prompts) for text in texts]


def test_answers_have_no_patterns_to_be_fitted_to():
    with pytest.raises(WorkbenchError, match="it has no patterns"):
        token_theory_from_text(COPIES.replace("fitted_to: answers", "fitted_to: patterns"))
    with pytest.raises(WorkbenchError, match="fitted_to where a gain is calibrated"):
        token_theory_from_text(COPIES.replace("gain: calibrated", "gain: 3"))


def test_other_numbers_are_tuned_where_answers_alone_are_fitted_to_answers(host, tmp_path):
    text = COPIES.replace("gain: 30}", "gain: {tune: 20, min: 0, max: 40}}")
    circuit = copying_circuit(host)
    prompts = prompts_of(circuit.prompts, host).calibration
    settings = TokenTuneSettings(steps=1)
    spec = token_theory_from_text(text)
    tuned = tuned_tokens(spec, circuit, host, prompts, tmp_path / "tuned.yaml", settings)
    assert "fitted_to: answers" in tuned.spec.read_text()
