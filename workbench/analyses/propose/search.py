"""Search: the atoms that together predict the units, each of them paying for itself in bits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from workbench.score.bits import PRECISION
from workbench.splice.conditions import scaled
from workbench.splice.link import Link
from workbench.splice.rivals import greedy, rectified_fit


@dataclass(frozen=True)
class Choice:
    """The atoms that a search takes, in the order of their choice.

    chosen   their indices among the candidates
    weights  of each; their scale is arbitrary, as every unit has a gain
    pearson  mean correlation of units on held-out pictures with the first k atoms, for each k
    paying   how many atoms pay for themselves
    """

    chosen: tuple[int, ...]
    weights: tuple[float, ...]
    pearson: tuple[float, ...]
    paying: int


def search(
    values: Float[Tensor, "unit row atom"],
    trained: Float[Tensor, "row unit"],
    fitted: Bool[np.ndarray, " row"],
    pictures: int,
    link: Link,
    most: int,
    count: int | None = None,
) -> Choice:
    """Choose atoms one after another on the fitted rows, and stop by the others.

    `count` of them are taken; where it is None, as many as pay for themselves, of `most` tried.

    One weight of an atom counts for all units. `pictures` is the number of held-out pictures: an
    atom pays for itself where the bits that it saves on them, with one independent sample for each
    picture and unit, are more than its own: log2 of the candidates, and a number.
    """
    fit = torch.from_numpy(fitted)
    spread = values[:, fit].std(1).pow(2).mean(0).sqrt()
    spread = spread.clamp_min(1e-6 * float(spread.max()) + 1e-12)
    goal = trained[fit] / trained[fit].std(0).clamp_min(1e-12)
    gram = torch.zeros(values.shape[2], values.shape[2])
    product = torch.zeros(values.shape[2])
    for unit, rows in enumerate(values[:, fit]):
        standard = (rows - rows.mean(0)) / spread
        gram += standard.T @ standard
        product += standard.T @ (goal[:, unit] - goal[:, unit].mean())
    most = min(max(most, count or 0), values.shape[2])
    (order,) = greedy(gram, product[None], most)
    steps = []
    for size in range(1, most + 1):
        picked = order[:size]
        rows = torch.cat([unit[:, picked] - unit[:, picked].mean(0) for unit in values[:, fit]])
        weights = rectified_fit(rows / spread[picked], goal.T.flatten()) / spread[picked]
        drive = (values[:, :, picked] @ weights).T
        steps.append((weights, held_out(drive, trained, fitted, link)))
    pearson = tuple(float(np.mean(correlation)) for _, correlation in steps)
    errors = [float(np.mean(1 - correlation.clip(0, 1) ** 2)) for _, correlation in steps]
    paying = _paying(errors, values.shape[2], pictures * len(values))
    taken = min(count or paying, most)
    chosen = tuple(order[:taken].tolist())
    return Choice(chosen, tuple(steps[taken - 1][0].tolist()), pearson, paying)


def held_out(
    drive: Float[Tensor, "row unit"],
    trained: Float[Tensor, "row unit"],
    fitted: Bool[np.ndarray, " row"],
    link: Link,
) -> Float[np.ndarray, " unit"]:
    """The correlation of each unit on the rows that are not fitted.

    Its gain and its bias are fitted on the others.
    """
    fit, held = torch.from_numpy(fitted), torch.from_numpy(~fitted)
    value = scaled(link, *link.fit(drive[fit], trained[fit]), drive[held]).double()
    target = trained[held].double()
    value, target = value - value.mean(0), target - target.mean(0)
    scale = (value.norm(dim=0) * target.norm(dim=0)).clamp_min(1e-12)
    return ((value * target).sum(0) / scale).numpy()


def _paying(errors: Sequence[float], candidates: int, samples: int) -> int:
    """How many atoms save most bits, less their own; at least one."""
    price, saved, best = math.log2(candidates) + PRECISION, 0.0, (0.0, 1)
    for count in range(2, len(errors) + 1):
        saved += (
            samples / 2 * math.log2(max(errors[count - 2], 1e-9) / max(errors[count - 1], 1e-9))
        )
        best = max(best, (saved - price * (count - 1), count), key=lambda pair: pair[0])
    return best[1]
