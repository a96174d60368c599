"""3x3 max pooling, the same bits as torch's and two to four times as fast on a CPU."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def max_pool(x: Float[Tensor, "n c h w"], ceil: bool = False) -> Float[Tensor, "n c h2 w2"]:
    """3x3 max pool at stride 2, without padding; `ceil` lets the last window reach over the edge.

    torch vectorises over channels only, so the channels are laid out last. Nothing is copied where
    they already are, as in a host of the store. Any other layout is restored; the two copies cost
    less than they save.
    """
    last = x.contiguous(memory_format=torch.channels_last)
    pooled = F.max_pool2d(last, 3, 2, ceil_mode=ceil)
    return pooled if last is x else pooled.contiguous()


def max_pool_same(x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """3x3 max pool at stride 1, padded with -inf, so that the shape stays.

    Takes the highest of three rows, then of three columns: four comparisons of whole tensors, where
    torch makes nine for each cell and keeps the place of the highest. torch's own is used where a
    gradient is wanted, and off the CPU.
    """
    if x.device.type != "cpu" or (torch.is_grad_enabled() and x.requires_grad):
        return F.max_pool2d(x, 3, 1, padding=1)
    return _highest_of_three(_highest_of_three(x, 2), 3)


def _highest_of_three(x: Tensor, dim: int) -> Tensor:
    highest, last = torch.empty_like(x), x.shape[dim] - 1
    highest.select(dim, 0).copy_(x.select(dim, 0))
    torch.maximum(x.narrow(dim, 1, last), x.narrow(dim, 0, last), out=highest.narrow(dim, 1, last))
    torch.maximum(
        highest.narrow(dim, 0, last), x.narrow(dim, 1, last), out=highest.narrow(dim, 0, last)
    )
    return highest


class MaxPool(nn.Module):
    """3x3 max pool at stride 2, without padding."""

    channelwise = True  # Host.push

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Activations to pooled ones."""
        return max_pool(x)
