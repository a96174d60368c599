"""How much groups of channels explain by chance, and what stands out from it."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from workbench.analyses.unexplained.directions import Common, factorised
from workbench.analyses.unexplained.regression import TINY, Regression
from workbench.cache import Kept
from workbench.work import Work

DRAWS = 200  # of chance groups for all candidates at once: the least p is 1 in 201
CHANCE = "chance"  # the kind of cache entries, and their array
SIGNIFICANCE = 0.05  # p of a suggestion is below it, over all candidates together


def chances(
    groups: Sequence[tuple[Int[np.ndarray, " n"], int | None]],
    regression: Regression,
    common: Common,
    work: Work = Work(),  # noqa: B008 (frozen)
    key: str = "",
) -> Float[np.ndarray, "draw group"]:
    """The share that groups by chance explain, each as large as one of `groups`.

    A group is its channels and the number of its direction, None for a family. In a draw the
    channels change places, which gives every family others. The residuals change pictures, which
    gives every direction the channels of one that the same factorisation finds where there is
    nothing. Both are to explain the true residual. With a cache, draws that an earlier run finished
    are read back; `key` has everything that they depend on.
    """
    generator, shares = np.random.default_rng(work.seed), []
    kept, progress = Kept(work.cache, CHANCE, key), work.stage("groups by chance", DRAWS)

    def drawn(moved: Int[np.ndarray, " c"], shuffled: Common) -> dict[str, np.ndarray]:
        by_chance = factorised(shuffled, work.seed)
        random = [
            moved[channels] if k is None else by_chance.strongest(k, len(channels))
            for channels, k in groups
        ]
        return {CHANCE: np.array([regression.explained(channels) for channels in random])}

    # the tables are small: a second thread of NumPy's matrix products would only wait
    with threadpool_limits(1, user_api="blas"):
        for draw in range(DRAWS):
            moved, shuffled = generator.permutation(regression.channels), common.shuffled(generator)
            shares.append(kept.once(str(draw), partial(drawn, moved, shuffled))[CHANCE])
            progress(1)
    return np.array(shares)


def beyond_chance(
    explained: Float[np.ndarray, " group"], by_chance: Float[np.ndarray, "draw group"]
) -> tuple[Float[np.ndarray, " group"], Float[np.ndarray, " group"]]:
    """The share that each candidate must explain for p < SIGNIFICANCE, and its p.

    The statistic of a draw is the highest, over candidates, of the distance from the mean of chance
    in standard deviations (the max-statistic of Westfall & Young 1993), so that many candidates are
    not more likely to stand out than one.
    """
    mean, spread = by_chance.mean(0), np.maximum(by_chance.std(0), TINY)
    highest = ((by_chance - mean) / spread).max(1)
    p = (1 + (highest[:, None] >= (explained - mean) / spread).sum(0)) / (1 + len(highest))
    return mean + spread * np.sort(highest)[-int(SIGNIFICANCE * (1 + len(highest)))], p
