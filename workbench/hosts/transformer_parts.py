"""Parts that transformers share: weights, norms, functions of neurons, rotary positions."""

import math
from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from workbench.hosts.transformer_shape import TransformerShape

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "none": F.relu,
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu-tanh": partial(F.gelu, approximate="tanh"),
    "swiglu": F.silu,
}


def activation_of(mlp: str) -> Callable[[Tensor], Tensor]:
    """The function of the neurons (of the gate, where there is one)."""
    return ACTIVATIONS[mlp]


def weight(*sizes: int, inputs: int) -> nn.Parameter:
    """Normal numbers of deviation `1 / sqrt(inputs)`, until weights are loaded or trained.

    No numbers on torch's device "meta": torch would load its compiler for them, which takes a
    second.
    """
    made = torch.empty(sizes)
    return nn.Parameter(made if made.is_meta else made.normal_() / math.sqrt(inputs))


def bias(*sizes: int, present: bool) -> nn.Parameter | None:
    """Zeros; None where the part has no biases."""
    return nn.Parameter(torch.zeros(sizes)) if present else None


class Norm(nn.Module):
    """The norm of each place's vector, times `w` (and plus `b` after a layer norm).

    It is the identity, without weights, where the shape has no norm.
    """

    def __init__(self, shape: TransformerShape):
        super().__init__()
        self.epsilon = shape.norm_epsilon
        self.w = None if shape.norm == "none" else nn.Parameter(torch.ones(shape.d_model))
        self.b = nn.Parameter(torch.zeros(shape.d_model)) if shape.norm == "layer" else None

    def forward(self, stream: Float[Tensor, "n place d"]) -> Float[Tensor, "n place d"]:
        """The normed stream."""
        if self.b is not None:
            return F.layer_norm(stream, stream.shape[-1:], self.w, self.b, self.epsilon)
        if self.w is not None:
            scale = torch.rsqrt(stream.square().mean(-1, keepdim=True) + self.epsilon)
            return stream * scale * self.w
        return stream


class Past:
    """The keys and values of a layer at the places before, where a text is written on."""

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    @property
    def length(self) -> int:
        """How many places there are."""
        return 0 if self.keys is None else self.keys.shape[1]

    def extended(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Those of all places, with these of the latest ones; they are kept."""
        if self.keys is not None and self.values is not None:
            keys = torch.cat([self.keys, keys], dim=1)
            values = torch.cat([self.values, values], dim=1)
        self.keys, self.values = keys, values
        return keys, values


def rotated(
    vectors: Float[Tensor, "n place head d_head"], base: float, first: int = 0
) -> Float[Tensor, "n place head d_head"]:
    """Each pair of components (2i, 2i + 1) turned by `place * base ** (-2i / d_head)` radians.

    `first` is the place of the first vector. The product of two such vectors depends on their
    offset alone.
    """
    places = first + torch.arange(vectors.shape[1], device=vectors.device)
    d_head = vectors.shape[3]
    rate = base ** (-torch.arange(0, d_head, 2, device=vectors.device).double() / d_head)
    angle = places.double()[:, None, None] * rate
    cosine, sine = angle.cos().to(vectors.dtype), angle.sin().to(vectors.dtype)
    even, odd = vectors[..., 0::2], vectors[..., 1::2]
    turned = torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], dim=-1)
    return turned.flatten(-2)
