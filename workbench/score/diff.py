"""What differs between two networks, in terms of one mechanism: units matched by tuning, how the matched differ, and what they are worth."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

import workbench
from workbench.score.facts import as_json
from workbench.score.tuning import turn_deg, width_deg
from workbench.score.uncertainty import Figure

FORMAT = 1
# What makes two units the same: correlation of their responses to drawn arcs of every direction, radius, polarity and fill, and directions
# less than half of a family's usual spacing apart.
LIKE, APART_DEG = 0.8, 30.0
# From here on a difference between matched units is named. Half of the step between the drawn directions; the step between the drawn radii is 1.5.
TURNED_DEG, WIDER_DEG, SIZE = 7.5, 15.0, 1.25
WEIGHT = 0.1  # of a term's part in a unit's spread


@dataclass(frozen=True)
class Known:
    """One network's units as diff knows them.

    responses  to drawn arcs, one row a trial
    directions_deg, curve   of the trials' directions, and the mean response to each
    pose_deg, radius_px     preferred, measured on these trials
    parts      term of the theory -> its standardised weight in each unit (`workbench.evaluate.terms`)
    lost, recovered         KL when all units are silenced, and what the handwritten ones recover of it; None without an output
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


@dataclass(frozen=True)
class Pair:
    """A unit of each network, the same by what they answer to. `differs` says what is named of them; `parts` holds B's weight less A's, by term."""

    a: str
    b: str
    likeness: float
    pose_deg: tuple[float, float]
    radius_px: tuple[float, float]
    width_deg: tuple[float, float]
    parts: Mapping[str, float]
    differs: tuple[str, ...]


@dataclass(frozen=True)
class Diff:
    """Both networks' facts, the matched units in A's order, the units that have no like in the other network, and those that answer nothing."""

    workbench: str
    spec: Mapping[str, str]
    hosts: Mapping[str, Mapping[str, Any]]
    pairs: tuple[Pair, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    silent_a: tuple[str, ...]
    silent_b: tuple[str, ...]
    seed: int

    @property
    def named(self) -> tuple[str, ...]:
        """Every difference in words, once: where both circuits list a unit that is silent in one network, that is why it is in the other alone."""
        pairs = (f"{pair.a} and {pair.b}: {said}" for pair in self.pairs for said in pair.differs)
        silent = [f"{unit}: silent in {network}" for network, units in (("A", self.silent_a), ("B", self.silent_b)) for unit in units]
        only = [f"{unit}: only in A" for unit in self.only_a if unit not in self.silent_b]
        return (*pairs, *silent, *only, *(f"{unit}: only in B" for unit in self.only_b if unit not in self.silent_a))


def diff_score(spec: Mapping[str, str], a: Known, b: Known, seed: int = 0) -> Diff:
    """Match the units of two networks and say how they differ."""
    matched = match(a, b)
    pairs = tuple(_pair(a, b, i, j) for i, j in matched)
    taken_a, taken_b = {i for i, _ in matched}, {j for _, j in matched}
    silent_a, silent_b = (np.flatnonzero(np.ptp(known.responses, axis=0) == 0).tolist() for known in (a, b))
    return Diff(
        workbench=workbench.__version__,
        spec=spec,
        hosts={name: _facts(known) for name, known in (("a", a), ("b", b))},
        pairs=pairs,
        only_a=tuple(_unit(a, i) for i in range(len(a.units)) if i not in taken_a and i not in silent_a),
        only_b=tuple(_unit(b, j) for j in range(len(b.units)) if j not in taken_b and j not in silent_b),
        silent_a=tuple(_unit(a, i) for i in silent_a),
        silent_b=tuple(_unit(b, j) for j in silent_b),
        seed=seed,
    )


def match(a: Known, b: Known) -> list[tuple[int, int]]:
    """Units of A and B that are the same, each at most once, by their places in the two lists: the pairing of the highest summed
    likeness (Kuhn 1955), less the pairs that are not alike. Neither channel numbers nor weights have a part in it.
    """
    like = likeness(a.responses, b.responses)
    apart = np.array([[turn_deg(one, other) for other in b.pose_deg] for one in a.pose_deg]).reshape(like.shape)
    alike = (like >= LIKE) & (apart <= APART_DEG)
    rows, columns = linear_sum_assignment(-np.where(alike, like, 0))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if alike[i, j]]


def likeness(a: Float[np.ndarray, "trial unit"], b: Float[np.ndarray, "trial unit2"]) -> Float[np.ndarray, "unit unit2"]:
    """Correlation over trials; 0 for a unit that says the same to all."""
    one, other = (x - x.mean(0) for x in (a, b))
    norms = np.linalg.norm(one, axis=0)[:, None] * np.linalg.norm(other, axis=0)[None]
    return np.divide(one.T @ other, norms, out=np.zeros(norms.shape), where=norms > 0)


def _pair(a: Known, b: Known, i: int, j: int) -> Pair:
    widths = width_deg(a.curve[:, i], a.directions_deg), width_deg(b.curve[:, j], b.directions_deg)
    poses, radii = (float(a.pose_deg[i]), float(b.pose_deg[j])), (float(a.radius_px[i]), float(b.radius_px[j]))
    parts = {term: float(b.parts[term][j] - a.parts[term][i]) for term in a.parts}
    like = float(likeness(a.responses[:, [i]], b.responses[:, [j]])[0, 0])
    return Pair(_unit(a, i), _unit(b, j), like, poses, radii, widths, parts, tuple(_named(poses, radii, widths, parts)))


def _named(poses: Sequence[float], radii: Sequence[float], widths: Sequence[float], parts: Mapping[str, float]) -> list[str]:
    said = []
    if turn_deg(*poses) >= TURNED_DEG:
        said.append(f"turned by {(poses[1] - poses[0] + 180) % 360 - 180:.0f} degrees, {poses[0]:.0f} to {poses[1]:.0f}")
    if max(radii) / min(radii) >= SIZE:
        said.append(f"radius {radii[0]:.0f} to {radii[1]:.0f} px")
    if abs(widths[1] - widths[0]) >= WIDER_DEG:
        said.append(f"width {widths[0]:.0f} to {widths[1]:.0f} degrees")
    return said + [f"weight of {term} {change:+.2f}" for term, change in parts.items() if abs(change) >= WEIGHT]


def _unit(known: Known, i: int) -> str:
    return f"{known.site}:{known.units[i]}"


def _facts(known: Known) -> dict[str, Any]:
    facts = {"name": known.host, "fingerprint": known.fingerprint, "site": known.site, "units": len(known.units)}
    return facts | {"lost": asdict(known.lost), "recovered": asdict(known.recovered)}


def diff_json(found: Diff) -> str:
    """diff.json (docs/diff.md): keys in a fixed order, numbers that are not finite become null."""
    return as_json({"format": FORMAT, **asdict(found), "named": found.named})
