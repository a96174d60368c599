"""The parts of a unit's activation that theories account for, cluster by cluster of its cells."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import KMeans

STARTS = 3  # of the clustering; the tightest result counts
TINY = 1e-12
SEEDS = 2**32  # that scikit-learn takes


@dataclass(frozen=True)
class Cells:
    """Cells of pictures, a row each: all of them, or those where the unit fires.

    activation   the unit's
    predictions  activation that each theory predicts: the theory first, then the wrong ones, scaled
                 to its mean
    profile      square roots of the other channels' activation, over their norm
    picture      index of the picture
    """

    activation: Float[np.ndarray, " row"]
    predictions: Float[np.ndarray, "row theory"]
    profile: Float[np.ndarray, "row c"]
    picture: Int[np.ndarray, " row"]

    def at(self, rows: Int[np.ndarray, " row2"]) -> "Cells":
        """Some of the rows."""
        return Cells(
            self.activation[rows], self.predictions[rows], self.profile[rows], self.picture[rows]
        )


@dataclass(frozen=True)
class Account:
    """The activation that each theory accounts for, by cluster.

    share      of E[a] that each cluster has
    explained  of the cluster by the theory
    overlap    E[min(a, h)] of the cluster, as a share of E[a]
    other      how far the cluster is another kind of stimulus than the theory's
    permuted   the median of `explained` over wrong theories
    discount   of each theory's overlap (`discounts`)
    """

    share: Float[np.ndarray, " cluster"]
    explained: Float[np.ndarray, "cluster theory"]
    overlap: Float[np.ndarray, "cluster theory"]
    other: Float[np.ndarray, "cluster theory"]
    permuted: Float[np.ndarray, " cluster"]
    discount: Float[np.ndarray, " theory"]

    @property
    def left_other(self) -> Float[np.ndarray, " theory"]:
        """Share of E[a] that each theory leaves to other stimuli."""
        return ((self.share[:, None] - self.discount * self.overlap) * self.other).sum(0)


def discounts(cells: Cells, times: Float[np.ndarray, " row"]) -> Float[np.ndarray, " theory"]:
    """The weight of each theory's overlap: E[a] / E[h], at most 1.

    It is less than 1 for a theory that predicts more activation than the unit has. `times` is how
    often each row counts.
    """
    predicted = np.maximum(times @ cells.predictions, TINY)
    return np.minimum(1.0, (times @ cells.activation) / predicted)


def account(
    fires: Cells,
    label: Int[np.ndarray, " row"],
    times: Float[np.ndarray, " row"],
    discount: Float[np.ndarray, " theory"],
    level: float,
) -> Account:
    """The share of each cluster that each theory explains, compared with the median wrong theory.

    `label` is each row's cluster; `level` is what the theory explains of a unit that it is right
    about.
    """
    kinds = (label == np.arange(label.max() + 1)[:, None]) * times
    predicted = kinds @ fires.predictions
    overlap = kinds @ np.minimum(fires.activation[:, None], fires.predictions)
    activation = kinds @ fires.activation
    shares = overlap / np.maximum(np.maximum(activation[:, None], predicted), TINY)
    permuted = np.median(shares[:, 1:], 1)
    near = (shares - permuted[:, None]) / np.maximum(level - permuted, TINY)[:, None]
    total = activation.sum()
    return Account(
        activation / total, shares, overlap / total, 1 - near.clip(0, 1), permuted, discount
    )


def clustered(
    profile: Float[np.ndarray, "row c"],
    weight: Float[np.ndarray, " row"],
    seed: int,
    clusters: int,
    starts: int = STARTS,
) -> tuple[Int[np.ndarray, " row"], Float[np.ndarray, " row"]]:
    """The cluster of each row, and its distance from that cluster's centre.

    The distance is that of the profiles: the Hellinger distance of what else fires in the cells. A
    row's `weight` is the unit's activation there, so that the whole spectrum of activation counts
    and not only its top.
    """
    count = min(clusters, len(np.unique(profile, axis=0)))
    model = KMeans(count, n_init=starts, random_state=seed % SEEDS)
    fit = model.fit(profile, sample_weight=weight)
    return fit.labels_, np.linalg.norm(profile - fit.cluster_centers_[fit.labels_], axis=1)


def profiles(around: Float[np.ndarray, "row c"]) -> Float[np.ndarray, "row c"]:
    """Square roots of activations over their norm."""
    root = np.sqrt(np.maximum(around, 0))
    return root / np.maximum(np.linalg.norm(root, axis=1, keepdims=True), TINY)
