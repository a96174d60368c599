"""The units of two networks, matched by their responses to drawn arcs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from workbench.score.tuning import turn_deg
from workbench.score.uncertainty import Figure

# Two units match by the correlation of their responses to drawn arcs of every direction, radius,
# polarity and fill, and by directions less than half of a family's usual spacing apart.
LIKE, APART_DEG = 0.8, 30.0


@dataclass(frozen=True)
class HostUnits:
    """The units of one network.

    responses  to drawn arcs, one row a trial
    directions_deg, curve   the trials' directions, and the mean response to each
    pose_deg, radius_px     preferred, measured on these trials
    parts      term of the theory -> its standardised weight in each unit
               (`workbench.analyses.diff.terms`)
    lost, recovered         KL when all units are at zero, and the share of it that the handwritten
                            units recover; None without an output
    """

    host: str
    fingerprint: str
    site: str
    units: tuple[int, ...]
    responses: Float[np.ndarray, "trial unit"]
    directions_deg: Float[np.ndarray, " direction"]
    curve: Float[np.ndarray, "direction unit"]
    pose_deg: Float[np.ndarray, " unit"]
    radius_px: Float[np.ndarray, " unit"]
    parts: Mapping[str, Float[np.ndarray, " unit"]]
    lost: Figure
    recovered: Figure

    def name(self, i: int) -> str:
        """The i-th unit, written `site:channel`."""
        return f"{self.site}:{self.units[i]}"

    @property
    def silent(self) -> set[int]:
        """Places of the units whose response to every trial is the same."""
        return set(np.flatnonzero(np.ptp(self.responses, axis=0) == 0).tolist())


def match(a: HostUnits, b: HostUnits) -> list[tuple[int, int]]:
    """Pairs of places in the two lists: the units of A and B that match, each at most once.

    They are the pairing of the highest summed likeness (Kuhn 1955), less the pairs that are not
    alike. Neither channel numbers nor weights count.
    """
    like = likeness(a.responses, b.responses)
    apart = np.array(
        [[turn_deg(first, second) for second in b.pose_deg] for first in a.pose_deg]
    ).reshape(like.shape)
    alike = (like >= LIKE) & (apart <= APART_DEG)
    rows, columns = linear_sum_assignment(-np.where(alike, like, 0))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if alike[i, j]]


def likeness(
    a: Float[np.ndarray, "trial unit"], b: Float[np.ndarray, "trial unit2"]
) -> Float[np.ndarray, "unit unit2"]:
    """Correlation over trials; 0 for a unit whose response is always the same."""
    first, second = (responses - responses.mean(0) for responses in (a, b))
    norms = np.linalg.norm(first, axis=0)[:, None] * np.linalg.norm(second, axis=0)[None]
    return np.divide(first.T @ second, norms, out=np.zeros(norms.shape), where=norms > 0)
