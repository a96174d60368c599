"""How much of what remains a group of channels explains, by least squares from tables made once: so that hundreds of groups are cheap."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from workbench.evaluate.residual import Remains

RIDGE = 1.0  # of the mean variance: hundreds of correlated columns, and residuals that are mostly 0
TINY = 1e-6


@dataclass(frozen=True)
class Half:
    """Sums over the rows of one half of the pictures: `gram` of columns with columns, `common` with the residuals, `total` of these squared."""

    gram: Float[np.ndarray, "m m"]
    common: Float[np.ndarray, "m unit"]
    total: Float[np.ndarray, " unit"]

    @classmethod
    def of(cls, columns: Float[np.ndarray, "row m"], residual: Float[np.ndarray, "row unit"]) -> "Half":
        return cls(columns.T @ columns, columns.T @ residual, (residual**2).sum(0))


@dataclass(frozen=True)
class Regression:
    """Least squares from channels, in their surroundings, to the residual: fitted on every second picture, judged on the others.

    A channel has `near` columns, one for each place about the cell; column `c * near + place`.
    """

    seen: Half
    unseen: Half
    near: int

    @classmethod
    def of(cls, found: Remains) -> "Regression":
        rows, near = fitted_on(found), found.before.shape[2]
        columns = scaled(found.before).reshape(len(found.before), -1)
        residual = scaled(found.residual[:, :, None])[:, :, 0]
        columns, residual = columns - columns[rows].mean(0), residual - residual[rows].mean(0)
        seen, unseen = (Half.of(columns[half], residual[half]) for half in (rows, ~rows))
        return cls(seen, unseen, near)

    @property
    def channels(self) -> int:
        return len(self.seen.gram) // self.near

    def explained(self, channels: Sequence[int] | Int[np.ndarray, " n"]) -> float:
        """The share of the residual's variance on unseen pictures, mean over units; below 0 where it was fitted to accidents."""
        own = (self.near * np.asarray(channels)[:, None] + np.arange(self.near)).ravel()
        gram, unseen = (half.gram[np.ix_(own, own)].astype(np.float64) for half in (self.seen, self.unseen))
        gram += RIDGE * max(float(gram.diagonal().mean()), TINY) * np.eye(len(gram))
        weight = np.linalg.solve(gram, self.seen.common[own])
        said = 2 * (weight * self.unseen.common[own]).sum(0) - (weight * (unseen @ weight)).sum(0)
        return float((said / np.maximum(self.unseen.total, TINY)).mean())


def fitted_on(found: Remains) -> Bool[np.ndarray, " row"]:
    """Rows of every second picture."""
    return found.picture % 2 == 0


def scaled(values: Float[np.ndarray, "row c near"], each: bool = False) -> Float[np.ndarray, "row c near"]:
    """Of mean 0, and of variance 1 in each channel, or in each place of each."""
    centred = values - values.mean(0)
    return centred / np.maximum(np.sqrt((centred**2).mean(0 if each else (0, 2), keepdims=True)), TINY)
