"""The descent against torch's own optimizer and schedule."""

import math
import subprocess
import sys

import pytest
import torch

from workbench.sequences.descent import Descent

STEPS, RATE, DECAY = 40, 0.03, 0.5
ROUNDING = 1e-6  # float32: torch may compute the same sums in another order


def gradients() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(5, 3, generator=generator) for _ in range(STEPS)]


def start() -> torch.Tensor:
    return torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


def by_torch(decay: float) -> torch.Tensor:
    parameter = start()
    descent = torch.optim.AdamW([parameter], lr=RATE, weight_decay=decay)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(descent, STEPS)
    for gradient in gradients():
        parameter.grad = gradient
        descent.step()
        falling.step()
    return parameter


def test_it_is_torchs_adamw_at_a_falling_rate():
    parameter = start()
    descent = Descent(parameter, RATE, DECAY, STEPS)
    for gradient in gradients():
        descent.step(gradient)
    assert torch.allclose(parameter, by_torch(DECAY), atol=ROUNDING)
    assert not torch.allclose(parameter, by_torch(0.0), atol=100 * ROUNDING)
    assert descent.rate == pytest.approx(0.0, abs=1e-12)


def test_the_rate_is_half_after_half_of_the_steps():
    descent = Descent(start(), RATE, DECAY, STEPS)
    for gradient in gradients()[: STEPS // 2]:
        descent.step(gradient)
    assert math.isclose(descent.rate, RATE / 2)


def test_neither_a_network_nor_a_fit_loads_torchs_compiler():
    code = """
import sys, torch
from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_shape import TransformerShape
from workbench.sequences.weights.bilinear import Scored, nearest, towards_pattern
with torch.device("meta"):
    Transformer(TransformerShape(layers=1, d_model=4, heads=1, d_head=4, vocabulary=3, context=5))
stream, all_of = torch.randn(9, 5, 4), torch.ones(5, 5, dtype=torch.bool)
wanted = Scored(stream @ stream.mT, stream, all_of, torch.ones(9, 5, dtype=torch.bool))
towards_pattern(wanted, nearest(wanted, 2))
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
