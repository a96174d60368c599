"""What a unit's activation is made of: what one theory accounts for, and what is left, among the theory's own stimuli and among others. Pure
functions of arrays, a row for each cell of a picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import KMeans

from workbench.score.uncertainty import Figure, bootstrap

CLUSTERS = 12
LEVELS = 10  # of activation, as parts of the unit's peak
STARTS = 3  # of the clustering, of which the tightest counts
RESAMPLES = 40  # of pictures, each clustered anew: enough for a standard error (Efron & Tibshirani 1993, section 6.4, says 25 to 200)
NORMAL_95 = 1.96  # standard errors to each side
SHOWN = 2  # rows of each cluster that stand for it
TINY = 1e-12


@dataclass(frozen=True)
class Cluster:
    """Stimuli of one kind.

    share      of the unit's expected value
    explained  of the cluster by the theory, and `permuted` by a wrong one: the median over the theories of the circuit's other units
    other      how far the cluster is another kind than the theory's: 0 where the theory explains as much as it does of units of this
               circuit, 1 where it explains no more than wrong ones
    rows       rows of `Firing` near the cluster's middle where the unit is active
    """

    share: float
    explained: float
    permuted: float
    other: float
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

    explained  E[min(a, h)] / max(E[a], E[h]): the lower of `of_unit`, the share of E[a] that the theory says, and of `of_theory`, the
               share of what the theory says that is there
    other      share of E[a] that is left, each cluster's as far as it is `other`: the unit's polysemanticity
    own        share that is left besides; the three add up to 1
    permuted, permuted_other   explained and other by a wrong theory, the mean over the other units'
    """

    unit: str
    explained: Figure
    of_unit: float
    of_theory: float
    own: float
    other: Figure
    permuted: float
    permuted_other: float
    clusters: tuple[Cluster, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True)
class _Cells:
    """All rows, or those of them where the unit fires. `said`: the theory first, then the wrong ones, each as loud as it."""

    activation: Float[np.ndarray, " row"]
    said: Float[np.ndarray, "row theory"]
    around: Float[np.ndarray, "row c"]
    picture: Int[np.ndarray, " row"]

    def some(self, rows: np.ndarray) -> "_Cells":
        return _Cells(self.activation[rows], self.said[rows], self.around[rows], self.picture[rows])


@dataclass(frozen=True)
class _Account:
    """What each theory accounts for in each cluster, `cluster theory`; `share`: each cluster's of E[a]; `kept`: each theory's discount."""

    share: Float[np.ndarray, " cluster"]
    explained: Float[np.ndarray, "cluster theory"]
    overlap: Float[np.ndarray, "cluster theory"]
    other: Float[np.ndarray, "cluster theory"]
    permuted: Float[np.ndarray, " cluster"]
    kept: Float[np.ndarray, " theory"]

    @property
    def left_other(self) -> Float[np.ndarray, " theory"]:
        """Share of E[a] that each theory leaves to other stimuli."""
        return ((self.share[:, None] - self.kept * self.overlap) * self.other).sum(0)


def read_back(said: Mapping[str, Any]) -> UnitMeaning:
    """The unit whose fields these are, as JSON has them."""
    figures = {
        name: Figure(said[name]["value"], tuple(said[name]["ci95"]) if said[name]["ci95"] else None) for name in ("explained", "other")
    }
    clusters = tuple(Cluster(**{**each, "rows": tuple(each["rows"])}) for each in said["clusters"])
    return UnitMeaning(**{**said, **figures, "clusters": clusters, "levels": tuple(Level(**each) for each in said["levels"])})


def explained(activation: Float[np.ndarray, " row"], theory: Float[np.ndarray, " row"]) -> float:
    """E[min(a, h)] / max(E[a], E[h]); NaN of a unit that is silent."""
    least = float(np.maximum(activation.sum(), theory.sum()))
    return float(np.minimum(activation, theory).sum()) / least if activation.any() else np.nan


def unit_meaning(
    name: str,
    activation: Float[np.ndarray, " row"],
    theory: Float[np.ndarray, " row"],
    wrong: Float[np.ndarray, "row other"],
    around: Float[np.ndarray, "row c"],
    picture: Int[np.ndarray, " row"],
    level: float,
    seed: int = 0,
    clusters: int = CLUSTERS,
    resamples: int = RESAMPLES,
) -> UnitMeaning:
    """One unit's figures over cells; `around` is what else is known of each cell, without the unit; `level` what the theory explains of a unit that
    is what it says. A silent unit has none."""
    if not activation.max() > 0:
        return UnitMeaning(name, Figure(None), np.nan, np.nan, np.nan, Figure(None), np.nan, np.nan, (), ())
    said = np.column_stack([theory, wrong * theory.mean() / np.maximum(wrong.mean(0), TINY)]).astype(np.float64)
    cells = _Cells(activation.astype(np.float64), said, _root(around), picture)
    fires = cells.some(np.flatnonzero(activation > 0))
    label, apart = clustered(fires.around, fires.activation, seed, clusters)
    whole = _kept(cells, np.ones(len(activation)))
    account = _account(fires, label, np.ones(len(label)), whole, level)
    other = float(account.left_other[0])
    total, loud, overlap = cells.activation.sum(), said[:, 0].sum(), np.minimum(cells.activation, said[:, 0]).sum()
    shares = np.minimum(cells.activation[:, None], said).sum(0) / np.maximum(total, said.sum(0))
    return UnitMeaning(
        name,
        explained=_explained(cells, seed),
        of_unit=float(overlap / total),
        of_theory=float(overlap / max(loud, TINY)),
        own=float(1 - shares[0] - other),
        other=Figure(other, _interval(other, cells, fires, level, seed, clusters, resamples)),
        permuted=float(shares[1:].mean()),
        permuted_other=float(account.left_other[1:].mean()),
        clusters=_clusters(account, fires, np.flatnonzero(activation > 0), label, apart),
        levels=_levels(account, fires, label),
    )


def _kept(cells: _Cells, times: Float[np.ndarray, " row"]) -> Float[np.ndarray, " theory"]:
    """What each theory's overlap counts: less than 1 for one that says more than the unit does, E[a] / E[h]. `times`: each row's."""
    return np.minimum(1.0, (times @ cells.activation) / np.maximum(times @ cells.said, TINY))


def _account(
    fires: _Cells, label: Int[np.ndarray, " row"], times: Float[np.ndarray, " row"], kept: Float[np.ndarray, " theory"], level: float
) -> _Account:
    """Each cluster by itself: what a theory explains of it, beside what the median wrong one does."""
    kinds = (label == np.arange(label.max() + 1)[:, None]) * times
    said, overlap = kinds @ fires.said, kinds @ np.minimum(fires.activation[:, None], fires.said)
    activation = kinds @ fires.activation
    shares = overlap / np.maximum(np.maximum(activation[:, None], said), TINY)
    permuted = np.median(shares[:, 1:], 1)
    near = (shares - permuted[:, None]) / np.maximum(level - permuted, TINY)[:, None]
    total = activation.sum()
    return _Account(activation / total, shares, overlap / total, 1 - near.clip(0, 1), permuted, kept)


def clustered(
    root: Float[np.ndarray, "row c"], weight: Float[np.ndarray, " row"], seed: int, clusters: int, starts: int = STARTS
) -> tuple[Int[np.ndarray, " row"], Float[np.ndarray, " row"]]:
    """Rows in clusters by the angle between the roots of what else fires there (the Hellinger distance), and each row's distance from the middle
    of its own. A row counts as much as the unit fires there, so that the whole spectrum of activation has a say and not only its top."""
    count = min(clusters, len(np.unique(root, axis=0)))
    found = KMeans(count, n_init=starts, random_state=seed).fit(root, sample_weight=weight)
    return found.labels_, np.linalg.norm(root - found.cluster_centers_[found.labels_], axis=1)


def _root(around: Float[np.ndarray, "row c"]) -> Float[np.ndarray, "row c"]:
    root = np.sqrt(np.maximum(around, 0))
    return root / np.maximum(np.linalg.norm(root, axis=1, keepdims=True), TINY)


def _interval(
    value: float, cells: _Cells, fires: _Cells, level: float, seed: int, clusters: int, resamples: int
) -> tuple[float, float] | None:
    """The bootstrap's normal interval over pictures. Each resample is clustered and judged anew, so what hangs on the clusters is in it."""
    generator, pictures, found = np.random.default_rng(seed), int(cells.picture.max()) + 1, []
    for i in range(resamples):
        drawn = generator.multinomial(pictures, np.full(pictures, 1 / pictures)).astype(float)
        if drawn[fires.picture].any():
            rows = np.flatnonzero(drawn[fires.picture])
            some, times = fires.some(rows), drawn[fires.picture[rows]]
            label, _ = clustered(some.around, some.activation * times, seed + i, clusters, starts=1)
            account = _account(some, label, times, _kept(cells, drawn[cells.picture]), level)
            found.append(account.left_other[0])
    if len(found) < 2:
        return None
    half = NORMAL_95 * float(np.std(found, ddof=1))
    return max(0.0, value - half), min(1.0, value + half)


def _clusters(account: _Account, fires: _Cells, rows: np.ndarray, label: np.ndarray, apart: np.ndarray) -> tuple[Cluster, ...]:
    """Those that are most another kind first."""
    found = []
    for k, share in enumerate(account.share):
        own = np.flatnonzero(label == k)
        active = own[fires.activation[own] >= np.median(fires.activation[own])]
        shown = rows[active[np.argsort(apart[active], kind="stable")][:SHOWN]]
        of_it, permuted, other = float(account.explained[k, 0]), float(account.permuted[k]), float(account.other[k, 0])
        found.append(Cluster(float(share), of_it, permuted, other, tuple(map(int, shown))))
    return tuple(sorted(found, key=lambda each: (-each.other, each.explained)))


def _levels(account: _Account, fires: _Cells, label: np.ndarray) -> tuple[Level, ...]:
    """Parts of E[a] by level."""
    level = np.minimum((LEVELS * fires.activation / fires.activation.max()).astype(int), LEVELS - 1)
    overlap = account.kept[0] * np.minimum(fires.activation, fires.said[:, 0])
    left, other = fires.activation - overlap, account.other[label, 0]
    parts = [np.bincount(level, part, LEVELS) / fires.activation.sum() for part in (overlap, left * (1 - other), left * other)]
    return tuple(Level(i / LEVELS, *(float(part[i]) for part in parts)) for i in range(LEVELS))


def _explained(cells: _Cells, seed: int) -> Figure:
    """With its interval over pictures."""
    columns = {"unit": cells.activation, "theory": cells.said[:, 0], "both": np.minimum(cells.activation, cells.said[:, 0])}
    rows = {name: np.bincount(cells.picture, weights=each) for name, each in columns.items()}

    def share(means: Mapping[str, np.ndarray]) -> np.ndarray:
        return means["both"] / np.maximum(np.maximum(means["unit"], means["theory"]), TINY)

    return bootstrap(rows, share, seed)
