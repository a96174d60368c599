"""Groups of pictures: beyond GROUPS pictures, sums over random groups are held and resampled.

The pictures are a random sample, so groups that are drawn without looking at them are one too, and
the bootstrap over groups (of means, and of figures computed from means) has the interval of the
bootstrap over pictures. Its length is estimated from GROUPS sums instead of all pictures, which
moves it by about 1 / sqrt(2 GROUPS), 2 %.
"""

import numpy as np
from jaxtyping import Float, Int

from workbench.arrays import Array, array_namespace, device

GROUPS = 1_000


def group_of(pictures: int) -> Int[np.ndarray, " picture"]:
    """The group of each picture.

    Up to GROUPS pictures, each has its own; beyond, a random one of GROUPS, whose sizes differ by
    one picture at the most.
    """
    group = np.empty(pictures, np.int64)
    group[_order(pictures)] = np.arange(pictures) % GROUPS
    return group


def grouped(row: Float[Array, "picture ..."]) -> Float[Array, "group ..."]:
    """Sums over the groups; up to GROUPS pictures, the row itself."""
    xp, pictures = array_namespace(row), row.shape[0]
    if pictures <= GROUPS:
        return row
    rest = xp.zeros((-pictures % GROUPS, *row.shape[1:]), dtype=row.dtype, device=device(row))
    ordered = xp.concat(
        [xp.take(row, xp.asarray(_order(pictures), device=device(row)), axis=0), rest]
    )
    return xp.sum(xp.reshape(ordered, (-1, GROUPS, *row.shape[1:])), axis=0)


def _order(pictures: int) -> Int[np.ndarray, " picture"]:
    """All pictures in a random order, in which each group takes one in turn.

    It is random as folders are often sorted by class. Up to GROUPS pictures keep their order.
    """
    return (
        np.arange(pictures)
        if pictures <= GROUPS
        else np.random.default_rng(0).permutation(pictures)
    )
