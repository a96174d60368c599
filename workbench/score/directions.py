"""Directions of what remains: non-negative factors of what the residual has in common with the layer before."""

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from workbench.evaluate.residual import Remains
from workbench.score.regression import TINY, fitted_on, scaled

DIRECTIONS = 6  # components of the factorisation: two for each of missing excitation, missing inhibition and what else there is
OF_HIGHEST = 0.25  # of a direction's largest weight: channels with less are not named
MOST_CHANNELS = 12  # of a direction
STEPS = 100  # of the factorisation, which names channels: further ones move weights by hundredths, and each draw of chance costs as many


@dataclass(frozen=True)
class Directions:
    """Non-negative factors of what the residual has in common with the layer before.

    signs     1 where the trained unit says more (excitation is missing), -1 where it says less
    units     how much each direction is of each unit's residual; channels: of each channel
    """

    signs: Int[np.ndarray, " k"]
    units: Float[np.ndarray, "k unit"]
    channels: Float[np.ndarray, "k c"]

    def named(self, k: int) -> Int[np.ndarray, " n"]:
        """The channels that direction k is named by, the strongest first."""
        weight, order = self.channels[k], self.strongest(k, MOST_CHANNELS)
        return order[weight[order] >= OF_HIGHEST * weight.max()]

    def strongest(self, k: int, count: int) -> Int[np.ndarray, " n"]:
        """The `count` channels of the largest weights."""
        return np.argsort(-self.channels[k], kind="stable")[:count]


@dataclass(frozen=True)
class Common:
    """Rows of the pictures that are fitted on: the columns and the residuals, each of mean 0 and variance 1, and which picture they are of."""

    columns: Float[np.ndarray, "row c near"]
    residual: Float[np.ndarray, "row unit"]
    picture: Int[np.ndarray, " row"]

    @classmethod
    def of(cls, found: Remains) -> "Common":
        rows = fitted_on(found)
        residual = scaled(found.residual[rows][:, :, None])[:, :, 0]
        return cls(scaled(found.before[rows], each=True), residual.astype(found.before.dtype), found.picture[rows])

    def shuffled(self, generator: np.random.Generator) -> "Common":
        """With the residuals of one picture at the columns of another: nothing in common but by chance."""
        pictures = generator.permutation(np.unique(self.picture))
        order = np.concatenate([np.flatnonzero(self.picture == picture) for picture in pictures])
        return Common(self.columns, self.residual[order], self.picture)


def factorised(common: Common, seed: int = 0) -> Directions:
    """DIRECTIONS non-negative factors (Lee & Seung 1999, doi 10.1038/44565) of the squared correlations of each unit's residual with each channel,
    summed over the surroundings, those above and below 0 apart."""
    rows, channels, near = common.columns.shape
    both = (common.residual.T @ common.columns.reshape(rows, -1) / rows).reshape(-1, channels, near)
    energy = np.concatenate([(np.maximum(sign * both, 0) ** 2).sum(2) for sign in (1, -1)]).astype(np.float64)
    count = min(DIRECTIONS, *energy.shape)
    model = NMF(count, init="nndsvda", random_state=seed, max_iter=STEPS, tol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        weights = model.fit_transform(energy / max(float(energy.max()), 1e-300))
    more, less = weights.T[:, : len(both)], weights.T[:, len(both) :]
    signs = np.where(more.sum(1) >= less.sum(1), 1, -1)
    return Directions(signs, np.where(signs[:, None] > 0, more, less), model.components_)


def clustered(directions: Directions, loud: Remains) -> Float[np.ndarray, "row k"]:
    """How much each direction is what differs at each loud cell: the residual of its units, of its sign, times what its channels say there."""
    residual, said = loud.residual / np.maximum(np.abs(loud.residual).max(0), TINY), loud.before.mean(2)
    said = said / np.maximum(said.max(0), TINY)
    wanted = np.stack([np.maximum(sign * residual, 0) @ units for sign, units in zip(directions.signs, directions.units, strict=True)], 1)
    return wanted * (said @ directions.channels.T)
