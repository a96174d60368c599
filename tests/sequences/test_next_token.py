"""The shipped theory of the next token, on an encoder with such a head and on others."""

from pathlib import Path

import pytest
import torch

from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_host import transformer_host
from workbench.hosts.transformer_shape import TransformerShape
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.files import token_theory_from_text
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.score import score_loaded
from workbench.shipped import shipped_folder

SPEC = Path(shipped_folder(), "specs", "tokens", "next-token.yaml")
VOCABULARY, LENGTH = 12, 20
SHARP = 40.0
SHAPE = TransformerShape(
    vocabulary=VOCABULARY,
    context=LENGTH,
    layers=1,
    d_model=LENGTH + VOCABULARY,
    heads=1,
    d_head=LENGTH,
    causal=False,
)


def part_of(after):
    """The score of the theory in an encoder whose head looks so many places after the query."""
    places, tokens = slice(0, LENGTH), slice(LENGTH, LENGTH + VOCABULARY)
    torch.manual_seed(0)
    network = Transformer(SHAPE).state_dict()
    weights = {name: 0.01 * torch.randn(value.shape) for name, value in network.items()}
    eye = torch.eye(LENGTH)
    weights["embed.W_E"][:, tokens] += torch.eye(VOCABULARY)
    weights["pos_embed.W_pos"][:, places] += eye
    weights["unembed.W_U"][tokens] += torch.eye(VOCABULARY)
    sharp = SHARP * LENGTH**0.5
    weights["blocks.0.attn.W_Q"][0, places] += sharp * eye.roll(after, 1)
    weights["blocks.0.attn.W_K"][0, places] += eye
    weights["blocks.0.attn.W_V"][0, tokens, :VOCABULARY] += torch.eye(VOCABULARY)
    weights["blocks.0.attn.W_O"][0, :VOCABULARY, tokens] += 4 * torch.eye(VOCABULARY)
    host = transformer_host("encoder", SHAPE, weights, LENGTH)
    strings = {"vocabulary": VOCABULARY, "length": LENGTH, "string": 5, "times": 2}
    circuit = TokenCircuit.model_validate(
        {
            "circuit": "next",
            "input": "tokens",
            "host": host.name,
            "fingerprint": host.fingerprint,
            "prompts": {"kind": "repeats", "count": 30, "calibrate_on": 20, **strings},
            "families": {"next": {"heads": ("0.0",)}},
        }
    )
    theory = token_theory_from_text(SPEC.read_text())
    return score_loaded(theory, circuit, host, prompts_of(circuit.prompts, host)).part("next")


def test_a_head_that_looks_at_the_next_token_is_recovered_and_its_neighbours_are_not():
    part = part_of(after=1)
    assert part.row("spliced").recovered.value > 0.9
    assert part.row("spliced").overlap > 0.9
    for wrong in ("control.shifted", "variant.previous-token"):
        assert part.row(wrong).recovered.value < 0.1, wrong
        assert part.row(wrong).overlap < 0.1, wrong


@pytest.mark.parametrize("after", [-1, 2])
def test_a_head_that_looks_elsewhere_is_not_this_mechanism(after):
    part = part_of(after)
    assert part.row("spliced").recovered.value < 0.1
    assert part.verdict.startswith("not this mechanism")
