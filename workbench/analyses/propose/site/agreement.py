"""Correlation of predictions with the units on the judging pictures, with intervals over them."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from workbench.analyses.propose.site.sample import Sample
from workbench.arrays import array_namespace, to_numpy
from workbench.score.agreement import pearson
from workbench.score.uncertainty import Figure, bootstrap


def moments(
    predicted: Float[Tensor, "row unit"],
    trained: Float[Tensor, "row unit"],
    item: Int[np.ndarray, " row"],
) -> Float[np.ndarray, "picture unit 6"]:
    """Sums over each picture's rows, as `workbench.score.agreement.pearson` takes them."""
    a, b = (to_numpy(value).astype(np.float64) for value in (predicted, trained))
    rows = np.stack([np.ones_like(a), a, b, a * a, b * b, a * b], -1)
    starts = np.flatnonzero(np.diff(item, prepend=-1))
    return np.add.reduceat(rows, starts)


def correlations(sums: Float[np.ndarray, "picture unit 6"]) -> Float[np.ndarray, " unit"]:
    """The correlation of each unit over all pictures."""
    return pearson(sums.mean(0))


def varied(trained: Float[Tensor, "row unit"]) -> Bool[np.ndarray, " unit"]:
    """The units that vary on these rows; the others have no correlation."""
    return to_numpy(trained.amax(0) > trained.amin(0))


def judged(
    predicted: Float[Tensor, "row unit"], judge: Sample
) -> Float[np.ndarray, "picture unit 6"]:
    """As `moments`, over the units that vary on the judging rows."""
    live = varied(judge.trained)
    return moments(predicted[:, live], judge.trained[:, live], judge.item)


def mean_figure(sums: Float[np.ndarray, "picture unit 6"], seed: int) -> Figure:
    """The mean correlation over units, with its interval over pictures."""
    return bootstrap({"sums": sums}, lambda means: _mean(means["sums"]), seed)


def gain_figure(
    better: Float[np.ndarray, "picture unit 6"],
    other: Float[np.ndarray, "picture unit 6"],
    seed: int,
) -> Figure:
    """The difference of two mean correlations on the same pictures, with its interval."""
    rows = {"better": better, "other": other}
    return bootstrap(rows, lambda means: _mean(means["better"]) - _mean(means["other"]), seed)


def _mean(sums: Float[np.ndarray, "*n unit 6"]) -> Float[np.ndarray, "*n"]:
    return array_namespace(sums).mean(pearson(sums), axis=-1)


def shares(values: Float[np.ndarray, " unit"], levels: Sequence[float]) -> Mapping[str, float]:
    """The share of units whose correlation is above each level."""
    return {f"{level:g}": float(np.mean(values > level)) for level in levels}
