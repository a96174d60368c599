"""The layers of InceptionV1, all with TensorFlow's SAME padding.

Paper: Szegedy et al. 2014, arXiv 1409.4842.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from workbench.hosts.pooling import max_pool, max_pool_same


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Rows that TensorFlow's SAME padding adds before and after; the odd one goes after.

    With them ceil(size / stride) cells come out.
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_same(
    x: Float[Tensor, "n c h w"], kernel: int, stride: int, value: float
) -> Float[Tensor, "n c h2 w2"]:
    """`x` with SAME padding of `value` on the bottom, right, top and left."""
    pads = (*same_padding(x.shape[3], kernel, stride), *same_padding(x.shape[2], kernel, stride))
    return F.pad(x, pads, value=value) if any(pads) else x


class ConvRelu(nn.Conv2d):
    """SAME convolution, then ReLU. Its `weight` and `bias` are the dump's tensors."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1):
        # At stride 1 an odd kernel's SAME padding is symmetric: the convolution pads by itself.
        super().__init__(inputs, outputs, kernel, stride, padding=kernel // 2 if stride == 1 else 0)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h2 w2"]:
        """Padded, convolved and rectified."""
        if self.stride[0] > 1:
            x = pad_same(x, self.kernel_size[0], self.stride[0], value=0.0)
        return F.relu_(super().forward(x))

    def chain(self, unit: int) -> tuple[tuple[nn.Conv2d, ...], int]:
        """The path to a unit, as of a block: the convolution itself, followed by a ReLU."""
        return (self,), unit


class MaxPoolSame(nn.Module):
    """3x3 max pool at stride 2 with SAME padding of -inf."""

    channelwise = True  # Host.push

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        """The highest of each window."""
        if x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0:
            return max_pool(x, ceil=True)  # the same windows, without the padded copy
        return max_pool(pad_same(x, 3, 2, value=-torch.inf))


class PoolSame(nn.Module):
    """3x3 max pool at stride 1 with SAME padding of -inf."""

    channelwise = True  # Host.push

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The highest of each window."""
        return max_pool_same(x)


class LocalResponseNorm(nn.Module):
    """x / sqrt(2 + 0.0001 * sum of x^2 over the 11 nearest channels).

    This is torch's `local_response_norm(x, 11, alpha=0.0011, beta=0.5, k=2)`. The sum over channels
    is a 1x1 convolution with a band matrix, several times faster than torch's own pooling in three
    dimensions. A CPU takes one picture at a time, so that intermediate results stay in its caches.
    """

    reach, alpha, offset = 5, 0.0001, 2.0

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The normalised activations."""
        channels = x.shape[1]
        band = (
            x.new_full((channels, channels), self.alpha)
            .triu(-self.reach)
            .tril(self.reach)[:, :, None, None]
        )
        offset = x.new_full((channels,), self.offset)
        if torch.is_grad_enabled() and x.requires_grad:  # writing in place would lose the gradient
            return F.conv2d(x * x, band, offset).rsqrt() * x
        normalised = torch.empty_like(x)
        size = 1 if x.device.type == "cpu" else max(1, len(x))
        for part, result in zip(x.split(size), normalised.split(size), strict=True):
            torch.mul(F.conv2d(part * part, band, offset).rsqrt_(), part, out=result)
        return normalised


class Mixed(nn.ModuleDict):
    """An inception block: 1x1, 3x3, 5x5 and pooled branches side by side, each after its ReLU."""

    pool = PoolSame()  # before the last branch; one for all blocks, since it has no weights

    def __init__(
        self,
        inputs: int,
        one: int,
        bottleneck3: int,
        three: int,
        bottleneck5: int,
        five: int,
        pooled: int,
    ):
        super().__init__(
            {
                "1x1": ConvRelu(inputs, one, 1),
                "3x3_bottleneck": ConvRelu(inputs, bottleneck3, 1),
                "3x3": ConvRelu(bottleneck3, three, 3),
                "5x5_bottleneck": ConvRelu(inputs, bottleneck5, 1),
                "5x5": ConvRelu(bottleneck5, five, 5),
                "pool_reduce": ConvRelu(inputs, pooled, 1),
            }
        )

    def chain(self, unit: int) -> tuple[tuple[nn.Module, ...], int] | None:
        """The path from the block's input to a unit, and the unit's channel of its last module.

        The path is the pool, if the unit's branch has it, and the convolutions, each followed by a
        ReLU. None for a unit that the block does not have.
        """
        for names in (
            ("1x1",),
            ("3x3_bottleneck", "3x3"),
            ("5x5_bottleneck", "5x5"),
            ("pool_reduce",),
        ):
            convolutions = tuple(
                module for name in names if isinstance(module := self[name], ConvRelu)
            )
            if unit < convolutions[-1].out_channels:
                return (self.pool, *convolutions) if names == (
                    "pool_reduce",
                ) else convolutions, unit
            unit -= convolutions[-1].out_channels
        return None

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d h w"]:
        """The branches' channels, one branch after another."""
        three, five = self["3x3"](self["3x3_bottleneck"](x)), self["5x5"](self["5x5_bottleneck"](x))
        return torch.cat((self["1x1"](x), three, five, self["pool_reduce"](self.pool(x))), dim=1)
