"""Copies of hosts with other weights."""

import pytest
import torch

from tests.sequences.planted import planted_host
from workbench.hosts.hooks import overridden
from workbench.hosts.transformer import Block
from workbench.sequences.natural_run import natural_run
from workbench.sequences.prompts import next_token
from workbench.sequences.short_run import answers_under
from workbench.sequences.sites import ANSWERS, layer_of, pattern_site, z_site
from workbench.sequences.weights.network import attention, network_condition, with_weights
from workbench.splice.conditions import ConditionFacts, ConditionKind

FACTS = ConditionFacts("spliced", ConditionKind.HANDWRITTEN, "")


@pytest.fixture(scope="module")
def host():
    return planted_host()


@pytest.fixture(scope="module")
def run(host):
    return natural_run(
        host, [next_token([*range(12), *range(12)], "0")], ["blocks.0.attn.hook_pattern"]
    )


def test_the_host_stays_as_it_is_and_only_named_heads_change(host):
    before = {name: value.clone() for name, value in host.network.state_dict().items()}
    name = attention(0, "W_Q")
    made = with_weights(host, {(name, 0): torch.ones(48, 24)}, "copying")
    after = made.network.state_dict()
    assert all(torch.equal(value, before[key]) for key, value in host.network.state_dict().items())
    assert torch.equal(after[name][0], torch.ones(48, 24))
    assert all(torch.equal(after[key], before[key]) for key in before if key != name)
    assert made.fingerprint != host.fingerprint


def test_the_natural_weights_change_nothing(host, run):
    name = attention(0, "W_Q")
    own = host.network.state_dict()[name]
    same = with_weights(host, {(name, None): own}, "copying")
    assert same.fingerprint == host.fingerprint
    made = network_condition(FACTS, same, heads={0: (0,)})
    assert torch.equal(made.answers(host, run), run.answers)
    heads, patterns = made.patterns(run)[0]
    assert heads == (0,)
    assert torch.equal(patterns, run.seen["blocks.0.attn.hook_pattern"])


def test_other_weights_give_other_answers(host, run):
    weights = {(attention(0, "W_Q"), 0): torch.zeros(48, 24)}
    made = network_condition(FACTS, with_weights(host, weights, "copying"), heads={0: (0,)})
    assert not torch.allclose(made.answers(host, run), run.answers, atol=0.1)
    _, patterns = made.patterns(run)[0]
    assert torch.allclose(patterns[0, 0, -1], torch.full((24,), 1 / 24))


def test_numbers_of_another_shape_are_refused(host):
    with pytest.raises(ValueError, match="W_Q"):
        with_weights(host, {(attention(0, "W_Q"), 0): torch.ones(24, 48)}, "copying")


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("embed.W_E", None),
        ("pos_embed.W_pos", None),
        (attention(0, "W_V"), 0),
        (attention(1, "W_V"), 0),
        ("unembed.W_U", None),
    ],
)
def test_a_run_from_the_first_other_layer_on_gives_the_same_answers(host, run, name, head):
    value = host.network.state_dict()[name] if head is None else host.network.state_dict()[name][0]
    other = with_weights(host, {(name, head): value.flip(0)}, "copying")
    made = network_condition(FACTS, other, layer_of(name), {1: (0,)})
    answers, patterns = made.spliced(host, run)
    whole, seen = other.run(run.tokens, pattern_site(1))
    assert torch.equal(answers, whole)
    assert torch.equal(patterns[1][1], seen[pattern_site(1)])
    assert not torch.allclose(answers, run.answers, atol=0.1)


@pytest.mark.parametrize(
    ("site", "layers"),
    [("hook_embed", 2), (pattern_site(0), 2), (z_site(1), 1), (ANSWERS, 0)],
)
def test_layers_before_an_override_do_not_run_again(host, run, site, layers, monkeypatch):
    ran = []
    forward = Block.forward

    def counted(block, *words, **more):
        ran.append(block)
        return forward(block, *words, **more)

    with overridden(host, {site: torch.zeros_like}):
        expected, _ = host.run(run.tokens)
    monkeypatch.setattr(Block, "forward", counted)
    assert torch.equal(answers_under(host, run, {site: torch.zeros_like}), expected)
    assert len(ran) == layers
