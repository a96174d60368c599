"""The differences between two networks in one mechanism: how matched units differ."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from workbench.analyses.diff.match import HostUnits, likeness, match
from workbench.score.facts import Header, as_json, as_plain, document_json
from workbench.score.tuning import turn_deg, width_deg

FORMAT = 1
# From here on a difference between matched units is named. Half of the step between the drawn
# directions; the step between the drawn radii is 1.5.
TURNED_DEG, WIDER_DEG, SIZE = 7.5, 15.0, 1.25
WEIGHT = 0.1  # of a term's part in a unit's spread


@dataclass(frozen=True)
class UnitPair:
    """A unit of each network that respond alike.

    likeness  the correlation of their responses
    pose_deg, radius_px, width_deg   of A's unit and of B's
    parts     B's weight less A's, by term
    differs   the differences that are large enough to be named, in words
    """

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
    """How the units of two networks, A and B, differ.

    hosts  facts of both networks, by "a" and "b"
    pairs  matched units, in A's order
    only_a, only_b      units that are like none of the other network
    silent_a, silent_b  units whose response to every stimulus is the same
    """

    header: Header
    hosts: Mapping[str, Mapping[str, Any]]
    pairs: tuple[UnitPair, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    silent_a: tuple[str, ...]
    silent_b: tuple[str, ...]

    @property
    def named(self) -> tuple[str, ...]:
        """Every difference in words.

        A unit that both circuits list and that is silent in one network is named once, and not also
        as one that only the other network has.
        """
        pairs = (f"{pair.a} and {pair.b}: {words}" for pair in self.pairs for words in pair.differs)
        silent = (
            f"{unit}: silent in {network}"
            for network, units in (("A", self.silent_a), ("B", self.silent_b))
            for unit in units
        )
        only_a = (f"{unit}: only in A" for unit in self.only_a if unit not in self.silent_b)
        only_b = (f"{unit}: only in B" for unit in self.only_b if unit not in self.silent_a)
        return (*pairs, *silent, *only_a, *only_b)


def diff_score(header: Header, a: HostUnits, b: HostUnits) -> Diff:
    """Match the units of two networks and name their differences."""
    matched = match(a, b)
    matched_a, matched_b = ([pair[side] for pair in matched] for side in (0, 1))
    return Diff(
        header=header,
        hosts={"a": _facts(a), "b": _facts(b)},
        pairs=tuple(_pair(a, b, i, j) for i, j in matched),
        only_a=_names(a, set(range(len(a.units))) - {*matched_a, *a.silent}),
        only_b=_names(b, set(range(len(b.units))) - {*matched_b, *b.silent}),
        silent_a=_names(a, a.silent),
        silent_b=_names(b, b.silent),
    )


def _names(units: HostUnits, places: set[int]) -> tuple[str, ...]:
    return tuple(units.name(i) for i in sorted(places))


def _pair(a: HostUnits, b: HostUnits, i: int, j: int) -> UnitPair:
    pair = UnitPair(
        a=a.name(i),
        b=b.name(j),
        likeness=float(likeness(a.responses[:, [i]], b.responses[:, [j]])[0, 0]),
        pose_deg=(float(a.pose_deg[i]), float(b.pose_deg[j])),
        radius_px=(float(a.radius_px[i]), float(b.radius_px[j])),
        width_deg=(_width_deg(a, i), _width_deg(b, j)),
        parts={term: float(b.parts[term][j] - a.parts[term][i]) for term in a.parts},
        differs=(),
    )
    return replace(pair, differs=tuple(_differences(pair)))


def _width_deg(units: HostUnits, i: int) -> float:
    return width_deg(units.curve[:, i], units.directions_deg)


def _differences(pair: UnitPair) -> Iterator[str]:
    """The differences that are large enough, in words."""
    poses, radii, widths = pair.pose_deg, pair.radius_px, pair.width_deg
    if turn_deg(*poses) >= TURNED_DEG:
        turn = (poses[1] - poses[0] + 180) % 360 - 180
        yield f"turned by {turn:.0f} degrees, {poses[0]:.0f} to {poses[1]:.0f}"
    if max(radii) / min(radii) >= SIZE:
        yield f"radius {radii[0]:.0f} to {radii[1]:.0f} px"
    if abs(widths[1] - widths[0]) >= WIDER_DEG:
        yield f"width {widths[0]:.0f} to {widths[1]:.0f} degrees"
    for term, change in pair.parts.items():
        if abs(change) >= WEIGHT:
            yield f"weight of {term} {change:+.2f}"


def _facts(units: HostUnits) -> dict[str, Any]:
    return {
        "name": units.host,
        "fingerprint": units.fingerprint,
        "site": units.site,
        "units": len(units.units),
        "lost": as_plain(units.lost),
        "recovered": as_plain(units.recovered),
    }


def diff_json(result: Diff) -> str:
    """The text of diff.json (docs/diff.md)."""
    document = json.loads(document_json(result, FORMAT))
    return as_json({**document, "named": result.named})
