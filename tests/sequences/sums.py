"""A theory of sums of small numbers, and networks that it is of: random ones, and a planted one.

The planted network adds by neurons at even phases of one circle. Its stream has two components for
the number's angle and two for the answer's; attention is even.
"""

import math
from dataclasses import replace

import torch

from workbench.hosts.host import Host
from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_host import transformer_host
from workbench.hosts.transformer_shape import TransformerShape
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.files import TokenSpec, token_theory_from_text

MODULUS = 13
FREQUENCY, NEURONS = 3, 16  # of the planted network
FREQUENCIES = (2, 5)  # of circuits of a random one

THEORY = """
theory: sums
input: tokens
families:
  gather:
    units: heads
    looks:
      - {place: offset, at: 1, gain: 20}
      - {place: offset, at: 2, gain: 20}
  number:
    units: numbers
  sum:
    units: neurons
    poses: {frequency: from-circuit, phase_deg: {every: 45, over: 360}}
    phases: added
    reads:
      number: {match: same, harmonics: [0, 1], places: [0, 1]}
  answer:
    units: answers
    reads:
      sum: {match: same, harmonics: [0, 1], gain: calibrated}
"""

SHAPE = TransformerShape(
    vocabulary=MODULUS + 1,
    context=3,
    layers=1,
    d_model=20,
    heads=2,
    d_head=8,
    d_mlp=16,
    mlp="relu",
    biases=("mlp",),
    outputs=MODULUS,
    answer="last-place",
)


def sums_spec(text: str = THEORY) -> TokenSpec:
    return token_theory_from_text(text)


def random_host(shape: TransformerShape = SHAPE, seed: int = 0) -> Host:
    torch.manual_seed(seed)
    return transformer_host("sums", shape, Transformer(shape).state_dict(), 3)


def sum_host(seed: int = 0, planted: bool = True) -> Host:
    """The planted network; without the plan its weights are noise of the same size."""
    generator = torch.Generator().manual_seed(seed)
    shape = replace(SHAPE, d_model=4, heads=1, d_head=4, d_mlp=NEURONS, biases=())
    scale = 1e-3 if planted else 1.0
    weights = {
        name: planted * value + scale * torch.randn(value.shape, generator=generator)
        for name, value in _planted().items()
    }
    return transformer_host("sum", shape, weights, 3)


def sums_circuit(host: Host, frequencies: tuple[int, ...] = FREQUENCIES) -> TokenCircuit:
    """A circuit of all heads of the first layer, and of neurons of these frequencies."""
    heads = tuple(f"0.{head}" for head in range(host.network.shape.heads))
    return TokenCircuit.model_validate(
        {
            "circuit": "sum",
            "input": "tokens",
            "host": host.name,
            "fingerprint": host.fingerprint,
            "prompts": {"kind": "pairs", "modulus": MODULUS},
            "families": {
                "gather": {"heads": heads},
                "number": {"numbers": MODULUS},
                "sum": {"layer": 0, "frequency": frequencies},
            },
        }
    )


def sum_circuit(host: Host, frequency: int = FREQUENCY) -> TokenCircuit:
    """The circuit of the planted neurons."""
    return sums_circuit(host, (frequency,))


def circle(degrees: torch.Tensor) -> torch.Tensor:
    """Cosine and sine of angles, a row each."""
    return torch.stack([degrees.deg2rad().cos(), degrees.deg2rad().sin()], -1)


def _planted() -> dict[str, torch.Tensor]:
    numbers = circle(360.0 * FREQUENCY / MODULUS * torch.arange(MODULUS))
    phases = 360.0 / NEURONS * torch.arange(NEURONS)
    eye, embedding = torch.eye(4), torch.zeros(MODULUS + 1, 4)
    embedding[:MODULUS, :2] = numbers
    read, written = torch.zeros(4, NEURONS), torch.zeros(NEURONS, 4)
    read[:2], written[:, 2:] = circle(phases).T, circle(2 * phases)
    unembedding = torch.zeros(4, MODULUS)
    unembedding[2:] = numbers.T
    return {
        "embed.W_E": embedding,
        "pos_embed.W_pos": torch.zeros(3, 4),
        "unembed.W_U": 10 * unembedding,
        "blocks.0.attn.W_Q": torch.zeros(1, 4, 4),
        "blocks.0.attn.W_K": torch.zeros(1, 4, 4),
        "blocks.0.attn.W_V": 3 * eye[None],
        "blocks.0.attn.W_O": eye[None],
        "blocks.0.mlp.W_in": read / math.sqrt(2),
        "blocks.0.mlp.W_out": written,
    }
