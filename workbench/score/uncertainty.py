"""Intervals: the paired bootstrap over pictures (Efron & Tibshirani 1993, chapter 13, percentile intervals)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

RESAMPLES = 10_000
BLOCK = 1_000  # resamples at a time: bounds the memory


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval; `value` is None where it cannot be had (no labels, nothing lost)."""

    value: float | None
    ci95: tuple[float, float] | None = None


def bootstrap(
    rows: Mapping[str, Float[np.ndarray, "picture ..."]],
    statistic: Callable[[Mapping[str, np.ndarray]], np.ndarray],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Figure:
    """A statistic of the means over pictures, with the interval over resampled pictures.

    `statistic` maps means (each row's own axes, behind any leading axes) to a number for each of the leading. All rows are resampled together:
    differences between conditions on the same picture stay paired.
    """
    names, arrays = list(rows), [np.asarray(row, dtype=np.float64) for row in rows.values()]
    pictures = len(arrays[0])
    value = float(statistic({name: array.mean(0) for name, array in zip(names, arrays, strict=True)}))
    generator = np.random.default_rng(seed)
    found = []
    for start in range(0, resamples, BLOCK):
        counts = generator.multinomial(pictures, np.full(pictures, 1 / pictures), size=min(BLOCK, resamples - start)) / pictures
        found.append(statistic({name: np.tensordot(counts, array, 1) for name, array in zip(names, arrays, strict=True)}))
    drawn = np.concatenate(found)
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or len(drawn) < 0.5 * resamples:
        return Figure(None)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Figure(value, (float(low), float(high)))
