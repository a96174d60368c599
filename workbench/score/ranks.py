"""Order: ranks and percentiles, in any array library."""

from collections.abc import Sequence

from jaxtyping import Float, Int

from workbench.arrays import Array, array_namespace


def ranks(values: Float[Array, " n"]) -> Float[Array, " n"]:
    """The place of each among all, from 1; equal ones share the mean of theirs. One that is nan has none: nan."""
    xp = array_namespace(values)
    values = xp.asarray(values, copy=True)  # one after another, where they are a column of a table
    rising = xp.sort(values)
    below, upto = (xp.astype(xp.searchsorted(rising, values, side=side), xp.float64) for side in ("left", "right"))
    return xp.where(xp.isnan(values), xp.nan, (below + upto + 1) / 2)


def places(chosen: Int[Array, "*n"]) -> Int[Array, "*n"]:
    """The place of each index in an order of them all, along the first axis."""
    return array_namespace(chosen).argsort(chosen, axis=0)


def percentiles(values: Float[Array, " n"], percents: Sequence[float]) -> tuple[float, ...]:
    """Straight lines between the values in their order, the least at 0 and the largest at 100 (definition 7 of Hyndman & Fan 1996)."""
    rising = array_namespace(values).sort(values)
    last = rising.shape[0] - 1
    found = []
    for percent in percents:
        below, share = divmod(last * percent / 100, 1)
        low, high = (float(rising[min(int(below) + step, last)]) for step in (0, 1))
        found.append(low + share * (high - low))
    return tuple(found)
