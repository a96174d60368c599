"""Intervals: the paired bootstrap over pictures, or over groups of them if there are many.

Copies of one picture are resampled together (`evaluate.groups`).

Source: percentile intervals, Efron & Tibshirani 1993, chapter 13.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int, UInt

from workbench.arrays import Array, array_like, array_namespace, device
from workbench.evaluate.groups import grouped
from workbench.score.ranks import percentiles

RESAMPLES = 10_000
BLOCK = 1_000  # resamples at a time: bounds the memory
# draws that are kept, 10 MB at most: for all pictures, those with labels, those on which the
# circuit fires, and those with both
KEPT = 4


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval.

    value      None if the figure does not exist, as without labels or if nothing was lost
    ci95       None if there is no figure, or if it rests on a single picture and copies of it
    n          how many pictures the figure is over; None for all of its document
    resamples  how many resamples the interval is over; None for all. In the others the figure does
               not exist, as where nothing was lost
    """

    value: float | None
    ci95: tuple[float, float] | None = None
    n: int | None = None
    resamples: int | None = None


def bootstrap(
    rows: Mapping[str, Float[Array, "picture ..."]],
    statistic: Callable[[Mapping[str, Array]], Array],
    seed: int = 0,
    resamples: int = RESAMPLES,
    item: Int[np.ndarray, " picture"] | None = None,
) -> Figure:
    """A statistic of the means over pictures, with the interval over resampled pictures.

    `statistic` maps means to numbers: the means have the axes of a row after any leading axes, and
    there is one number for each position of the leading axes. All rows are resampled together, so
    that differences between conditions on the same picture stay paired. Pictures of the same
    `item`, and groups of them if there are many, are resampled together (`evaluate.groups`). The
    rows may be of any one library, on any device: NumPy draws the resamples for all of them, so
    that the interval is the same in each.
    """
    xp = array_namespace(*rows.values())
    arrays = {name: xp.astype(row, xp.float64) for name, row in rows.items()}
    value = float(statistic({name: xp.mean(array, axis=0) for name, array in arrays.items()}))
    if not math.isfinite(value):
        return Figure(None)
    sums, like = (
        {name: grouped(array, item) for name, array in arrays.items()},
        next(iter(arrays.values())),
    )
    pictures = grouped(xp.ones(like.shape[:1], dtype=xp.float64, device=device(like)), item)
    if pictures.shape[0] < 2:
        return Figure(value)
    blocks = []
    for weights in _weights(pictures, seed, resamples):
        blocks.append(
            statistic({name: xp.tensordot(weights, row, axes=1) for name, row in sums.items()})
        )
    figures = xp.concat(blocks)
    figures = figures[xp.isfinite(figures)]
    if figures.shape[0] < 0.5 * resamples:
        return Figure(None)
    low, high = percentiles(figures, (2.5, 97.5))
    known = figures.shape[0]
    if known == resamples:
        return Figure(value, (low, high))
    # without a spread, all rests on one picture, without which the figure does not exist
    spread = not math.isclose(low, high, abs_tol=1e-12)
    return Figure(value, (low, high) if spread else None, resamples=known)


def _weights(
    pictures: Float[Array, " group"], seed: int, resamples: int
) -> Iterable[Float[Array, "resample group"]]:
    """The weight of each group's sum in the mean of each resample, in blocks of resamples.

    pictures  how many pictures each group has
    """
    if isinstance(pictures, np.ndarray):
        return _kept_weights(pictures.tobytes(), seed, resamples)
    draws = _draws(pictures.shape[0], seed, resamples)
    return (_normalised(array_like(drawn, pictures), pictures) for drawn in draws)


def _normalised(
    counts: Float[Array, "resample group"], pictures: Float[Array, " group"]
) -> Float[Array, "resample group"]:
    return counts / (counts @ pictures)[:, None]


@lru_cache(maxsize=1)  # 80 MB at most; most figures of a scorecard are over the same pictures
def _kept_weights(
    pictures: bytes, seed: int, resamples: int
) -> tuple[Float[np.ndarray, "resample group"], ...]:
    sizes = np.frombuffer(pictures, np.float64)
    draws = _draws(len(sizes), seed, resamples)
    return tuple(_normalised(drawn.astype(np.float64), sizes) for drawn in draws)


@lru_cache(maxsize=KEPT)
def _draws(
    groups: int, seed: int, resamples: int
) -> tuple[UInt[np.ndarray, "resample group"], ...]:
    """How often each group is in each resample, in blocks of BLOCK resamples.

    They are drawn once for the hundreds of figures of a scorecard, since drawing takes ten times as
    long as everything else.
    """
    generator, blocks = np.random.default_rng(seed), []
    for start in range(0, resamples, BLOCK):
        counts = generator.multinomial(
            groups, np.full(groups, 1 / groups), size=min(BLOCK, resamples - start)
        )
        blocks.append(counts.astype(np.min_scalar_type(counts.max())))
        blocks[-1].setflags(write=False)
    return tuple(blocks)
