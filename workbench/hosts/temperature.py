"""The temperature at which a network is unsure, and the one at which other logits fit it best.

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
CLOSE = 1e-9  # relative, of an inverse temperature: a step that ends the search
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


def matching_temperature(
    natural: Float[Tensor, "place vocabulary"],
    answer: Float[Tensor, "place vocabulary"],
    temperature: float,
) -> float:
    """The temperature of `answer` of least KL(softmax(natural / temperature) || softmax(answer)).

    KL is convex in the inverse temperature, whose derivative is the mean over the answer's own
    distribution of its logits less that over the natural one. Logits that are unrelated to the
    natural ones, or turned round, fit best at the hottest temperature, where all tokens are alike.
    nan for logits that are not finite or all equal.
    """
    z, p = answer.double(), torch.softmax(natural.double() / temperature, -1)
    if not z.isfinite().all() or not bool((z.amax(-1) > z.amin(-1)).any()):
        return math.nan
    wanted = float((p * z).sum(-1).mean())

    def slopes(inverse: float) -> tuple[float, float]:
        q = torch.softmax(z * inverse, -1)
        mean = (q * z).sum(-1)
        return float(mean.mean()) - wanted, float(((q * z * z).sum(-1) - mean**2).mean())

    low, high = 1 / HOTTEST, 1 / COLDEST
    if slopes(low)[0] >= 0:
        return HOTTEST
    inverse = min(max(1 / temperature, low), high)
    for _ in range(HALVINGS):
        slope, curvature = slopes(inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        step = slope / curvature if curvature > 0 else math.inf
        if abs(step) < CLOSE * inverse:
            break
        inside = low < inverse - step < high
        inverse = inverse - step if inside else math.sqrt(low * high)
    return 1 / inverse


def _entropy(logits: Float[Tensor, "place vocabulary"]) -> float:
    """The mean entropy of the places, in nats."""
    logp = torch.log_softmax(logits, dim=-1)
    return float(-(logp.exp() * logp).sum(-1).mean())
