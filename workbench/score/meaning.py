"""What a unit's activation is made of: what one theory accounts for, and what is left, among the theory's own stimuli and among others. Pure
functions of arrays, a row for each cell of a picture."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.cluster import KMeans

from workbench.score.uncertainty import Figure, bootstrap

CLUSTERS = 12
OTHER = 0.4  # share of a cluster that a theory must account for to have it: above what wrong poses reach, below what an inexact theory does
LEVELS = 10  # of activation, as parts of the unit's peak
STARTS = 3  # of the clustering, of which the tightest counts
SHOWN = 2  # rows of each cluster that stand for it
TINY = 1e-12


@dataclass(frozen=True)
class Cluster:
    """Stimuli of one kind: their share of the unit's expected value, what the theory accounts for of it, whether they are another kind than the
    theory's, and rows of `Firing` near the cluster's middle where the unit is active."""

    share: float
    explained: float
    other: bool
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Level:
    """Activation from `above` to a tenth of the peak more: its parts of the unit's expected value E[a]. They add up to 1 over all levels."""

    above: float
    explained: float
    own: float
    other: float


@dataclass(frozen=True)
class UnitMeaning:
    """A unit, written `site:channel`.

    explained  share of E[a] that the theory accounts for: E[min(a, h)] / E[a]
    other      share of E[a] that is left, and lies in clusters of other stimuli: the unit's polysemanticity
    own        share that is left among the theory's own kinds of stimuli; the three add up to 1
    permuted, permuted_other   explained and other by the theory of a wrong unit
    """

    unit: str
    explained: Figure
    own: float
    other: Figure
    permuted: float
    permuted_other: float
    clusters: tuple[Cluster, ...]
    levels: tuple[Level, ...]


def unit_meaning(
    name: str,
    activation: Float[np.ndarray, " row"],
    theory: Float[np.ndarray, " row"],
    wrong: Float[np.ndarray, " row"],
    around: Float[np.ndarray, "row c"],
    picture: Int[np.ndarray, " row"],
    seed: int = 0,
    clusters: int = CLUSTERS,
) -> UnitMeaning:
    """One unit's figures over cells; `around` is what else is known of each cell, without the unit. A silent unit has none."""
    activation, theory, wrong = (each.astype(np.float64) for each in (activation, theory, wrong))
    if not activation.max() > 0:
        return UnitMeaning(name, Figure(None), np.nan, Figure(None), np.nan, np.nan, (), ())
    fires = np.flatnonzero(activation > 0)
    label, apart = np.full(len(activation), -1), np.full(len(activation), np.inf)
    label[fires], apart[fires] = clustered(around[fires], activation[fires], seed, clusters)
    by_theory, by_wrong = (_account(activation, np.minimum(activation, said), label) for said in (theory, wrong))
    left = activation - by_theory.overlap
    return UnitMeaning(
        name,
        explained=_share(by_theory.overlap, activation, picture, seed),
        own=float((left * ~by_theory.other).sum() / by_theory.total),
        other=_share(left * by_theory.other, activation, picture, seed),
        permuted=float(by_wrong.overlap.sum() / by_wrong.total),
        permuted_other=float(((activation - by_wrong.overlap) * by_wrong.other).sum() / by_wrong.total),
        clusters=_clusters(by_theory, activation, label, apart),
        levels=_levels(by_theory, activation),
    )


@dataclass(frozen=True)
class _Account:
    """What a theory accounts for: of each row, and of each cluster as a share; which rows lie in clusters of other stimuli."""

    overlap: Float[np.ndarray, " row"]
    total: float
    explained: Mapping[int, float]
    other: Bool[np.ndarray, " row"]


def _account(activation: np.ndarray, overlap: np.ndarray, label: Int[np.ndarray, " row"]) -> _Account:
    shares = {int(k): float(overlap[label == k].sum() / activation[label == k].sum()) for k in np.unique(label[label >= 0])}
    return _Account(overlap, float(activation.sum()), shares, np.isin(label, [k for k, share in shares.items() if share < OTHER]))


def clustered(
    around: Float[np.ndarray, "row c"], weight: Float[np.ndarray, " row"], seed: int, clusters: int
) -> tuple[Int[np.ndarray, " row"], Float[np.ndarray, " row"]]:
    """Rows in clusters by the angle between the roots of what else fires there (the Hellinger distance), and each row's distance from the middle
    of its own. A row counts as much as the unit fires there, so that the whole spectrum of activation has a say and not only its top."""
    root = np.sqrt(np.maximum(around, 0))
    root = root / np.maximum(np.linalg.norm(root, axis=1, keepdims=True), TINY)
    count = min(clusters, len(np.unique(root, axis=0)))
    found = KMeans(count, n_init=STARTS, random_state=seed).fit(root, sample_weight=weight)
    return found.labels_, np.linalg.norm(root - found.cluster_centers_[found.labels_], axis=1)


def _clusters(account: _Account, activation: np.ndarray, label: np.ndarray, apart: np.ndarray) -> tuple[Cluster, ...]:
    """Those that the theory accounts for least first."""
    found = []
    for k, explained in account.explained.items():
        rows = np.flatnonzero(label == k)
        active = rows[activation[rows] >= np.median(activation[rows])]
        shown = active[np.argsort(apart[active], kind="stable")][:SHOWN]
        found.append(Cluster(float(activation[rows].sum() / account.total), explained, explained < OTHER, tuple(map(int, shown))))
    return tuple(sorted(found, key=lambda each: each.explained))


def _levels(account: _Account, activation: np.ndarray) -> tuple[Level, ...]:
    """Parts of E[a] by level."""
    level = np.minimum((LEVELS * activation / activation.max()).astype(int), LEVELS - 1)
    left = activation - account.overlap
    parts = account.overlap, left * ~account.other, left * account.other
    by_level = [np.bincount(level, weights=part, minlength=LEVELS) / account.total for part in parts]
    return tuple(Level(i / LEVELS, *(float(part[i]) for part in by_level)) for i in range(LEVELS))


def _share(part: np.ndarray, whole: np.ndarray, picture: Int[np.ndarray, " row"], seed: int) -> Figure:
    """Sum of the part over sum of the whole, with its interval over pictures."""
    rows = {name: np.bincount(picture, weights=each) for name, each in (("part", part), ("whole", whole))}
    return bootstrap(rows, lambda means: means["part"] / np.maximum(means["whole"], TINY), seed)
