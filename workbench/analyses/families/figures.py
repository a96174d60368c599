"""The figures of matched families: which trained units correspond, and how well both agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.hosts.host import Host
from workbench.matching.matched import Matched
from workbench.matching.nearest import THRESHOLDS, Answers, Nearest, best_units
from workbench.matching.subject import Subject, subject_header
from workbench.score.agreement import pearson
from workbench.score.facts import Header, document_json, picture_facts
from workbench.score.uncertainty import Figure, bootstrap
from workbench.vision.pictures import Picture

FORMAT = 1


@dataclass(frozen=True)
class MatchedUnit:
    """A trained unit, written `site:channel`, and the family unit that it corresponds to.

    `tuning` and `direction` are their correlations over the stimuli (`Nearest`); `pearson` is their
    correlation over cells and pictures, `permuted` the same with a wrong family unit.
    """

    unit: str
    pose: str
    pose_deg: float
    tuning: float
    direction: float
    pearson: float
    permuted: float | None


@dataclass(frozen=True)
class LayerScore:
    """The units of one site that correspond to one family.

    `share` is their share of the site's units; `pearson` and `permuted` are means over units.
    """

    family: str
    site: str
    units: int
    share: float
    pearson: Figure
    permuted: Figure
    pairs: tuple[MatchedUnit, ...]

    @property
    def best(self) -> MatchedUnit:
        """The matched unit with the highest Pearson correlation."""
        return max(self.pairs, key=lambda pair: pair.pearson)

    @property
    def worst(self) -> MatchedUnit:
        """The matched unit with the lowest Pearson correlation."""
        return min(self.pairs, key=lambda pair: pair.pearson)


@dataclass(frozen=True)
class Families:
    """Every family of a theory, matched by itself.

    sites     the sites up to the circuit's, with their numbers of units
    families  the families, with their numbers of units
    layers    a row for each family and site with units that correspond
    poses     for each unit of each family, the trained unit whose tuning correlates best with its
              own
    nearest   for every trained unit, `site:channel`, the nearest family unit, whether it
              corresponds or not
    """

    header: Header
    thresholds: Mapping[str, float]
    sites: Mapping[str, int]
    families: Mapping[str, int]
    layers: tuple[LayerScore, ...]
    poses: Mapping[str, Sequence[Mapping[str, object]]]
    nearest: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class Comparison:
    """The measurements that the figures are computed from.

    responses  tuning of trained and family units to the drawn stimuli
    matches    for every site the family unit nearest to each trained unit
    pairs      the trained units that correspond to each family
    moments    for each of `pairs`, as `families.measure.compare` gives them
    """

    responses: Answers
    matches: Mapping[str, Nearest]
    pairs: Sequence[Matched]
    moments: Sequence[Mapping[str, Float[np.ndarray, "group unit 6"]]]


def families_score(
    subject: Subject, comparison: Comparison, pictures: Sequence[Picture], seed: int = 0
) -> Families:
    """The figures of every family and site."""
    host, circuit, matches = subject.host, subject.circuit, comparison.matches
    names = {layer.family: layer.units.names for layer in circuit.layers}
    header = replace(subject_header(subject, images=picture_facts(pictures), seed=seed), bound=None)
    return Families(
        header=header,
        thresholds=THRESHOLDS,
        sites={site: host.site(site).channels for site in matches},
        families={family: len(units) for family, units in names.items()},
        layers=tuple(
            _layer(circuit, host, matches[pair.site], pair, rows, seed)
            for pair, rows in zip(comparison.pairs, comparison.moments, strict=True)
        ),
        poses={
            family: [
                {"pose": pose, "unit": f"{site}:{unit}", "tuning": tuning}
                for pose, (site, unit, tuning) in zip(names[family], units, strict=True)
            ]
            for family, units in best_units(comparison.responses).items()
        },
        nearest={
            f"{site}:{unit}": _named(match, unit, names)
            for site, match in matches.items()
            for unit in range(host.site(site).channels)
        },
    )


def _named(match: Nearest, unit: int, names: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """The family unit that is nearest to a unit of a site, by name."""
    family = list(names)[match.family[unit]]
    return {
        "family": family,
        "pose": names[family][match.pose[unit]],
        "tuning": float(match.tuning[unit]),
        "direction": float(match.direction[unit]),
        "corresponds": bool(match.corresponds[unit]),
    }


def _layer(
    circuit: HandwrittenCircuit,
    host: Host,
    match: Nearest,
    pair: Matched,
    rows: Mapping[str, np.ndarray],
    seed: int,
) -> LayerScore:
    units = next(layer.units for layer in circuit.layers if layer.family == pair.family)
    has_wrong = (pair.wrong != pair.poses).all()  # not so of a family with a single unit
    by_unit, by_wrong = (pearson(rows[kind].mean(0)) for kind in ("matched", "permuted"))
    pairs = tuple(
        MatchedUnit(
            unit=f"{pair.site}:{unit}",
            pose=units.names[pose],
            pose_deg=float(units.normal_deg[pose]) % 360,
            tuning=float(match.tuning[unit]),
            direction=float(match.direction[unit]),
            pearson=float(by_unit[i]),
            permuted=float(by_wrong[i]) if has_wrong else None,
        )
        for i, (unit, pose) in enumerate(zip(pair.units, pair.poses, strict=True))
    )
    return LayerScore(
        family=pair.family,
        site=pair.site,
        units=len(pairs),
        share=len(pairs) / host.site(pair.site).channels,
        pearson=_mean_pearson(rows["matched"], seed),
        permuted=_mean_pearson(rows["permuted"], seed) if has_wrong else Figure(None),
        pairs=pairs,
    )


def _mean_pearson(moments: Float[np.ndarray, "group unit 6"], seed: int) -> Figure:
    """Mean over units of the correlation over cells and pictures, with its interval."""
    return bootstrap({"moments": moments}, lambda means: pearson(means["moments"]).mean(-1), seed)


def families_json(families: Families) -> str:
    """The text of families.json (docs/families.md); numbers that are not finite become null."""
    return document_json(families, FORMAT)
