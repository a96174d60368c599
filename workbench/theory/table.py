"""Weights set one by one, for structure that the rule cannot describe.

They stand in the picture's axes, whatever the units' frames.

w[d, u, x] = sum over the table's weights of those whose `to` has d, whose `source` has u, and whose
`at_px` is x
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from workbench.arrays import Array, array_namespace, device
from workbench.theory.poses import Units
from workbench.vision.geometry.frame import taps


@dataclass(frozen=True)
class Single:
    """One weight of a table: a number, or an array without dimensions, which is fitted by gradient.

    to, source    axis -> value; an axis that is left out takes every value
    at_px         (x, y) from the downstream unit to the upstream one: on the upstream grid, within
                  the window
    """

    to: Mapping[str, Any]
    source: Mapping[str, Any]
    at_px: tuple[int, int]
    weight: Any


def table(
    downstream: Units,
    upstream: Units,
    singles: Sequence[Single],
    window_px: float,
    step_px: int,
    like: Array,
) -> Float[Array, "d u kh kw"]:
    """Weights of a table, 0 wherever it has no entry; taps are `step_px` input pixels apart.

    The array has the library, type and device of `like`.
    """
    xp = array_namespace(like)
    reach = taps(window_px, step_px)
    nothing = xp.zeros((len(downstream), len(upstream)), dtype=like.dtype, device=device(like))
    at: dict[tuple[int, int], Array] = {}
    for single in singles:
        column, row = (reach + step // step_px for step in single.at_px)
        pairs = xp.asarray(
            np.outer(downstream.having(single.to), upstream.having(single.source)),
            dtype=like.dtype,
            device=device(like),
        )
        at[row, column] = at.get((row, column), nothing) + single.weight * pairs
    side = range(2 * reach + 1)
    return xp.stack(
        [xp.stack([at.get((row, column), nothing) for column in side], axis=-1) for row in side],
        axis=-2,
    )
