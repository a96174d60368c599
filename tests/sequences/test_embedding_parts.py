"""The part that writes an embedding of numbers on the circles that neurons read."""

import pytest
import torch

from tests.sequences.sums import (
    FREQUENCY,
    MODULUS,
    sum_circuit,
    sum_host,
    sums_circuit,
    sums_spec,
)
from workbench.sequences.compile import compile_tokens
from workbench.sequences.embedding_parts import Embedding, embedding_parts
from workbench.sequences.evaluate import evaluate_parts
from workbench.sequences.part_score import part_score
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.subject import sites_read, subject_of

EXACT = 1e-5  # float32
NAME = "number"


def score(frequency=FREQUENCY, planted=True):
    host = sum_host(planted=planted)
    circuit = sum_circuit(host, frequency)
    prompts = prompts_of(circuit.prompts, host)
    subject = subject_of(sums_spec(), circuit, host, prompts, 0)
    (part,) = embedding_parts(subject)
    sites = sites_read(subject.written)
    (rows,) = evaluate_parts(subject.host, [part], prompts.scored, sites)
    return part_score(part, rows, subject.host, 0)


def recovered(scored):
    return {row.facts.name: row.recovered.value for row in scored.rows}


def test_the_circle_of_the_planted_neurons_is_recovered_and_controls_are_not():
    scored = score()
    shares = recovered(scored)
    assert shares["spliced"] > 0.99
    assert all(shares[name] < 0.2 for name in shares if name.startswith("control"))
    assert scored.works


def test_another_circle_is_not_the_network_s():
    scored = score(frequency=5)
    assert recovered(scored)["spliced"] < 0.2
    assert not scored.supported


def test_a_random_embedding_is_not_on_one_circle():
    assert not score(planted=False).supported


def test_numbers_are_counted():
    counted = score().numbers
    assert (counted.rule, counted.bound) == (1, 4 * 3)  # a constant, a cosine and a sine
    host = sum_host()
    two = compile_tokens(sums_spec().theory, sums_circuit(host, (2, 5)), MODULUS)
    assert two.neurons["sum"].frequencies == (2, 5)


@pytest.fixture
def embedding():
    generator = torch.Generator().manual_seed(0)
    return Embedding(torch.randn(MODULUS + 1, 8, generator=generator), MODULUS, (2, 5))


def test_tokens_that_are_no_numbers_keep_their_rows(embedding):
    for table in (embedding.on_circles(), embedding.low_rank()):
        assert torch.equal(table[MODULUS:], embedding.trained[MODULUS:])
        assert not torch.equal(table[:MODULUS], embedding.trained[:MODULUS])


def test_an_embedding_on_the_circles_stays_as_it_is(embedding):
    on_circles = Embedding(embedding.on_circles(), MODULUS, (2, 5))
    assert torch.allclose(on_circles.on_circles(), on_circles.trained, atol=EXACT)
    assert torch.allclose(on_circles.low_rank(), on_circles.trained, atol=EXACT)
    assert not torch.allclose(on_circles.on_circles(1), on_circles.trained, atol=0.1)


def test_no_other_embedding_of_as_many_directions_is_nearer(embedding):
    def error(table):
        return float((table - embedding.trained).square().sum())

    assert error(embedding.low_rank()) < error(embedding.on_circles())
    assert error(embedding.on_circles()) < error(embedding.with_numbers(embedding.numbers.mean(0)))
