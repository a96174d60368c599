"""How well weights agree with predicted ones, and how well after permuting poses."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from workbench.matching.prediction import turned
from workbench.matching.weights import FamilyWeights
from workbench.score.ranks import ranks

Weights = Float[np.ndarray, "down up kh kw"]
Agreements = Mapping[str, Mapping[str, "Agreement"]]
Prediction = Callable[
    [FamilyWeights, Int[np.ndarray, "order down"]],
    Mapping[str, Float[np.ndarray, "order down up kh kw"]],
]

# The downstream units' poses are permuted so often, and all is fitted again each time. The least
# p is 1 in 201.
PERMUTATIONS = 200


@dataclass(frozen=True)
class Agreement:
    """A figure of agreement.

    permuted  its mean when the downstream units' poses are permuted and all is fitted again
    p         the share of permutations that reach the value
    """

    value: float
    permuted: float
    p: float


def predicted(
    pair: FamilyWeights, orders: Int[np.ndarray, "order down"], predict: Prediction = turned
) -> dict[str, dict[str, Agreement]]:
    """For each of `splits`, how each half's weights agree with those predicted from the other half.

    `predict` is `turned`, which uses no theory, or `fitted`.
    """
    return {
        name: agreements(
            (pair.trained[order], weights) for order, weights in zip(orders, of_orders, strict=True)
        )
        for name, of_orders in predict(pair, orders).items()
    }


def permutations(count: int, seed: int) -> Int[np.ndarray, "order down"]:
    """The order of the units as they are, and PERMUTATIONS others."""
    generator = np.random.default_rng(seed)
    return np.stack(
        [np.arange(count), *(generator.permutation(count) for _ in range(PERMUTATIONS))]
    )


def agreements(both: Iterable[tuple[Weights, Weights]]) -> dict[str, Agreement]:
    """The `figures` of pairs of trained and predicted weights.

    The first pair has the units' poses, all others have permuted poses and are fitted again.
    """
    unpermuted, *others = [figures(*weights) for weights in both]
    result = {}
    for name, value in unpermuted.items():
        permuted = np.array([other[name] for other in others])
        result[name] = Agreement(
            value,
            float(permuted.mean()),
            float((1 + (permuted >= value).sum()) / (1 + len(permuted))),
        )
    return result


def figures(trained: Weights, theory: Weights) -> dict[str, float]:
    """How a theory's weights agree with the trained ones.

    explained  1 - squared differences over those of the trained weights from their mean; below 0 is
               worse than one number
    cosine     of the two as vectors; 0 where one is 0 throughout
    sign       the share of the sum of the trained weights' sizes that has the theory's sign; a
               theory's weight of 0 has no sign
    rank       Spearman's correlation; 0 where one is the same throughout
    """
    sizes = np.sqrt(float((trained**2).sum()) * float((theory**2).sum()))
    return {
        "explained": 1
        - float(((trained - theory) ** 2).sum() / ((trained - trained.mean()) ** 2).sum()),
        "cosine": float((trained * theory).sum() / sizes) if sizes > 0 else 0.0,
        "sign": float(
            np.abs(trained)[np.sign(trained) * np.sign(theory) > 0].sum() / np.abs(trained).sum()
        ),
        "rank": float((_ranks(trained) * _ranks(theory)).sum()),
    }


def _ranks(weights: Weights) -> Float[np.ndarray, " m"]:
    """The ranks of weights among all, centred and scaled to length 1."""
    centred = ranks(weights.ravel()) - (weights.size + 1) / 2
    return centred / max(np.sqrt((centred**2).sum()), 1e-300)
