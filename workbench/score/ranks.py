"""Ranks and percentiles, in any array library."""

from collections.abc import Sequence

from jaxtyping import Float, Int

from workbench.arrays import Array, array_namespace


def ranks(values: Float[Array, " n"]) -> Float[Array, " n"]:
    """The rank of each value, from 1; equal values have the mean of their ranks, nan has nan."""
    xp = array_namespace(values)
    values = xp.asarray(values, copy=True)  # contiguous, also for a column of a table
    rising = xp.sort(values)
    below, upto = (
        xp.astype(xp.searchsorted(rising, values, side=side), xp.float64)
        for side in ("left", "right")
    )
    return xp.where(xp.isnan(values), xp.nan, (below + upto + 1) / 2)


def places(chosen: Int[Array, "*n"]) -> Int[Array, "*n"]:
    """The inverse of a permutation along the first axis: the place of each index."""
    return array_namespace(chosen).argsort(chosen, axis=0)


def percentiles(values: Float[Array, " n"], percents: Sequence[float]) -> tuple[float, ...]:
    """Percentiles by linear interpolation, from the least value at 0 to the largest at 100.

    Source: definition 7 of Hyndman & Fan 1996.
    """
    rising = array_namespace(values).sort(values)
    last = rising.shape[0] - 1
    figures = []
    for percent in percents:
        below, share = divmod(last * percent / 100, 1)
        low, high = (float(rising[min(int(below) + step, last)]) for step in (0, 1))
        figures.append(low + share * (high - low))
    return tuple(figures)
