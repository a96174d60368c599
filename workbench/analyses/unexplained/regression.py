"""How much of the residual error a group of channels explains, by least squares.

The normal equations' tables are made once, so that hundreds of groups are cheap.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from workbench.analyses.unexplained.measure import ResidualErrors

RIDGE = 1.0  # of the mean variance: hundreds of correlated columns, and residuals that are mostly 0
TINY = 1e-6


@dataclass(frozen=True)
class Half:
    """Sums over the rows of one half of the pictures.

    gram    products of columns with columns
    common  products of columns with the residuals
    total   the residuals, squared
    """

    gram: Float[np.ndarray, "m m"]
    common: Float[np.ndarray, "m unit"]
    total: Float[np.ndarray, " unit"]

    @classmethod
    def of(
        cls, columns: Float[np.ndarray, "row m"], residual: Float[np.ndarray, "row unit"]
    ) -> "Half":
        """The sums over these rows."""
        return cls(columns.T @ columns, columns.T @ residual, (residual**2).sum(0))


@dataclass(frozen=True)
class Regression:
    """Least squares from channels, in their surroundings, to the residual.

    It is fitted on every second picture (`seen`) and judged on the others (`unseen`). A channel has
    `near` columns, one for each place about the cell: column `c * near + place`.
    """

    seen: Half
    unseen: Half
    near: int

    @classmethod
    def of(cls, errors: ResidualErrors) -> "Regression":
        """The tables of these errors."""
        rows, near = fitted_on(errors), errors.before.shape[2]
        mean, spread = scale(errors.before)
        residual = scaled(errors.residual[:, :, None])[:, :, 0]
        residual = residual - residual[rows].mean(0)

        def columns(half: Bool[np.ndarray, " row"]) -> Float[np.ndarray, "row m"]:
            """The columns of a half, made when it is read: all rows would take twice the memory."""
            chosen = errors.before[half]
            chosen -= mean
            chosen /= spread
            return chosen.reshape(len(chosen), -1)

        middle = columns(rows).mean(0)
        seen, unseen = (Half.of(columns(half) - middle, residual[half]) for half in (rows, ~rows))
        return cls(seen, unseen, near)

    @property
    def channels(self) -> int:
        """The number of channels."""
        return len(self.seen.gram) // self.near

    def explained(self, channels: Sequence[int] | Int[np.ndarray, " n"]) -> float:
        """The share of the residual's variance on unseen pictures, mean over units.

        It is below 0 where the fit followed accidents of the seen pictures.
        """
        columns = (self.near * np.asarray(channels)[:, None] + np.arange(self.near)).ravel()
        gram, unseen = (
            half.gram[np.ix_(columns, columns)].astype(np.float64)
            for half in (self.seen, self.unseen)
        )
        gram += RIDGE * max(float(gram.diagonal().mean()), TINY) * np.eye(len(gram))
        weight = np.linalg.solve(gram, self.seen.common[columns])
        removed = 2 * (weight * self.unseen.common[columns]).sum(0)
        removed = removed - (weight * (unseen @ weight)).sum(0)
        return float((removed / np.maximum(self.unseen.total, TINY)).mean())


def fitted_on(errors: ResidualErrors) -> Bool[np.ndarray, " row"]:
    """The rows of every second picture."""
    return errors.picture % 2 == 0


def scaled(
    values: Float[np.ndarray, "row c near"], each_place: bool = False
) -> Float[np.ndarray, "row c near"]:
    """Values of mean 0, and of variance 1 in each channel, or in each place of each channel."""
    mean, spread = scale(values, each_place)
    centred = values - mean
    centred /= spread
    return centred


def scale(
    values: Float[np.ndarray, "row c near"], each_place: bool = False
) -> tuple[Float[np.ndarray, "c near"], Float[np.ndarray, "1 c n"]]:
    """Mean of each place of each channel; standard deviation of each channel, or of each place."""
    mean = values.mean(0)
    squares = values - mean
    np.square(squares, out=squares)
    variance = squares.mean(0 if each_place else (0, 2), keepdims=True)
    return mean, np.maximum(np.sqrt(variance), TINY)
