"""Intervals: the paired bootstrap over pictures (Efron & Tibshirani 1993, chapter 13, percentile intervals)."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, UInt

from workbench.arrays import Array, array_like, array_namespace
from workbench.score.ranks import percentiles

RESAMPLES = 10_000
BLOCK = 1_000  # resamples at a time: bounds the memory
KEPT = 4  # draws that are kept: of all pictures, those with labels, those on which the circuit fires, and those of both
KEPT_BYTES = 1 << 26  # of one draw at the most: 10,000 resamples of 6,700 pictures


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval; `value` is None where it cannot be had (no labels, nothing lost)."""

    value: float | None
    ci95: tuple[float, float] | None = None


def bootstrap(
    rows: Mapping[str, Float[Array, "picture ..."]],
    statistic: Callable[[Mapping[str, Array]], Array],
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Figure:
    """A statistic of the means over pictures, with the interval over resampled pictures.

    `statistic` maps means (each row's own axes, behind any leading axes) to a number for each of the leading. All rows are resampled together:
    differences between conditions on the same picture stay paired. The rows may be of any one library, on any device: NumPy draws the resamples
    for all of them, so that the interval is the same in each.
    """
    xp = array_namespace(*rows.values())
    arrays = {name: xp.astype(row, xp.float64) for name, row in rows.items()}
    like = next(iter(arrays.values()))
    value = float(statistic({name: xp.mean(array, axis=0) for name, array in arrays.items()}))
    found = []
    for counts in _blocks(like.shape[0], seed, resamples):
        weights = array_like(counts, like) / like.shape[0]
        found.append(statistic({name: xp.tensordot(weights, array, axes=1) for name, array in arrays.items()}))
    drawn = xp.concat(found)
    drawn = drawn[xp.isfinite(drawn)]
    if not math.isfinite(value) or drawn.shape[0] < 0.5 * resamples:
        return Figure(None)
    low, high = percentiles(drawn, (2.5, 97.5))
    return Figure(value, (low, high))


def _blocks(pictures: int, seed: int, resamples: int) -> Iterator[UInt[np.ndarray, "resample picture"]]:
    """How often each picture is in each resample, BLOCK of them at a time."""
    keep = pictures * resamples <= KEPT_BYTES
    yield from _kept(pictures, seed, resamples) if keep else _drawn(pictures, seed, resamples)


@lru_cache(maxsize=KEPT)
def _kept(pictures: int, seed: int, resamples: int) -> tuple[UInt[np.ndarray, "resample picture"], ...]:
    """The same, drawn once for the hundreds of figures of one scorecard: drawing takes ten times as long as all else."""
    blocks = tuple(_drawn(pictures, seed, resamples))
    for block in blocks:
        block.setflags(write=False)
    return blocks


def _drawn(pictures: int, seed: int, resamples: int) -> Iterator[UInt[np.ndarray, "resample picture"]]:
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, BLOCK):
        counts = generator.multinomial(pictures, np.full(pictures, 1 / pictures), size=min(BLOCK, resamples - start))
        yield counts.astype(np.min_scalar_type(counts.max()))
