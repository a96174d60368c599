"""Constant queries and keys under rotary positions: profiles of offsets."""

from dataclasses import replace

import pytest
import torch

from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_host import transformer_host
from workbench.hosts.transformer_shape import TransformerShape
from workbench.sequences.compile import WrittenHeads
from workbench.sequences.head_parts import handwritten_patterns
from workbench.sequences.natural_run import natural_run
from workbench.sequences.prompts import next_token
from workbench.sequences.rule import LookTerm
from workbench.sequences.sites import pattern_site
from workbench.sequences.weights import rotary
from workbench.sequences.weights.heads import HeadRequest
from workbench.sequences.weights.network import with_weights

LENGTH, EXACT = 12, 1e-4
SHAPE = TransformerShape(
    vocabulary=9,
    context=LENGTH,
    layers=1,
    d_model=16,
    heads=4,
    d_head=8,
    key_heads=2,
    positions="rotary",
    rotary_base=30.0,
)


def heads(own=(0, 1), calibrated=()) -> WrittenHeads:
    gain = torch.full((len(own),), 6.0)
    terms = (LookTerm("offset", 1, None, gain), LookTerm("distance", 0, None, -gain / 6))
    return WrittenHeads("near", {0: own}, terms, calibrated)


@pytest.fixture(scope="module")
def request_of_near() -> HeadRequest:
    torch.manual_seed(0)
    weights = Transformer(SHAPE).state_dict()
    weights["embed.W_E"] *= 0.3
    weights["embed.W_E"][:, 0] = 1.0  # a component that reads 1 at every place
    host = transformer_host("rotary", SHAPE, weights, LENGTH)
    tokens = torch.randint(9, (20, LENGTH), generator=torch.Generator().manual_seed(1))
    prompts = [next_token(row.tolist(), str(i)) for i, row in enumerate(tokens)]
    return HeadRequest(host, heads(), natural_run(host, prompts, [pattern_site(0)]), {})


def patterns(request, made):
    network = with_weights(request.host, made.weights, "near")
    _, seen = network.run(request.run.tokens, pattern_site(0))
    return seen[pattern_site(0)]


def rule(request):
    made = handwritten_patterns({"near": request.heads}, ("near",), request.run, causal=True)
    return made["near"]


def test_weights_come_near_to_the_rule(request_of_near):
    made = rotary.compiled(request_of_near)
    written = patterns(request_of_near, made)[:, [0, 1]]
    assert torch.minimum(written, rule(request_of_near)).sum(-1).mean() > 0.85
    assert 0.3 < made.kept < 1
    assert (made.bound, made.calibrated) == (16 + 2 * 8, 0)


def test_controls_are_farther_from_the_rule(request_of_near):
    made = rotary.compiled(request_of_near)
    right = torch.minimum(patterns(request_of_near, made)[:, [0, 1]], rule(request_of_near))
    _, wrong = rotary.controls(request_of_near, made)["control.shifted"]
    shifted = torch.minimum(patterns(request_of_near, wrong)[:, [0, 1]], rule(request_of_near))
    assert shifted.sum(-1)[:, :, 2:].mean() < right.sum(-1)[:, :, 2:].mean() - 0.3


def test_calibrated_gains_are_fitted_as_profiles(request_of_near):
    """The trained heads are those that an earlier fit wrote: their profiles come back."""
    made = rotary.compiled(request_of_near)
    trained = with_weights(request_of_near.host, made.weights, "near")
    run = replace(request_of_near.run, seen={pattern_site(0): patterns(request_of_near, made)})
    again = replace(request_of_near, host=trained, run=run, heads=heads(calibrated=(0, 1)))
    fitted = rotary.compiled(again)
    both = torch.minimum(patterns(again, fitted), run.seen[pattern_site(0)])[:, [0, 1]]
    assert both.sum(-1).mean() > 0.99
    assert (fitted.bound, fitted.calibrated) == (16, 2 * 8)


def test_turned_numbers_are_the_profile_one_place_further():
    numbers = torch.randn(3, 8, generator=torch.Generator().manual_seed(3))
    waves = rotary._waves(SHAPE, LENGTH)
    profile = torch.einsum("hw,qkw->hqk", numbers, waves)
    turned = torch.einsum("hw,qkw->hqk", rotary.turned(SHAPE, numbers, 1), waves)
    assert torch.allclose(turned[:, :, 1:], profile[:, :, :-1], atol=EXACT)


def test_what_cannot_be_written_is_refused(request_of_near):
    host = request_of_near.host
    assert rotary.refused(host, heads()) is None
    assert "shares its keys with 0.3" in rotary.refused(host, heads(own=(2,)))
    term = LookTerm("any", 0, "input", torch.ones(2))
    assert "match no tokens" in rotary.refused(host, replace(heads(), terms=(term,)))
