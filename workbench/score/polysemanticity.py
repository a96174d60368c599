"""Polysemanticity: how much of a unit's activation one theory accounts for, and how much belongs to other stimuli."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

import workbench
from workbench.evaluate.firing import Firing
from workbench.evaluate.run import Progress
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.score.facts import as_json, circuit_facts, host_facts, picture_facts, spec_facts
from workbench.score.meaning import CLUSTERS, UnitMeaning, explained, unit_meaning
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit

FORMAT = 1


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
) -> Polysemanticity:
    """The figures of every unit of the circuit; `progress` is told of units."""
    level = float(np.nanmedian([explained(*each) for each in zip(found.trained.T, found.theory.T, strict=True)]))
    units = []
    for i, unit in enumerate(trained.units):
        columns = found.trained[:, i], found.theory[:, i], np.delete(found.theory, i, 1), np.delete(found.around, unit.unit, 1)
        units.append(unit_meaning(f"{trained.site}:{unit.unit}", *columns, found.picture, level, seed, clusters))
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


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan


def polysemanticity_json(found: Polysemanticity) -> str:
    """polysemanticity.json (docs/polysemanticity.md): keys in a fixed order, numbers that are not finite become null."""
    return as_json({"format": FORMAT, **asdict(found)})
