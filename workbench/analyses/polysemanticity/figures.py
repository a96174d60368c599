"""Polysemanticity: the parts of units' activation that one theory accounts for, and that it leaves.

The rest lies among the theory's own stimuli or among others.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from workbench.analyses.polysemanticity.meaning import UnitMeaning, unit_from_json
from workbench.analyses.polysemanticity.measure import Firing
from workbench.analyses.polysemanticity.unit import (
    CLUSTERS,
    Clustering,
    UnitCells,
    explained,
    unit_meaning,
)
from workbench.cache import Kept, cache_key, content_of
from workbench.code import code_version
from workbench.evaluate.groups import items_of
from workbench.matching.subject import Subject, subject_header
from workbench.score.facts import Header, document_json, picture_facts
from workbench.spec.circuit import TrainedCircuit
from workbench.vision.pictures import Picture
from workbench.work import Work

FORMAT = 2
MEANING = "meaning"  # the kind of cache entry


@dataclass(frozen=True)
class Polysemanticity:
    """Every unit of a circuit; the other figures are means over units.

    `level`: what the theory explains of the middle unit; `silent`: how many units never fire, which
    are in no mean.
    """

    header: Header
    level: float
    explained: float
    of_unit: float
    of_theory: float
    other: float
    permuted: float
    permuted_other: float
    silent: int
    units: tuple[UnitMeaning, ...]


def polysemanticity_score(
    subject: Subject,
    firing: Firing,
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    work: Work,
    clusters: int = CLUSTERS,
) -> Polysemanticity:
    """Compute the figures of every unit of the circuit.

    With a cache, a unit that an earlier run computed is read back.
    """
    pairs = zip(firing.trained.T, firing.theory.T, strict=True)
    level = float(np.nanmedian([explained(unit, theory) for unit, theory in pairs]))
    how = Clustering(level, work.seed, clusters)
    item = items_of([picture.sha256 for picture in pictures])
    units = _units(subject.trained, replace(firing, picture=item[firing.picture]), how, work)
    header = subject_header(
        subject,
        images=picture_facts(pictures),
        calibration=picture_facts(calibration),
        seed=work.seed,
    )
    return Polysemanticity(
        header=replace(header, bound=None),
        level=level,
        explained=_mean([unit.explained.value for unit in units]),
        of_unit=_mean([unit.of_unit for unit in units]),
        of_theory=_mean([unit.of_theory for unit in units]),
        other=_mean([unit.other.value for unit in units]),
        permuted=_mean([unit.permuted for unit in units]),
        permuted_other=_mean([unit.permuted_other for unit in units]),
        silent=sum(unit.explained.value is None for unit in units),
        units=units,
    )


def _units(
    trained: TrainedCircuit, firing: Firing, how: Clustering, work: Work
) -> tuple[UnitMeaning, ...]:
    progress = work.stage("units", len(trained.units))
    kept = Kept(work.cache, MEANING, _key(firing, trained, how) if work.cache else "")
    units = []
    for i, unit in enumerate(trained.units):
        name, cells = f"{trained.site}:{unit.unit}", _cells(firing, i, unit.unit)
        figures = kept.figures(name, partial(_computed, name, cells, how))
        units.append(unit_from_json(figures))
        progress(1)
    return tuple(units)


def _computed(name: str, cells: UnitCells, how: Clustering) -> dict[str, Any]:
    return asdict(unit_meaning(name, cells, how))


def _cells(firing: Firing, i: int, channel: int) -> UnitCells:
    """The cells as the i-th unit of the circuit has them, which is one channel of the site."""
    return UnitCells(
        activation=firing.trained[:, i],
        theory=firing.theory[:, i],
        wrong=np.delete(firing.theory, i, 1),
        around=np.delete(firing.around, channel, 1),
        picture=firing.picture,
    )


def _key(firing: Firing, trained: TrainedCircuit, how: Clustering) -> str:
    """The cache key of the units' figures: everything that they depend on."""
    content = content_of(*(getattr(firing, name) for name in Firing.__dataclass_fields__))
    units = [unit.unit for unit in trained.units]
    return cache_key(code_version(), content, trained.site, units, how.seed, how.clusters)


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan


def polysemanticity_json(result: Polysemanticity) -> str:
    """The text of polysemanticity.json (docs/polysemanticity.md)."""
    return document_json(result, FORMAT)
