"""Theories of arithmetic of small numbers, and random networks of a shape that fits them."""

import torch

from workbench.hosts.host import Host
from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_host import transformer_host
from workbench.hosts.transformer_shape import TransformerShape
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.files import TokenSpec, token_theory_from_text

MODULUS, FREQUENCIES = 13, (2, 5)
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


def sums_circuit(host: Host, operation: str = "addition") -> TokenCircuit:
    return TokenCircuit.model_validate(
        {
            "circuit": "sum",
            "input": "tokens",
            "host": host.name,
            "fingerprint": host.fingerprint,
            "prompts": {"kind": "pairs", "modulus": MODULUS, "operation": operation},
            "families": {
                "gather": {"heads": ("0.0", "0.1")},
                "number": {"numbers": MODULUS},
                "sum": {"layer": 0, "frequency": FREQUENCIES},
            },
        }
    )
