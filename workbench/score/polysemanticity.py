"""Polysemanticity: how much of a unit's activation one theory accounts for, and how much belongs to other stimuli."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

import workbench
from workbench.cache import Cache, Kept, content_of, known_by
from workbench.code import computed_by
from workbench.evaluate.firing import Firing
from workbench.evaluate.run import Progress
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.score.facts import as_json, circuit_facts, host_facts, picture_facts, spec_facts
from workbench.score.meaning import CLUSTERS, UnitMeaning, explained, read_back, unit_meaning
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit

FORMAT = 1
MEANING = "meaning"  # the kind of cache entry


@dataclass(frozen=True)
class Polysemanticity:
    """Every unit of a circuit; the figures beside them are means over units. `level`: what the theory explains of the middle unit."""

    workbench: str
    host: Mapping[str, str]
    spec: Mapping[str, str]
    circuit: Mapping[str, str]
    images: Mapping[str, object]
    calibration: Mapping[str, object]
    seed: int
    level: float
    explained: float
    of_unit: float
    of_theory: float
    other: float
    permuted: float
    permuted_other: float
    units: tuple[UnitMeaning, ...]


def polysemanticity_score(
    host: Host,
    spec: Spec,
    trained: TrainedCircuit,
    found: Firing,
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    progress: Progress,
    seed: int = 0,
    clusters: int = CLUSTERS,
    cache: Cache | None = None,
) -> Polysemanticity:
    """The figures of every unit of the circuit; `progress` is told of units. With a cache, a unit that was asked before is read back."""
    level = float(np.nanmedian([explained(*each) for each in zip(found.trained.T, found.theory.T, strict=True)]))
    units, kept = [], Kept(cache, MEANING, _key(found, trained, seed, clusters) if cache else "")
    for i, unit in enumerate(trained.units):
        columns = found.trained[:, i], found.theory[:, i], np.delete(found.theory, i, 1), np.delete(found.around, unit.unit, 1)
        name = f"{trained.site}:{unit.unit}"
        units.append(read_back(kept.figures(name, partial(_asked, name, *columns, found.picture, level, seed, clusters))))
        progress(1)
    return Polysemanticity(
        workbench=workbench.__version__,
        host=host_facts(host),
        spec=spec_facts(spec),
        circuit=circuit_facts(trained),
        images=picture_facts(pictures),
        calibration=picture_facts(calibration),
        seed=seed,
        level=level,
        explained=_mean([unit.explained.value for unit in units]),
        of_unit=_mean([unit.of_unit for unit in units]),
        of_theory=_mean([unit.of_theory for unit in units]),
        other=_mean([unit.other.value for unit in units]),
        permuted=_mean([unit.permuted for unit in units]),
        permuted_other=_mean([unit.permuted_other for unit in units]),
        units=tuple(units),
    )


def _asked(*about: Any) -> dict[str, Any]:
    return asdict(unit_meaning(*about))


def _key(found: Firing, trained: TrainedCircuit, seed: int, clusters: int) -> str:
    """All that the units' figures depend on."""
    seen = content_of(*(getattr(found, name) for name in Firing.__dataclass_fields__))
    return known_by(computed_by(), seen, trained.site, [unit.unit for unit in trained.units], seed, clusters)


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan


def polysemanticity_json(found: Polysemanticity) -> str:
    """polysemanticity.json (docs/polysemanticity.md): keys in a fixed order, numbers that are not finite become null."""
    return as_json({"format": FORMAT, **asdict(found)})
