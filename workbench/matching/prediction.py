"""Weights predicted from those of other units.

Either by a theory whose constants are fitted to those, or by turning them; for the poses that the
units have, and for the same poses given to other units.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import lsq_linear

from workbench.matching.relative import Spread, nearness, seen_by
from workbench.matching.weights import FamilyWeights
from workbench.theory.poses import Units

# Spreads of the kernel average that are tried, in cells and degrees: half of what the grid and the
# poses of theories tell apart, and all of it.
SPREADS = tuple((cells, degrees) for cells in (0.5, 1.0) for degrees in (15.0, 30.0))
BY_TURNS, SIDES = "by turns", "one side from the other"
Halves = tuple[list[int], list[int]]


def splits(units: Units) -> dict[str, Halves]:
    """Two ways to divide units into halves, in the order of their direction.

    By turns, so that each half has all directions; and one side of the circle against the other,
    so that no unit has a neighbour among those that predict it.
    """
    order = np.argsort(units.normal_deg % 360, kind="stable").tolist()
    middle = (len(order) + 1) // 2
    return {
        BY_TURNS: (sorted(order[::2]), sorted(order[1::2])),
        SIDES: (sorted(order[:middle]), sorted(order[middle:])),
    }


def fitted(
    pair: FamilyWeights, orders: Int[np.ndarray, "order down"]
) -> Mapping[str, Float[np.ndarray, "order down up kh kw"]]:
    """For each of `splits`, the theory's weights of each half, fitted to the other half's weights.

    The constants that the weights are linear in are fitted by least squares, within their signs.
    Lengths, tolerances and powers stay as they are. In each order the i-th pose is that of unit
    `order[i]`, as in `turned`.
    """
    predicted = {
        name: np.zeros((len(orders), *pair.trained.shape)) for name in splits(pair.downstream)
    }
    if not pair.parts:  # every constant fixed at 0
        return predicted
    parts = np.stack([part.weights for part in pair.parts], -1)
    bounds = [part.low for part in pair.parts], [part.high for part in pair.parts]
    for name, both in splits(pair.downstream).items():
        for seen, unseen in (both, both[::-1]):
            known = parts[seen].reshape(-1, len(pair.parts))
            for order, weights in zip(orders, predicted[name], strict=True):
                constants = lsq_linear(
                    known, pair.trained[order[seen]].ravel(), bounds, method="bvls"
                ).x
                weights[unseen] = parts[unseen] @ constants
    return predicted


def turned(
    pair: FamilyWeights,
    orders: Int[np.ndarray, "order down"],
    spreads: Sequence[Spread] = SPREADS,
) -> Mapping[str, Float[np.ndarray, "order down up kh kw"]]:
    """For each of `splits`, the weights of each half as a kernel average of the other half's.

    The average (Nadaraya 1964, Watson 1964) is over place and turn of the upstream unit, as the
    downstream one sees it: this is what any equivariant theory could explain. In each order the
    i-th pose is that of unit `order[i]`, whose weights the i-th row predicts.

    The spreads are those, of all that are tried, that best predict each unit of the seen half
    from the others of that half.
    """
    halves, count = splits(pair.downstream), len(pair.downstream)
    # down, m, order
    moved = pair.trained.reshape(count, -1)[orders].transpose(1, 2, 0).astype(np.float32)
    best, error = (
        {name: np.zeros_like(moved) for name in halves},
        {name: np.full((2, len(orders)), np.inf) for name in halves},
    )
    for spread in spreads:
        same, other = _averages(pair, moved, halves, spread)
        for name, both in halves.items():
            for k, (seen, unseen) in enumerate((both, both[::-1])):
                missed = ((same[name][seen] - moved[seen]) ** 2).sum((0, 1))
                better = missed < error[name][k]
                error[name][k] = np.where(better, missed, error[name][k])
                best[name][unseen] = np.where(better, other[name][unseen], best[name][unseen])
    return {
        name: weights.transpose(2, 0, 1).reshape(len(orders), count, *pair.trained.shape[1:])
        for name, weights in best.items()
    }


def _averages(
    pair: FamilyWeights,
    moved: Float[np.ndarray, "down m order"],
    halves: Mapping[str, Halves],
    spread: Spread,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Each unit's kernel average over the other units of its half, and over the other half."""
    places, turns_deg, period_deg = seen_by(pair)
    same_half, other_half = ({name: np.zeros_like(moved) for name in halves} for _ in range(2))
    for i in range(len(moved)):
        summed, weight = np.zeros_like(moved), np.zeros(moved.shape[:2], np.float32)
        for j in range(len(moved)):
            if i != j:
                unit, neighbour = (places[i], turns_deg[i]), (places[j], turns_deg[j])
                kernel = nearness(unit, neighbour, period_deg, pair.step_px, spread).astype(
                    np.float32
                )
                summed[j], weight[j] = kernel @ moved[j], kernel.sum(1)
        for name, both in halves.items():
            first, second = both if i in both[0] else both[::-1]
            for averages, among in ((same_half, first), (other_half, second)):
                averages[name][i] = summed[among].sum(0) / (weight[among].sum(0)[:, None] + 1e-9)
    return same_half, other_half
