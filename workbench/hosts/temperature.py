"""The temperature at which a network is unsure.

A network that has solved its task answers almost with certainty, so the plain KL divergence cannot
tell one way to compute the answer from another. Divided by a temperature its logits show how it
ranks all the tokens.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.errors import WorkbenchError

UNSURE_NATS = 2.0
COLDEST, HOTTEST = 1e-3, 1e3
HALVINGS = 60  # of the interval between them, in logarithms: far below float32's rounding


def unsure_temperature(logits: Float[Tensor, "place vocabulary"]) -> float:
    """The temperature at which the mean entropy of softmax(logits / temperature) is 2 nats.

    It is half of log(vocabulary) where that is less. Raises WorkbenchError without logits, and for
    logits that are not finite or all equal.
    """
    exact = logits.double()
    varies = exact.numel() > 0 and bool((exact.amax(-1) > exact.amin(-1)).any())
    if not varies or not exact.isfinite().all():
        raise WorkbenchError(
            "temperature",
            "there are no logits that differ and are finite",
            "prompts with scored places, on which the network gives an answer",
        )
    wanted = min(UNSURE_NATS, math.log(exact.shape[-1]) / 2)
    low, high = COLDEST, HOTTEST
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if _entropy(exact / middle) < wanted else (low, middle)
    return math.sqrt(low * high)


def _entropy(logits: Float[Tensor, "place vocabulary"]) -> float:
    """The mean entropy of the places, in nats."""
    logp = torch.log_softmax(logits, dim=-1)
    return float(-(logp.exp() * logp).sum(-1).mean())
