"""Weights foretold from those of other units, by a theory whose constants are fitted to them or by turning them: for the poses that the units
have, and for the same poses given to other units."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import lsq_linear

from workbench.evaluate.weights import Between, near, seen_by
from workbench.theory.poses import Units

# Spreads of the kernel average that are tried, in cells and degrees: half of what the grid and the poses of theories tell apart, and all of it.
SPREADS = tuple((cells, degrees) for cells in (0.5, 1.0) for degrees in (15.0, 30.0))
BY_TURNS, SIDES = "by turns", "one side from the other"
Halves = tuple[list[int], list[int]]


def splits(units: Units) -> dict[str, Halves]:
    """Two halves of the units in the order of their direction: by turns, so that each has all directions; and one side of the circle against the
    other, so that no unit has a neighbour among those that foretell it."""
    order = np.argsort(units.normal_deg % 360, kind="stable").tolist()
    middle = (len(order) + 1) // 2
    return {BY_TURNS: (sorted(order[::2]), sorted(order[1::2])), SIDES: (sorted(order[:middle]), sorted(order[middle:]))}


def fitted(pair: Between, orders: Int[np.ndarray, "order down"]) -> Mapping[str, Float[np.ndarray, "order down up kh kw"]]:
    """For each of `splits`, the theory's weights of each half, with the constants that they are linear in fitted to the other half's by least
    squares, within their signs. Lengths, tolerances and powers stay as they are. In each order the i-th pose is that of unit `order[i]`, as in
    `turned`."""
    found = {name: np.zeros((len(orders), *pair.trained.shape)) for name in splits(pair.downstream)}
    if not pair.parts:  # every constant fixed at 0
        return found
    parts = np.stack([part.weights for part in pair.parts], -1)
    bounds = [part.low for part in pair.parts], [part.high for part in pair.parts]
    for name, both in splits(pair.downstream).items():
        for seen, unseen in (both, both[::-1]):
            known = parts[seen].reshape(-1, len(pair.parts))
            for order, weights in zip(orders, found[name], strict=True):
                constants = lsq_linear(known, pair.trained[order[seen]].ravel(), bounds, method="bvls").x
                weights[unseen] = parts[unseen] @ constants
    return found


def turned(
    pair: Between, orders: Int[np.ndarray, "order down"], spreads: Sequence[tuple[float, float]] = SPREADS
) -> Mapping[str, Float[np.ndarray, "order down up kh kw"]]:
    """For each of `splits`, the weights of each half as a kernel average (Nadaraya 1964, Watson 1964) of the other's, over where the upstream unit
    lies and how it is turned, as the downstream one sees it: what any equivariant theory could explain. In each order the i-th pose is that of
    unit `order[i]`, whose weights the i-th foretold ones are to be.

    The spreads are those, of all that are tried, that best foretell each unit of the seen half from the others of that half.
    """
    halves, count = splits(pair.downstream), len(pair.downstream)
    moved = pair.trained.reshape(count, -1)[orders].transpose(1, 2, 0).astype(np.float32)  # down, m, order
    best, error = {name: np.zeros_like(moved) for name in halves}, {name: np.full((2, len(orders)), np.inf) for name in halves}
    for spread in spreads:
        own, other = _averages(pair, moved, halves, spread)
        for name, both in halves.items():
            for k, (seen, unseen) in enumerate((both, both[::-1])):
                missed = ((own[name][seen] - moved[seen]) ** 2).sum((0, 1))
                better = missed < error[name][k]
                error[name][k] = np.where(better, missed, error[name][k])
                best[name][unseen] = np.where(better, other[name][unseen], best[name][unseen])
    return {name: found.transpose(2, 0, 1).reshape(len(orders), count, *pair.trained.shape[1:]) for name, found in best.items()}


def _averages(
    pair: Between, moved: Float[np.ndarray, "down m order"], halves: Mapping[str, Halves], spread: tuple[float, float]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Of every unit the kernel average over the others of its own half, and over the other half."""
    places, turns_deg, period_deg = seen_by(pair)
    own, other = ({name: np.zeros_like(moved) for name in halves} for _ in range(2))
    for i in range(len(moved)):
        said, weight = np.zeros_like(moved), np.zeros(moved.shape[:2], np.float32)
        for j in range(len(moved)):
            if i != j:
                kernel = near(places[i], turns_deg[i], places[j], turns_deg[j], period_deg, pair.step_px, spread).astype(np.float32)
                said[j], weight[j] = kernel @ moved[j], kernel.sum(1)
        for name, both in halves.items():
            mine = both[0] if i in both[0] else both[1]
            theirs = both[1] if i in both[0] else both[0]
            for found, among in ((own, mine), (other, theirs)):
                found[name][i] = said[among].sum(0) / (weight[among].sum(0)[:, None] + 1e-9)
    return own, other
