"""The rule for sequences against naive loops."""

import math

import pytest
import torch

from workbench.sequences.rule import (
    GATE_WIDTH,
    LookTerm,
    answer_waves,
    copied,
    neuron_waves,
    pattern,
    place_weight,
    scores,
    uniform,
)

LENGTH = 6
ONE = torch.ones(1)


def term(**changes) -> LookTerm:
    return LookTerm(**{"place": "any", "at": 0, "of": None, "gain": ONE} | changes)


def tokens(seed: int = 0, count: int = 3, vocabulary: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocabulary, (count, LENGTH), generator=generator)


@pytest.mark.parametrize(
    ("place", "at", "expected"),
    [
        ("any", 0, lambda q, k: 1.0),
        ("offset", 1, lambda q, k: float(q - k == 1)),
        ("offset", -2, lambda q, k: float(k - q == 2)),
        ("distance", 0, lambda q, k: math.log1p(abs(q - k))),
        ("first", 0, lambda q, k: float(k == 0)),
        ("last", 0, lambda q, k: float(k == LENGTH - 1)),
        ("after", 0, lambda q, k: float(k > q)),
    ],
)
def test_a_place_is_a_function_of_query_and_key_place(place, at, expected):
    weight = place_weight(term(place=place, at=at), LENGTH)
    for q in range(LENGTH):
        for k in range(LENGTH):
            assert weight[q, k].item() == pytest.approx(expected(q, k))


def test_a_gate_lets_places_before_it_through_and_turned_round_the_others():
    gate = torch.tensor(2.5)
    weight = place_weight(term(keys_before=gate), LENGTH)
    turned = place_weight(term(keys_before=gate, turned=True), LENGTH)
    for k in range(LENGTH):
        expected = 1 / (1 + math.exp(-(2.5 - k) / GATE_WIDTH))
        assert weight[0, k].item() == pytest.approx(expected)
    assert torch.allclose(weight + turned, torch.ones(LENGTH, LENGTH))
    by_query = place_weight(term(queries_before=gate), LENGTH)
    assert torch.equal(by_query, weight.T)


def test_same_token_is_read_at_the_key_or_where_a_head_carried_it():
    given = tokens()
    carried = torch.softmax(torch.randn(3, LENGTH, LENGTH), -1)
    plain = scores([term(of="input")], given, {})
    through = scores([term(of="head")], given, {"head": carried})
    for n in range(3):
        for q in range(LENGTH):
            for k in range(LENGTH):
                assert plain[n, 0, q, k].item() == float(given[n, q] == given[n, k])
                share = sum(
                    carried[n, k, p].item() for p in range(LENGTH) if given[n, p] == given[n, q]
                )
                assert through[n, 0, q, k].item() == pytest.approx(share, abs=1e-6)


def test_renaming_the_tokens_leaves_a_match_as_it_is_and_renaming_the_query_does_not():
    given, renamed = tokens(), torch.tensor([2, 0, 3, 1])
    same = scores([term(of="input")], given, {})
    assert torch.equal(same, scores([term(of="input")], renamed[given], {}))
    assert not torch.equal(same, scores([term(of="input", renamed=renamed)], given, {}))


def test_scores_add_up_with_a_gain_for_each_head():
    given, gains = tokens(), torch.tensor([2.0, -1.0])
    first, second = term(place="first", gain=gains), term(of="input", gain=ONE.expand(2))
    both = scores([first, second], given, {})
    alone = [scores([each], given, {}) for each in (first, second)]
    assert both.shape == (3, 2, LENGTH, LENGTH)
    assert torch.allclose(both, alone[0] + alone[1])
    assert both[0, 0, 3, 0] - both[0, 1, 3, 0] == 3.0


def test_a_pattern_sums_to_one_over_what_is_seen():
    seen = torch.ones(LENGTH, LENGTH).tril().bool()
    shares = pattern(torch.randn(2, 3, LENGTH, LENGTH), seen)
    assert torch.allclose(shares.sum(-1), torch.ones(2, 3, LENGTH))
    assert not shares[..., ~seen].any()
    assert torch.allclose(uniform(seen)[2], torch.tensor([1 / 3] * 3 + [0.0] * 3))


def test_copied_attention_is_summed_over_the_places_of_a_token():
    given = tokens()
    attention = torch.softmax(torch.randn(3, LENGTH, LENGTH), -1)
    made = copied(given, attention, vocabulary=4)
    for n in range(3):
        for q in range(LENGTH):
            for token in range(4):
                share = sum(
                    attention[n, q, k].item() for k in range(LENGTH) if given[n, k] == token
                )
                assert made[n, q, token].item() == pytest.approx(share, abs=1e-6)


def test_waves_are_cosines_of_differences_of_angles():
    numbers, phases = torch.tensor([[3, 5]]), torch.tensor([[10.0, 20.0], [30.0, 40.0]])
    drive = neuron_waves(numbers, phases, frequency=2, modulus=11, coefficients=(0.5, 2.0))
    answers = answer_waves(phases[0], frequency=2, modulus=11, coefficients=(0.0, 1.0))
    for neuron in range(2):
        expected = sum(
            0.5 + 2 * math.cos(math.radians(720 * number / 11 - phases[place, neuron].item()))
            for place, number in enumerate((3, 5))
        )
        assert drive[0, neuron].item() == pytest.approx(expected)
        for answer in range(11):
            angle = math.radians(720 * answer / 11 - phases[0, neuron].item())
            assert answers[neuron, answer].item() == pytest.approx(math.cos(angle))
