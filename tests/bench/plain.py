"""A host of torch's own layers, as anyone would write it without the workbench.

It has the same weights, and the same logits up to rounding.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.hosts import Host
from workbench.hosts.inception_blocks import LocalResponseNorm, MaxPoolSame, Mixed
from workbench.hosts.pooling import MaxPool

ROUNDING = 1e-4  # of the largest logit: float32 sums in another order


class PlainMixed(nn.Module):
    """An inception block with torch's own pool."""

    def __init__(self, block: Mixed):
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        block = self.block
        pooled = F.max_pool2d(x, 3, 1, 1)
        three, five = (
            block["3x3"](block["3x3_bottleneck"](x)),
            block["5x5"](block["5x5_bottleneck"](x)),
        )
        return torch.cat((block["1x1"](x), three, five, block["pool_reduce"](pooled)), dim=1)


def plain(host: Host) -> nn.Sequential:
    """The host's stages with torch's own normalisation, pooling and memory format.

    Raises WorkbenchError unless it gives the host's logits.
    """
    network = nn.Sequential()
    for name, stage in host.network.named_children():
        network.add_module(name, _plain(copy.deepcopy(stage)))
    network = network.to(memory_format=torch.contiguous_format).requires_grad_(False).eval()
    x = (
        torch.randn(
            2, 3, host.input.size_px, host.input.size_px, generator=torch.Generator().manual_seed(0)
        )
        * 60
    )
    with torch.inference_mode():
        ours, theirs = host.network(x), network(x)
    if not (ours - theirs).abs().max() < ROUNDING * ours.abs().max():
        raise WorkbenchError(
            f"host {host.name}",
            "its network in torch's own layers gives other logits",
            "a host that tests/bench/plain.py can write",
        )
    return network


def _plain(stage: nn.Module) -> nn.Module:
    if isinstance(stage, LocalResponseNorm):
        return nn.LocalResponseNorm(11, alpha=0.0011, beta=0.5, k=2.0)
    if isinstance(stage, MaxPoolSame):
        return nn.MaxPool2d(3, 2, ceil_mode=True)  # the sizes are even: the same windows
    if isinstance(stage, MaxPool):
        return nn.MaxPool2d(3, 2)
    return PlainMixed(stage) if isinstance(stage, Mixed) else stage
