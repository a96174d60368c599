"""Gates: whether a head does what it does only before some place."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

EXPLAINED = 0.6  # of the variance over places that a step must explain
RATIO = 3.0  # of the attention before the step and after it
LEAST = 0.2  # attention before the step
FEWEST = 4  # places on each side of the step


@dataclass(frozen=True)
class Gate:
    """A step over places.

    before   the first place at which the gate is closed
    inside   mean attention before it, and `outside` after it
    explained  share of the variance over places that the step explains
    """

    before: int
    inside: float
    outside: float
    explained: float


def gate_of(
    attention: Float[np.ndarray, " place"], weight: Float[np.ndarray, " place"]
) -> Gate | None:
    """The step that explains the attention over places; None where it explains too little.

    weight  how many pairs each place has; places without any are left out
    """
    places = np.flatnonzero(weight > 0)
    values, weights = attention[places], weight[places].astype(float)
    mean = np.average(values, weights=weights) if len(places) else 0.0
    total = float((weights * (values - mean) ** 2).sum())
    if len(places) < 2 * FEWEST or total <= 0:
        return None
    steps = [_step(places, values, weights, at) for at in range(FEWEST, len(places) - FEWEST + 1)]
    best = max(steps, key=lambda step: step.explained)
    best = Gate(best.before, best.inside, best.outside, best.explained / total)
    steep = best.inside >= max(LEAST, RATIO * best.outside)
    return best if steep and best.explained >= EXPLAINED else None


def _step(places: np.ndarray, values: np.ndarray, weights: np.ndarray, at: int) -> Gate:
    """The step before the place of that index; `explained` is a sum of squares."""
    inside, outside = (
        float(np.average(values[part], weights=weights[part]))
        for part in (slice(at), slice(at, None))
    )
    before, after = weights[:at].sum(), weights[at:].sum()
    between = before * after / (before + after) * (inside - outside) ** 2
    return Gate(int(places[at]), inside, outside, float(between))
