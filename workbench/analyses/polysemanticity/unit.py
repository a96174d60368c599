"""The parts of one unit's activation: what one theory accounts for, and what it leaves.

The rest lies among the theory's own stimuli or among others. Pure functions of arrays with a
row for each cell of a picture.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from workbench.analyses.polysemanticity.account import (
    TINY,
    Account,
    Cells,
    account,
    clustered,
    discounts,
    profiles,
)
from workbench.analyses.polysemanticity.meaning import Cluster, Level, UnitMeaning, silent_unit
from workbench.score.uncertainty import Figure, bootstrap

CLUSTERS = 12
LEVELS = 10  # of activation, as parts of the unit's peak
# of pictures, each clustered again: enough for a standard error (Efron & Tibshirani 1993, section
# 6.4, recommend 25 to 200)
RESAMPLES = 40
NORMAL_95 = 1.96  # standard errors to each side
SHOWN = 2  # rows of each cluster that are drawn as its examples


@dataclass(frozen=True)
class UnitCells:
    """Cells of pictures, a row each, as one unit has them.

    activation  the unit's
    theory      the activation that its theory predicts
    wrong       the activation that the theories of the circuit's other units predict
    around      activation of the site's other channels
    picture     index of the picture's content, so that copies of one are resampled together
    """

    activation: Float[np.ndarray, " row"]
    theory: Float[np.ndarray, " row"]
    wrong: Float[np.ndarray, "row other"]
    around: Float[np.ndarray, "row c"]
    picture: Int[np.ndarray, " row"]


@dataclass(frozen=True)
class Clustering:
    """How a unit's cells are clustered and judged.

    level      what the theory explains of a unit that it is right about
    clusters   kinds of stimuli to tell apart, at most
    resamples  of the pictures, for the interval
    """

    level: float
    seed: int = 0
    clusters: int = CLUSTERS
    resamples: int = RESAMPLES


def explained(activation: Float[np.ndarray, " row"], theory: Float[np.ndarray, " row"]) -> float:
    """E[min(a, h)] / max(E[a], E[h]); NaN for a unit that is silent."""
    larger = float(np.maximum(activation.sum(), theory.sum()))
    return float(np.minimum(activation, theory).sum()) / larger if activation.any() else np.nan


def unit_meaning(name: str, unit: UnitCells, how: Clustering) -> UnitMeaning:
    """Compute one unit's figures; a silent unit has none."""
    if not unit.activation.max() > 0:
        return silent_unit(name)
    cells = _cells(unit)
    rows = np.flatnonzero(unit.activation > 0)
    fires = cells.at(rows)
    label, distance = clustered(fires.profile, fires.activation, how.seed, how.clusters)
    discount = discounts(cells, np.ones(len(unit.activation)))
    accounted = account(fires, label, np.ones(len(label)), discount, how.level)
    other = float(accounted.left_other[0])
    total, predicted = cells.activation.sum(), cells.predictions[:, 0].sum()
    overlap = np.minimum(cells.activation, cells.predictions[:, 0]).sum()
    overlaps = np.minimum(cells.activation[:, None], cells.predictions).sum(0)
    shares = overlaps / np.maximum(total, cells.predictions.sum(0))
    return UnitMeaning(
        name,
        explained=_explained(cells, how.seed),
        of_unit=float(overlap / total),
        of_theory=float(overlap / max(predicted, TINY)),
        inexact=float(1 - shares[0] - other),
        other=_other(other, cells, fires, how),
        permuted=float(shares[1:].mean()),
        permuted_other=float(accounted.left_other[1:].mean()),
        clusters=_clusters(accounted, fires, rows, label, distance),
        levels=_levels(accounted, fires, label),
    )


def _cells(unit: UnitCells) -> Cells:
    """All cells of a unit; wrong theories are scaled to the mean of the right one."""
    scaled = unit.wrong * unit.theory.mean() / np.maximum(unit.wrong.mean(0), TINY)
    predictions = np.column_stack([unit.theory, scaled]).astype(np.float64)
    return Cells(
        unit.activation.astype(np.float64), predictions, profiles(unit.around), unit.picture
    )


def _other(value: float, cells: Cells, fires: Cells, how: Clustering) -> Figure:
    """The value with the normal interval of a bootstrap over pictures.

    Each resample is clustered and judged again, so the interval holds what depends on the clusters.
    Resamples without a picture on which the unit fires have no value. One picture has no interval.
    """
    generator, pictures = np.random.default_rng(how.seed), int(cells.picture.max()) + 1
    values = []
    for i in range(how.resamples):
        drawn = generator.multinomial(pictures, np.full(pictures, 1 / pictures)).astype(float)
        if drawn[fires.picture].any():
            rows = np.flatnonzero(drawn[fires.picture])
            resample, times = fires.at(rows), drawn[fires.picture[rows]]
            weight = resample.activation * times
            label, _ = clustered(resample.profile, weight, how.seed + i, how.clusters, starts=1)
            discount = discounts(cells, drawn[cells.picture])
            values.append(account(resample, label, times, discount, how.level).left_other[0])
    if len(values) < 2 or pictures < 2:
        return Figure(value)
    half = NORMAL_95 * float(np.std(values, ddof=1))
    fewer = len(values) if len(values) < how.resamples else None
    return Figure(value, (max(0.0, value - half), min(1.0, value + half)), resamples=fewer)


def _clusters(
    accounted: Account,
    fires: Cells,
    rows: Int[np.ndarray, " row"],
    label: Int[np.ndarray, " row"],
    distance: Float[np.ndarray, " row"],
) -> tuple[Cluster, ...]:
    """The clusters, first those that are most another kind of stimulus."""
    clusters = []
    for k, share in enumerate(accounted.share):
        members = np.flatnonzero(label == k)
        active = members[fires.activation[members] >= np.median(fires.activation[members])]
        shown = rows[active[np.argsort(distance[active], kind="stable")][:SHOWN]]
        clusters.append(
            Cluster(
                share=float(share),
                explained=float(accounted.explained[k, 0]),
                permuted=float(accounted.permuted[k]),
                other=float(accounted.other[k, 0]),
                rows=tuple(map(int, shown)),
            )
        )
    return tuple(sorted(clusters, key=lambda cluster: (-cluster.other, cluster.explained)))


def _levels(accounted: Account, fires: Cells, label: Int[np.ndarray, " row"]) -> tuple[Level, ...]:
    """Parts of E[a] by level."""
    level = np.minimum((LEVELS * fires.activation / fires.activation.max()).astype(int), LEVELS - 1)
    overlap = accounted.discount[0] * np.minimum(fires.activation, fires.predictions[:, 0])
    left, other = fires.activation - overlap, accounted.other[label, 0]
    parts = [
        np.bincount(level, part, LEVELS) / fires.activation.sum()
        for part in (overlap, left * (1 - other), left * other)
    ]
    return tuple(Level(i / LEVELS, *(float(part[i]) for part in parts)) for i in range(LEVELS))


def _explained(cells: Cells, seed: int) -> Figure:
    """The share that the theory explains, with its interval over pictures."""
    theory = cells.predictions[:, 0]
    columns = {
        "unit": cells.activation,
        "theory": theory,
        "both": np.minimum(cells.activation, theory),
    }
    rows = {name: np.bincount(cells.picture, weights=row) for name, row in columns.items()}

    def share(means: Mapping[str, np.ndarray]) -> np.ndarray:
        return means["both"] / np.maximum(np.maximum(means["unit"], means["theory"]), TINY)

    return bootstrap(rows, share, seed)
