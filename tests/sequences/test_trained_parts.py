"""Families that stay trained: their conditions, and the families that cannot."""

import math

import pytest
import torch

from tests.sequences import planted, sums
from workbench.errors import WorkbenchError
from workbench.hosts.transformer_host import transformer_host
from workbench.sequences.embedding_parts import Embedding
from workbench.sequences.parts import parts_of
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.rule import neuron_waves, placed_waves
from workbench.sequences.score import TokenRequest, score_loaded
from workbench.sequences.subject import subject_of
from workbench.sequences.trained_parts import trainable, with_trained

CLOSE = 1e-5  # float32
WAVES = sums.THEORY.replace("places: [0, 1]}", "places: [0, 1], through: gather}")


def card_of(host, circuit, spec, *families):
    request = TokenRequest(spec="", circuit="", use_trained=families)
    return score_loaded(spec, circuit, host, prompts_of(circuit.prompts, host), request=request)


def sums_card(host, *families):
    return card_of(host, sums.sum_circuit(host), sums.sums_spec(), *families)


def rows_of(card):
    return {
        part.name: [row.facts.name for row in part.rows if row.facts.kind == "trained"]
        for part in card.parts
    }


def permuted_embedding(order):
    """The planted network with other rows for its numbers, which it then adds wrongly."""
    host = sums.sum_host()
    state = {name: value.clone() for name, value in host.network.state_dict().items()}
    rows = state["embed.W_E"]
    rows[: sums.MODULUS] = rows[: sums.MODULUS][order]
    return transformer_host("sum", host.network.shape, state, 3)


def test_waves_of_even_circles_are_those_of_the_rule():
    numbers, frequency, coefficients = torch.tensor([[3, 7], [12, 0]]), 2, (0.3, 1.0, 0.5)
    phases = torch.tensor([[0.0, 50.0, 200.0], [0.0, -50.0, 10.0]], dtype=torch.float64)
    at = torch.arange(sums.MODULUS).double()
    circles = {
        harmonic * frequency: sums.circle(360.0 * harmonic * frequency / sums.MODULUS * at)
        for harmonic in (1, 2)
    }
    shares = torch.tensor([[0.5, 1.5], [1.0, 1.0]])
    expected = neuron_waves(numbers, phases, frequency, sums.MODULUS, coefficients, shares)
    made = placed_waves(numbers, phases, frequency, circles, coefficients, shares)
    assert torch.allclose(made, expected, atol=CLOSE)


def test_numbers_on_circles_are_read_where_they_are():
    generator = torch.Generator().manual_seed(0)
    at = torch.arange(sums.MODULUS).double()
    circles = [sums.circle(360.0 * k / sums.MODULUS * at) for k in (2, 5)]
    trained = torch.cat(circles, 1) @ torch.randn(4, 9, generator=generator).double() + 3
    placed = Embedding(trained, sums.MODULUS, (2, 5)).placed()
    for frequency, circle in zip((2, 5), circles, strict=True):
        assert torch.allclose(placed[frequency], circle, atol=CLOSE)


def test_a_planted_embedding_does_what_the_circles_do():
    card = sums_card(sums.sum_host(), "number")
    assert rows_of(card) == {
        "number": [],
        "gather": [],
        "gather.weights": [],
        "mlp": [],
        "whole": ["trained.number"],
    }
    part = card.part("whole")
    trained, spliced = part.row("trained.number"), part.row("spliced")
    assert trained.quantities["logit_r2"] == pytest.approx(spliced.quantities["logit_r2"], abs=0.01)
    assert trained.numbers == 4 * 3  # two directions and the mean
    names = [row.facts.name for row in part.rows]
    assert names.index("spliced") < names.index("trained.number")
    assert names.index("trained.number") < names.index("control.frequencies_1_higher")


def test_other_rows_of_the_trained_embedding_are_read():
    order = torch.randperm(sums.MODULUS, generator=torch.Generator().manual_seed(1))
    host = permuted_embedding(order)
    circuit = sums.sum_circuit(host)
    subject = subject_of(sums.sums_spec(), circuit, host, prompts_of(circuit.prompts, host), 0)
    parts = with_trained(subject, parts_of(subject), ("number",))
    (whole,) = (part for part in parts if part.name == "whole")
    answers = [
        whole.condition(name).answers(host, subject.run) for name in ("trained.number", "spliced")
    ]
    assert not torch.allclose(*answers, atol=0.1)


def test_heads_keep_their_trained_patterns():
    host = planted.planted_host()
    circuit = planted.copying_circuit(host)
    card = card_of(host, circuit, planted.copying_spec(), "follower", "previous")
    rows = rows_of(card)
    assert rows["whole"] == rows["circuit"] == ["trained.previous", "trained.follower"]
    assert rows["heads"] == ["trained.previous"]  # with both trained nothing is left
    assert rows["previous"] == rows["follower"] == rows["copying"] == []
    trained = card.part("circuit").row("trained.follower")
    copying = card.part("copying").row("spliced")
    assert trained.quantities["kl"] == pytest.approx(copying.quantities["kl"], abs=CLOSE)
    alone = card.part("heads").row("trained.previous").quantities["kl"]
    assert alone == pytest.approx(card.part("follower").row("spliced").quantities["kl"], abs=CLOSE)
    assert math.isfinite(alone)


def test_the_other_rows_stay_as_they_are():
    host = sums.sum_host()
    plain, trained = sums_card(host), sums_card(host, "number")
    for part in plain.parts:
        rows = [row for row in trained.part(part.name).rows if row.facts.kind != "trained"]
        assert rows == list(part.rows)
        assert trained.part(part.name).verdict == part.verdict


def test_heads_through_which_neurons_read_can_stay_trained():
    assert trainable(sums.sums_spec().theory) == ("number",)
    assert trainable(sums.sums_spec(WAVES).theory) == ("gather", "number")


@pytest.mark.parametrize(
    ("family", "message"),
    [
        ("nunber", "no such family; .*: number. Did you mean 'number'"),
        ("gather", "'gather' cannot stay trained; expected a family of sums .*: number"),
        ("sum", "'sum' cannot stay trained"),
    ],
)
def test_a_family_that_cannot_stay_trained_is_refused(family, message):
    with pytest.raises(WorkbenchError, match=message):
        sums_card(sums.sum_host(), family)


def test_a_theory_of_one_family_of_heads_has_none():
    text = "theory: near\ninput: tokens\nfamilies:\n  near:\n    units: heads\n    looks:\n"
    theory = sums.sums_spec(text + "      - {place: distance, gain: calibrated}\n").theory
    assert trainable(theory) == ()
