"""Groups of pictures: the independent items that the bootstrap resamples.

Copies of one picture (equal content) are one item: their rows are summed, so that they count
once in an interval, and by their number in a mean. Beyond GROUPS items, sums over random groups of
them are held and resampled. The items are a random sample, so groups that are drawn without looking
at them are one too, and the bootstrap over groups (of means, and of figures computed from means)
has the interval of the bootstrap over items. Its length is estimated from GROUPS sums instead of
all items, which moves it by about 1 / sqrt(2 GROUPS), 2 %.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from workbench.arrays import Array, array_like, array_namespace, device, to_numpy

GROUPS = 1_000


def items_of(sha256s: Sequence[str]) -> Int[np.ndarray, " picture"]:
    """The index of each picture's content, counted in the order of first appearance."""
    index = {sha256: i for i, sha256 in enumerate(dict.fromkeys(sha256s))}
    return np.array([index[sha256] for sha256 in sha256s], np.int64)


def copies(sha256s: Sequence[str]) -> int:
    """How many pictures have the content of an earlier one."""
    return len(sha256s) - len(set(sha256s))


def group_of(item: Int[np.ndarray, " picture"]) -> Int[np.ndarray, " picture"]:
    """The group of each picture, whose content has the index `item` (`items_of`).

    Up to GROUPS items, each has its own; beyond, a random one of GROUPS, whose sizes differ by at
    most one item.
    """
    items = int(item.max(initial=-1)) + 1
    group = np.empty(items, np.int64)
    group[_order(items)] = np.arange(items) % GROUPS
    return group[item]


def grouped(
    row: Float[Array, "picture ..."], item: Int[np.ndarray, " picture"] | None = None
) -> Float[Array, "group ..."]:
    """Sums over the groups; up to GROUPS pictures without copies, the row itself.

    `item` is as in `group_of`, and may leave out indices; None where no picture has a copy.
    """
    xp, pictures = array_namespace(row), row.shape[0]
    known = None if item is None else np.unique(item, return_inverse=True)[1]
    if known is not None and len(known) > int(known.max(initial=-1)) + 1:
        group = group_of(known)
        sums = np.zeros((int(group.max()) + 1, *row.shape[1:]))
        np.add.at(sums, group, to_numpy(row))
        return array_like(sums, row)
    if pictures <= GROUPS:
        return row
    rest = xp.zeros((-pictures % GROUPS, *row.shape[1:]), dtype=row.dtype, device=device(row))
    ordered = xp.concat(
        [xp.take(row, xp.asarray(_order(pictures), device=device(row)), axis=0), rest]
    )
    return xp.sum(xp.reshape(ordered, (-1, GROUPS, *row.shape[1:])), axis=0)


def _order(items: int) -> Int[np.ndarray, " item"]:
    """All items in a random order, in which each group takes one in turn.

    It is random as folders are often sorted by class. Up to GROUPS items keep their order.
    """
    return np.arange(items) if items <= GROUPS else np.random.default_rng(0).permutation(items)
