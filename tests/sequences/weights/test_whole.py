"""Whole networks of modular arithmetic: the same answers as the rule, and wrong ones that fail."""

from dataclasses import replace

import pytest
import torch

from tests.sequences.sums import (
    MODULUS,
    SHAPE,
    THEORY,
    random_host,
    sums_circuit,
    sums_spec,
)
from workbench.sequences.compile import compile_tokens
from workbench.sequences.neuron_controls import wrong_circuits
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.score import score_loaded
from workbench.sequences.weights import whole
from workbench.sequences.weights.network import with_weights

LEAK = 1e-4  # exp(-30) of attention goes to other places, and float32
GAINS = torch.tensor([7.0, -4.0])
SUBTRACTED = THEORY.replace("phases: added", "phases: subtracted")
HARMONICS = THEORY.replace("harmonics: [0, 1], p", "harmonics: [0.3, 1], p")


def written_of(text, host):
    written = compile_tokens(sums_spec(text).theory, sums_circuit(host), MODULUS)
    return replace(written, answers=(replace(written.answers[0], gain=GAINS),))


def all_tokens():
    a, b = torch.meshgrid(torch.arange(MODULUS), torch.arange(MODULUS), indexing="ij")
    return torch.stack([a.flatten(), b.flatten(), torch.full((MODULUS**2,), MODULUS)], 1)


@pytest.mark.parametrize("text", [THEORY, SUBTRACTED, HARMONICS])
def test_the_network_answers_as_the_rule(text):
    host = random_host(replace(SHAPE, d_model=27, d_head=8))
    written = written_of(text, host)
    assert whole.refused(host, written, 3) is None
    network = with_weights(host, whole.compiled(host, written, 3), "sums")
    tokens = all_tokens()
    answers, _ = network.run(tokens)
    rule = (written.columns(written.answers[0], tokens, {}) @ GAINS)[:, 0]
    centred = rule - rule.mean(1, keepdim=True)
    made = answers[:, -1] - answers[:, -1].mean(1, keepdim=True)
    assert torch.allclose(made, centred, atol=LEAK)
    assert centred.std() > 0.1


def test_subtraction_and_addition_differ():
    host = random_host()
    made = []
    for text in (THEORY, SUBTRACTED):
        weights = whole.compiled(host, written_of(text, host), 3)
        made.append(with_weights(host, weights, "sums").run(all_tokens())[0])
    assert not torch.allclose(*made, atol=0.1)


def test_the_part_recovers_a_network_of_its_mechanism_and_its_controls_fail():
    empty = random_host()
    trained = with_weights(empty, whole.compiled(empty, written_of(THEORY, empty), 3), "sums")
    circuit = sums_circuit(trained)
    card = score_loaded(sums_spec(), circuit, trained, prompts_of(circuit.prompts, trained))
    part, at_score = card.part("whole.weights"), card.part("whole")
    assert part.level == "weights"
    assert part.row("spliced").recovered.value > 0.999
    assert part.row("spliced").quantities["logit_r2"] > 0.999
    assert set(part.rows[0].quantities) == set(at_score.rows[0].quantities)
    assert [row.facts.name for row in part.rows] == [row.facts.name for row in at_score.rows]
    controls = [row for row in part.rows if row.facts.name.startswith("control.")]
    assert len(controls) == 5
    for row in controls:
        assert row.quantities["logit_r2"] < 0, row.facts.name


def test_the_part_recovers_nothing_of_a_random_network():
    host = random_host()
    circuit = sums_circuit(host)
    card = score_loaded(sums_spec(), circuit, host, prompts_of(circuit.prompts, host))
    assert card.part("whole.weights").verdict.startswith("not this mechanism")


def test_wrong_circuits_are_other_weights():
    host = random_host()
    written = written_of(THEORY, host)
    right = whole.compiled(host, written, 3)
    for name, (_, wrong) in wrong_circuits(written, 0).items():
        made = whole.compiled(host, wrong, 3)
        assert any(not torch.equal(made[key], right[key]) for key in right), name


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"d_model": 14}, "15 components of the stream"),
        ({"d_head": 2}, "4 components of a head"),
        ({"heads": 1}, "2 heads"),
        ({"d_mlp": 8}, "16 neurons"),
        ({"mlp": "gelu"}, "neurons max"),
        ({"norm": "rms"}, "no norm"),
        ({"positions": "rotary"}, "learned positions"),
        ({"outputs": MODULUS + 1}, "the numbers alone"),
    ],
)
def test_a_network_in_which_the_theory_has_no_place_is_refused(changes, reason):
    host = random_host(replace(SHAPE, **changes))
    assert reason in whole.refused(host, written_of(THEORY, random_host()), 3)
