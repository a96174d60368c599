"""Layers: which trained units do the units of each family of a theory correspond to, and how well do they agree on photographs?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float

import workbench
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.evaluate.layers import Matched
from workbench.evaluate.matching import THRESHOLDS, Answers, Nearest, best_units
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.score.agreement import pearson
from workbench.score.facts import as_json, circuit_facts, host_facts, picture_facts, spec_facts
from workbench.score.uncertainty import Figure, bootstrap
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit

FORMAT = 1


@dataclass(frozen=True)
class Pair:
    """A trained unit, written `site:channel`, and the family unit that it corresponds to.

    `tuning` and `direction` are their correlations over the stimuli (`Nearest`); `pearson` is over cells and pictures, `permuted` the same of
    the wrong family unit.
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
    """The units of one site that correspond to one family. `share` is of the site's units; `pearson` and `permuted` are means over units."""

    family: str
    site: str
    units: int
    share: float
    pearson: Figure
    permuted: Figure
    pairs: tuple[Pair, ...]

    @property
    def best(self) -> Pair:
        """The pair of the highest Pearson correlation."""
        return max(self.pairs, key=lambda pair: pair.pearson)

    @property
    def worst(self) -> Pair:
        """The pair of the lowest."""
        return min(self.pairs, key=lambda pair: pair.pearson)


@dataclass(frozen=True)
class Layers:
    """Every layer of a theory's account by itself. `sites` and `families` have their number of units each.

    `layers` has a row for each family and site with units that correspond. `poses[family]` is, for each of its units, the trained unit whose
    tuning is nearest; `nearest[site:channel]` is, for every trained unit, the nearest family unit, whether it corresponds or not.
    """

    workbench: str
    host: Mapping[str, str]
    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    images: Mapping[str, object]
    seed: int
    thresholds: Mapping[str, float]
    sites: Mapping[str, int]
    families: Mapping[str, int]
    layers: tuple[LayerScore, ...]
    poses: Mapping[str, Sequence[Mapping[str, object]]]
    nearest: Mapping[str, Mapping[str, object]]


def layers_score(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    circuit: HandwrittenCircuit,
    answers: Answers,
    found: Mapping[str, Nearest],
    pairs: Sequence[Matched],
    moments: Sequence[Mapping[str, Float[np.ndarray, "group unit 6"]]],
    pictures: Sequence[Picture],
    seed: int = 0,
) -> Layers:
    """The figures of every family and site; `moments` as `evaluate.layers.beside` gives them, of the same `pairs`."""
    names = {layer.family: layer.units.names for layer in circuit.layers}
    return Layers(
        workbench=workbench.__version__,
        host=host_facts(host),
        spec=spec_facts(spec),
        circuit=circuit_facts(trained),
        images=picture_facts(pictures),
        seed=seed,
        thresholds=THRESHOLDS,
        sites={site: host.site(site).channels for site in found},
        families={family: len(units) for family, units in names.items()},
        layers=tuple(_layer(circuit, host, found[own.site], own, rows, seed) for own, rows in zip(pairs, moments, strict=True)),
        poses={
            family: [
                {"pose": pose, "unit": f"{site}:{unit}", "tuning": tuning}
                for pose, (site, unit, tuning) in zip(names[family], units, strict=True)
            ]
            for family, units in best_units(answers).items()
        },
        nearest={f"{site}:{unit}": _named(each, unit, names) for site, each in found.items() for unit in range(host.site(site).channels)},
    )


def _named(found: Nearest, unit: int, names: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """What is nearest to a unit of a site, by name."""
    family = list(names)[found.family[unit]]
    return {
        "family": family,
        "pose": names[family][found.pose[unit]],
        "tuning": float(found.tuning[unit]),
        "direction": float(found.direction[unit]),
        "corresponds": bool(found.corresponds[unit]),
    }


def _layer(circuit: HandwrittenCircuit, host: Host, found: Nearest, own: Matched, rows: Mapping[str, np.ndarray], seed: int) -> LayerScore:
    units = next(layer.units for layer in circuit.layers if layer.family == own.family)
    turned = (own.wrong != own.poses).all()  # a family of one unit has no other
    by_unit, by_wrong = (pearson(rows[kind].mean(0)) for kind in ("matched", "permuted"))
    pairs = tuple(
        Pair(
            unit=f"{own.site}:{unit}",
            pose=units.names[pose],
            pose_deg=float(units.normal_deg[pose]) % 360,
            tuning=float(found.tuning[unit]),
            direction=float(found.direction[unit]),
            pearson=float(by_unit[i]),
            permuted=float(by_wrong[i]) if turned else None,
        )
        for i, (unit, pose) in enumerate(zip(own.units, own.poses, strict=True))
    )
    return LayerScore(
        family=own.family,
        site=own.site,
        units=len(pairs),
        share=len(pairs) / host.site(own.site).channels,
        pearson=_mean_pearson(rows["matched"], seed),
        permuted=_mean_pearson(rows["permuted"], seed) if turned else Figure(None),
        pairs=pairs,
    )


def _mean_pearson(moments: Float[np.ndarray, "group unit 6"], seed: int) -> Figure:
    """Mean over units of the correlation over cells and pictures, with its interval over pictures."""
    return bootstrap({"moments": moments}, lambda means: pearson(means["moments"]).mean(-1), seed)


def layers_json(layers: Layers) -> str:
    """layers.json (docs/layers-json.md): keys in a fixed order, numbers that are not finite become null."""
    return as_json({"format": FORMAT, **asdict(layers)})
