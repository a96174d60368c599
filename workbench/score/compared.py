"""The theory against other theories of the same units, on the same pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.arrays import Array, array_namespace
from workbench.evaluate.statistics import Statistics
from workbench.score.agreement import pearson
from workbench.score.recovery import loses, mean_over
from workbench.score.uncertainty import Figure
from workbench.splice.conditions import ConditionKind


@dataclass(frozen=True)
class Comparison:
    """How much more the theory has than another one; above 0, it does better.

    Both are on the same pictures, so the intervals are paired.

    recovered  of the headline quantity, against zero ablation
    pearson    mean over units
    """

    recovered: Figure
    pearson: Figure


def comparisons(statistics: Statistics, headline: str, seed: int = 0) -> dict[str, Comparison]:
    """The comparison with each other theory that was scored, by its name."""
    return {
        name.removeprefix("compared."): Comparison(
            loses(statistics, name, headline, seed), _pearson_gain(statistics, name, seed)
        )
        for name, facts in statistics.conditions.items()
        if facts.kind == ConditionKind.COMPARED
    }


def _pearson_gain(statistics: Statistics, name: str, seed: int) -> Figure:
    """The mean correlation of the handwritten units less that under a condition."""
    rows = {key: statistics.rows[key]["moments"] for key in ("spliced", name)}
    xp = array_namespace(rows[name])

    def gain(means: Mapping[str, Array]) -> Array:
        return xp.mean(pearson(means["spliced"]) - pearson(means[name]), axis=-1)

    every = xp.isfinite(xp.sum(rows[name], axis=tuple(range(1, rows[name].ndim))))
    return mean_over(statistics, rows, every, gain, seed)
