"""A transformer whose induction circuit is planted in its weights, and one without any.

The stream has a part for places, one for tokens and one for the token before; heads read and
write whole parts, so the circuit is exact.
"""

import torch

from workbench.hosts.host import Host
from workbench.hosts.transformer_host import transformer_host
from workbench.hosts.transformer_shape import TransformerShape
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.files import TokenSpec, token_theory_from_text

VOCABULARY, LENGTH, STRING = 12, 24, 5
SHARP = 40.0

THEORY = """
theory: copying
input: tokens
families:
  previous:
    units: heads
    looks:
      - {place: offset, at: 1, gain: 30}
  follower:
    units: heads
    looks:
      - {match: same, of: previous, gain: 30}
  answer:
    units: answers
    means: calibrated
    reads:
      follower: {match: same, gain: calibrated}
      input: {match: same, gain: calibrated}
"""


def copying_spec(text: str = THEORY) -> TokenSpec:
    """The theory of induction, with gains that make attention hard."""
    return token_theory_from_text(text)


def copying_circuit(host: Host) -> TokenCircuit:
    """The circuit of the planted heads."""
    return TokenCircuit.model_validate(
        {
            "circuit": "copying",
            "input": "tokens",
            "host": host.name,
            "fingerprint": host.fingerprint,
            "prompts": {
                "kind": "repeats",
                "vocabulary": VOCABULARY,
                "length": LENGTH,
                "string": STRING,
                "times": 2,
                "count": 40,
                "calibrate_on": 30,
            },
            "families": {"previous": {"heads": ("0.0",)}, "follower": {"heads": ("1.0",)}},
        }
    )


def planted_host(seed: int = 0, planted: bool = True) -> Host:
    """A network of two layers with one head each, and a little noise in every weight.

    Without the circuit all weights are noise of a usual size.
    """
    generator = torch.Generator().manual_seed(seed)
    width = LENGTH + 2 * VOCABULARY
    shape = TransformerShape(
        vocabulary=VOCABULARY,
        context=LENGTH,
        layers=2,
        d_model=width,
        heads=1,
        d_head=max(LENGTH, VOCABULARY),
    )
    weights = _planted(shape.d_head) if planted else _empty(width, shape.d_head)
    scale = 0.01 if planted else 0.4
    noisy = {
        name: value + scale * torch.randn(value.shape, generator=generator)
        for name, value in weights.items()
    }
    return transformer_host(f"planted-{seed}", shape, noisy, LENGTH)


def _empty(width: int, d_head: int) -> dict[str, torch.Tensor]:
    weights = {
        "embed.W_E": torch.zeros(VOCABULARY, width),
        "pos_embed.W_pos": torch.zeros(LENGTH, width),
        "unembed.W_U": torch.zeros(width, VOCABULARY),
    }
    for layer in (0, 1):
        for name in "QKV":
            weights[f"blocks.{layer}.attn.W_{name}"] = torch.zeros(1, width, d_head)
        weights[f"blocks.{layer}.attn.W_O"] = torch.zeros(1, d_head, width)
    return weights


def _planted(d_head: int) -> dict[str, torch.Tensor]:
    places, tokens = slice(0, LENGTH), slice(LENGTH, LENGTH + VOCABULARY)
    before = slice(LENGTH + VOCABULARY, LENGTH + 2 * VOCABULARY)
    weights = _empty(LENGTH + 2 * VOCABULARY, d_head)
    sharp, one = SHARP * d_head**0.5, torch.eye(VOCABULARY)
    weights["embed.W_E"][:, tokens] = one
    weights["pos_embed.W_pos"][:, places] = torch.eye(LENGTH)
    # head 0.0: a query at place i looks at place i - 1, and writes its token to `before`
    weights["blocks.0.attn.W_Q"][0, places, :LENGTH] = sharp * torch.eye(LENGTH).roll(1, 0)
    weights["blocks.0.attn.W_K"][0, places, :LENGTH] = torch.eye(LENGTH)
    weights["blocks.0.attn.W_V"][0, tokens, :VOCABULARY] = one
    weights["blocks.0.attn.W_O"][0, :VOCABULARY, before] = one
    # head 1.0: looks for its token among those before, and answers with the token there
    weights["blocks.1.attn.W_Q"][0, tokens, :VOCABULARY] = sharp * one
    weights["blocks.1.attn.W_K"][0, before, :VOCABULARY] = one
    weights["blocks.1.attn.W_V"][0, tokens, :VOCABULARY] = one
    weights["blocks.1.attn.W_O"][0, :VOCABULARY, tokens] = 4 * one
    weights["unembed.W_U"][tokens] = one
    return weights
