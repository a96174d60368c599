"""Groups of pictures: beyond GROUPS of them, sums over fixed random groups stand for the pictures, in what is held and in what is resampled.

The pictures are a random sample, so groups that are drawn without looking at them are one too, and the bootstrap over groups (of means, and of
what is computed of means) has the interval of the bootstrap over pictures. That its length is told from GROUPS sums, and not from all pictures,
moves it by about 1 / sqrt(2 GROUPS), 2 %.
"""

import numpy as np
from jaxtyping import Float, Int

from workbench.arrays import Array, array_namespace, device

GROUPS = 1_000


def group_of(pictures: int) -> Int[np.ndarray, " picture"]:
    """The group of each picture: up to GROUPS pictures its own; of more a random one of GROUPS, all of the same size but for one picture."""
    group = np.empty(pictures, np.int64)
    group[_order(pictures)] = np.arange(pictures) % GROUPS
    return group


def grouped(row: Float[Array, "picture ..."]) -> Float[Array, "group ..."]:
    """Sums over the groups; up to GROUPS pictures the row itself."""
    xp, pictures = array_namespace(row), row.shape[0]
    if pictures <= GROUPS:
        return row
    rest = xp.zeros((-pictures % GROUPS, *row.shape[1:]), dtype=row.dtype, device=device(row))
    ordered = xp.concat([xp.take(row, xp.asarray(_order(pictures), device=device(row)), axis=0), rest])
    return xp.sum(xp.reshape(ordered, (-1, GROUPS, *row.shape[1:])), axis=0)


def _order(pictures: int) -> Int[np.ndarray, " picture"]:
    """All pictures in a random order, one to each group in turn: folders are often sorted by class. Few stay in theirs."""
    return np.arange(pictures) if pictures <= GROUPS else np.random.default_rng(0).permutation(pictures)
