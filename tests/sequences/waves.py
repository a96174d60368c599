"""A network whose heads look at numbers by waves of one circle, and the theory that says so."""

import torch

from tests.sequences.sums import MODULUS, SHAPE, circle, random_host
from workbench.hosts.host import Host
from workbench.hosts.transformer_host import transformer_host
from workbench.sequences.files import TokenSpec, token_theory_from_text

FREQUENCY = 2
AMPLITUDES, PHASES = (4.0, 3.0), (40.0, 200.0)  # of the two heads; phases in degrees

WAVE = "phase_deg: calibrated, gain: calibrated"
THEORY = f"""
theory: waves
input: tokens
families:
  number:
    units: numbers
  gather:
    units: heads
    looks:
      - {{place: offset, at: 1, gain: 20}}
      - {{place: offset, at: 2, gain: 20}}
      - {{match: same, of: number, frequency: from-circuit, {WAVE}}}
"""


def waves_spec(text: str = THEORY) -> TokenSpec:
    return token_theory_from_text(text)


def waves_host(frequency: int = FREQUENCY, seed: int = 0) -> Host:
    """Numbers stand on one circle; `=` alone has the component that queries read."""
    host = random_host(seed=seed)
    state = {name: value.clone() for name, value in host.network.state_dict().items()}
    circled, equals = slice(0, 2), 2
    state["pos_embed.W_pos"].zero_()
    state["embed.W_E"][:, :3] = 0
    angles = 360.0 * frequency / MODULUS * torch.arange(MODULUS)
    state["embed.W_E"][:MODULUS, circled] = circle(angles)
    state["embed.W_E"][MODULUS, equals] = 1.0
    query, key = (state[f"blocks.0.attn.W_{letter}"].zero_() for letter in "QK")
    query[:, equals, 0] = SHAPE.d_head**0.5
    for head, (amplitude, phase) in enumerate(zip(AMPLITUDES, PHASES, strict=True)):
        key[head, circled, 0] = amplitude * circle(torch.tensor(phase))
        key[head, equals, 0] = -20.0
    return transformer_host("waves", SHAPE, state, 3)
