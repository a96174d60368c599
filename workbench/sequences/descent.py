"""Gradient descent of one tensor by AdamW, at a rate that falls as half a cosine wave to 0.

It computes what torch.optim's AdamW and CosineAnnealingLR compute. torch loads its compiler with
the first of its optimizers, which takes longer than a fit of a head.

Source: Loshchilov & Hutter 2019, arXiv 1711.05101 and 1608.03983.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

MEAN_KEPT, SQUARE_KEPT = 0.9, 0.999  # shares of the running means that a step keeps
EPSILON = 1e-8


class Descent:
    """The descent of a tensor, which each step changes in place.

    rate   of the first step
    decay  of the tensor's numbers, times the rate each step
    steps  until the rate is 0
    """

    def __init__(self, parameter: Float[Tensor, "..."], rate: float, decay: float, steps: int):
        self.parameter, self.rate, self.decay, self.steps = parameter, rate, decay, steps
        self.mean, self.square = torch.zeros_like(parameter), torch.zeros_like(parameter)
        self.taken = 0

    def step(self, gradient: Float[Tensor, "..."]) -> None:
        """Take one step down the gradient."""
        self.taken += 1
        self.parameter.mul_(1 - self.rate * self.decay)
        self.mean.lerp_(gradient, 1 - MEAN_KEPT)
        self.square.mul_(SQUARE_KEPT).addcmul_(gradient, gradient, value=1 - SQUARE_KEPT)
        of_mean, of_square = (1 - kept**self.taken for kept in (MEAN_KEPT, SQUARE_KEPT))
        deviation = (self.square.sqrt() / of_square**0.5).add_(EPSILON)
        self.parameter.addcdiv_(self.mean, deviation, value=-self.rate / of_mean)
        before, after = (
            1 + math.cos(math.pi * taken / self.steps) for taken in (self.taken - 1, self.taken)
        )
        self.rate *= after / before
