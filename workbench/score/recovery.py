"""Recovery: the part of an ablation's damage to the network that a splice avoids.

`recovered = 1 - d(natural, spliced) / d(natural, ablated)`: 1 is the natural network, 0 no better
than the ablation, below 0 worse. With d the drop in top-5 this is the figure of "Curve Circuits"
(56.5 %); with d the KL divergence, the normalised loss of circuit work.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from jaxtyping import Bool, Float

from workbench.arrays import Array, array_namespace, to_numpy
from workbench.evaluate.statistics import Statistics
from workbench.score.uncertainty import Figure, bootstrap

ABLATIONS = ("zero", "mean", "resample")
ACCURACIES = ("top1", "top5")


def recovered(
    statistics: Statistics,
    condition: str,
    worse: str,
    quantity: str,
    pictures: Bool[Array, " picture"] | None = None,
    seed: int = 0,
) -> Figure:
    """1 - distance of `condition` / distance of `worse`, an ablation or a control.

    Both are on the same pictures, so the interval is paired. `quantity` is kl, agreement, consumer,
    top1 or top5; `pictures` is a mask. The value is None if nothing was lost, or without labels.
    """
    rows = {
        "left": distance(statistics, condition, quantity),
        "lost": distance(statistics, worse, quantity),
    }

    def share(means: Mapping[str, Array]) -> Array:
        return 1 - means["left"] / _above_zero(means["lost"])

    return _share(statistics, rows, share, pictures, seed)


def gains(
    statistics: Statistics, condition: str, over: str, quantity: str, seed: int = 0
) -> Figure:
    """The distance under `over` less that under `condition`: above 0, `condition` does better.

    Both are on the same pictures, so the interval is paired.
    """
    rows = {name: distance(statistics, name, quantity) for name in (condition, over)}
    known = array_namespace(rows[over]).isfinite(rows[condition] + rows[over])
    return mean_over(statistics, rows, known, lambda means: means[over] - means[condition], seed)


def loses(
    statistics: Statistics,
    condition: str,
    quantity: str,
    seed: int = 0,
    worse: str = "ablated.zero",
    than: str = "spliced",
) -> Figure:
    """The recovered share of `than`, the handwritten units, minus that of `condition`.

    It is of the ablation `worse`. Both are on the same pictures, so the interval is paired. None
    where nothing was lost.
    """
    names = {"left": condition, "spliced": than, "lost": worse}
    rows = {key: distance(statistics, name, quantity) for key, name in names.items()}

    def share(means: Mapping[str, Array]) -> Array:
        return (means["left"] - means["spliced"]) / _above_zero(means["lost"])

    return _share(statistics, rows, share, None, seed)


def _share(
    statistics: Statistics,
    rows: Mapping[str, Float[Array, " picture"]],
    share: Callable[[Mapping[str, Array]], Array],
    pictures: Bool[Array, " picture"] | None,
    seed: int,
) -> Figure:
    """A share of what is "lost", over the chosen pictures on which every row is known."""
    xp = array_namespace(*rows.values())
    chosen = xp.isfinite(sum(rows.values()))
    chosen = chosen if pictures is None else chosen & pictures
    if not xp.any(chosen) or xp.mean(rows["lost"][chosen]) <= 0:
        return Figure(None)
    return mean_over(statistics, rows, chosen, share, seed)


def mean_over(
    statistics: Statistics,
    rows: Mapping[str, Float[Array, " picture"]],
    chosen: Bool[Array, " picture"],
    statistic: Callable[[Mapping[str, Array]], Array],
    seed: int,
) -> Figure:
    """A statistic over the chosen pictures; the figure has their number if not all are chosen."""
    count, n = int(array_namespace(chosen).count_nonzero(chosen)), len(statistics.names)
    item = None if statistics.items is None else statistics.items[to_numpy(chosen)]
    figure = bootstrap(
        {name: row[chosen] for name, row in rows.items()}, statistic, seed, item=item
    )
    return replace(figure, n=count if count < n else None)


def _above_zero(lost: Array) -> Array:
    xp = array_namespace(lost)
    return xp.where(lost > 0, lost, xp.nan)


def distance(statistics: Statistics, condition: str, quantity: str) -> Float[Array, " picture"]:
    """Distance from natural for each picture; nan for a quantity that has no rows.

    A quantity of which larger is better gives its drop from natural, and a loss its rise; any
    other, such as kl and consumer, is a distance itself.
    """
    rows = statistics.rows[condition]
    if quantity not in rows:
        known = rows[statistics.quantities[0].name]
        return array_namespace(known).full_like(known, float("nan"))
    facts = {entry.name: entry for entry in statistics.quantities}.get(quantity)
    if facts is None or not (facts.larger_is_better or facts.task):
        return rows[quantity]
    change = rows[quantity] - statistics.rows["natural"][quantity]
    return -change if facts.larger_is_better else change
