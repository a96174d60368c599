"""Agreement of units: handwritten against trained activation, over cells and pictures."""

import numpy as np
from jaxtyping import Float
from scipy.stats import spearmanr

TOP = 0.01  # share of the sampled cells that counts as a unit's top


def pearson(moments: Float[np.ndarray, "*n unit 6"]) -> Float[np.ndarray, "*n unit"]:
    """Pearson correlation from MOMENTS; 0 where one side never varies."""
    n, a, b, aa, bb, ab = np.moveaxis(moments, -1, 0)
    spread = np.sqrt(np.maximum(n * aa - a * a, 0) * np.maximum(n * bb - b * b, 0))
    return np.where(spread > 1e-12 * n * n, (n * ab - a * b) / np.maximum(spread, 1e-300), 0.0)


def explained_variance(moments: Float[np.ndarray, "*n unit 6"]) -> Float[np.ndarray, "*n unit"]:
    """1 - mean squared difference over the trained unit's variance, after the calibrated gain and bias; below 0 is worse than the mean."""
    n, _, b, aa, bb, ab = np.moveaxis(moments, -1, 0)
    variance = bb / n - (b / n) ** 2
    return 1 - (aa - 2 * ab + bb) / n / np.where(variance > 0, variance, np.inf)


def spearman(value: Float[np.ndarray, "row unit"], trained: Float[np.ndarray, "row unit"]) -> Float[np.ndarray, " unit"]:
    """Rank correlation on the sampled cells; 0 where one side never varies."""
    pairs = [(value[:, i], trained[:, i]) for i in range(value.shape[1])]
    # by the range: the standard deviation of equal numbers is rounding, not 0
    return np.array([spearmanr(a, b).statistic if np.ptp(a) > 0 and np.ptp(b) > 0 else 0.0 for a, b in pairs])


def top_overlap(value: Float[np.ndarray, "row unit"], trained: Float[np.ndarray, "row unit"]) -> Float[np.ndarray, " unit"]:
    """Share of each unit's top sampled cells that are also the handwritten unit's top; by chance it is TOP. Silent cells are never top."""
    count = max(1, round(TOP * len(value)))
    pairs = [(_top(value[:, i], count), _top(trained[:, i], count)) for i in range(value.shape[1])]
    return np.array([len(np.intersect1d(ours, theirs)) / max(1, len(theirs)) for ours, theirs in pairs])


def _top(activation: Float[np.ndarray, " row"], count: int) -> np.ndarray:
    # a stable order, so that ties fall alike on every machine
    best = np.argsort(-activation, kind="stable")[:count]
    return best[activation[best] > activation.min()]
