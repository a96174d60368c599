"""Directions of the residual error: non-negative factors of what it has in common with a layer."""

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from workbench.analyses.unexplained.measure import ResidualErrors
from workbench.analyses.unexplained.regression import TINY, fitted_on, scaled

# components of the factorisation: two for each of missing excitation, missing inhibition and
# anything else
DIRECTIONS = 6
OF_HIGHEST = 0.25  # of a direction's largest weight: channels with less are not named
MOST_CHANNELS = 12  # of a direction
# of the factorisation, which names channels: further ones move weights by hundredths, and each draw
# of chance costs as many
STEPS = 100
SEEDS = 2**32  # that scikit-learn takes


@dataclass(frozen=True)
class Directions:
    """Non-negative factors of what the residual has in common with the site before.

    signs     1 where the trained unit's activation is higher (excitation is missing), -1 where it
              is lower
    units     weight of each unit's residual in each direction
    channels  weight of each channel in each direction
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
    """Rows of the pictures that are fitted on.

    columns   activation at the site before, each place of mean 0 and variance 1
    residual  the residuals, of mean 0 and variance 1
    picture   index of the picture
    """

    columns: Float[np.ndarray, "row c near"]
    residual: Float[np.ndarray, "row unit"]
    picture: Int[np.ndarray, " row"]

    @classmethod
    def of(cls, errors: ResidualErrors) -> "Common":
        """The rows of these errors."""
        rows = fitted_on(errors)
        residual = scaled(errors.residual[rows][:, :, None])[:, :, 0]
        return cls(
            scaled(errors.before[rows], each_place=True),
            residual.astype(errors.before.dtype),
            errors.picture[rows],
        )

    def shuffled(self, generator: np.random.Generator) -> "Common":
        """The same with the residuals of one picture at the columns of another.

        Both then have nothing in common but by chance.
        """
        pictures = generator.permutation(np.unique(self.picture))
        order = np.concatenate([np.flatnonzero(self.picture == picture) for picture in pictures])
        return Common(self.columns, self.residual[order], self.picture)


def factorised(common: Common, seed: int = 0) -> Directions:
    """DIRECTIONS non-negative factors (Lee & Seung 1999, doi 10.1038/44565).

    Factorised are the squared correlations of each unit's residual with each channel, summed over
    the surroundings, those above and below 0 apart.
    """
    rows, channels, near = common.columns.shape
    both = (common.residual.T @ common.columns.reshape(rows, -1) / rows).reshape(-1, channels, near)
    energy = np.concatenate([(np.maximum(sign * both, 0) ** 2).sum(2) for sign in (1, -1)]).astype(
        np.float64
    )
    count = min(DIRECTIONS, *energy.shape)
    model = NMF(count, init="nndsvda", random_state=seed % SEEDS, max_iter=STEPS, tol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        weights = model.fit_transform(energy / max(float(energy.max()), 1e-300))
    more, less = weights.T[:, : len(both)], weights.T[:, len(both) :]
    signs = np.where(more.sum(1) >= less.sum(1), 1, -1)
    return Directions(signs, np.where(signs[:, None] > 0, more, less), model.components_)


def clustered(directions: Directions, high_error: ResidualErrors) -> Float[np.ndarray, "row k"]:
    """How much each direction accounts for the error at each cell of high error.

    It is the residual of the direction's units, of its sign, times the activation of its channels
    there.
    """
    residual = high_error.residual / np.maximum(np.abs(high_error.residual).max(0), TINY)
    activation = high_error.before.mean(2)
    activation = activation / np.maximum(activation.max(0), TINY)
    wanted = np.stack(
        [
            np.maximum(sign * residual, 0) @ units
            for sign, units in zip(directions.signs, directions.units, strict=True)
        ],
        1,
    )
    return wanted * (activation @ directions.channels.T)
