"""The figures of one unit: what a theory accounts for, and what it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.score.uncertainty import Figure


@dataclass(frozen=True)
class Cluster:
    """Stimuli of one kind.

    share      of the unit's expected value
    explained  of the cluster by the theory, and `permuted` by a wrong one: the median over the
               theories of the circuit's other units
    other      how far the cluster is another kind of stimulus than the theory's: 0 where the theory
               explains as much of it as of units of this circuit, 1 where it explains no more than
               wrong theories
    rows       rows of `Firing` near the cluster's centre where the unit is active
    """

    share: float
    explained: float
    permuted: float
    other: float
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Level:
    """Activation from `above` to a tenth of the peak more: its parts of the expected value E[a].

    They add up to 1 over all levels.
    """

    above: float
    explained: float
    inexact: float
    other: float


@dataclass(frozen=True)
class UnitMeaning:
    """A unit, written `site:channel`.

    explained   E[min(a, h)] / max(E[a], E[h]): the lower of `of_unit` and `of_theory`
    of_unit     the share of E[a] that the theory predicts
    of_theory   the share of the theory's prediction E[h] that is there
    other       the share of E[a] that is left, each cluster's as far as it is `other`: the unit's
                polysemanticity
    inexact     the share that is left besides, where the theory predicts activation and not
                exactly; explained, other and inexact add up to 1
    permuted, permuted_other   explained and other by a wrong theory, the mean over those of the
                               other units
    """

    unit: str
    explained: Figure
    of_unit: float
    of_theory: float
    inexact: float
    other: Figure
    permuted: float
    permuted_other: float
    clusters: tuple[Cluster, ...]
    levels: tuple[Level, ...]


def silent_unit(name: str) -> UnitMeaning:
    """The figures of a unit that never fires: none."""
    nan, none = np.nan, Figure(None)
    return UnitMeaning(name, none, nan, nan, nan, none, nan, nan, (), ())


def unit_from_json(fields: Mapping[str, Any]) -> UnitMeaning:
    """The unit whose fields these are, as JSON has them."""
    figures = {name: _figure(fields[name]) for name in ("explained", "other")}
    clusters = (Cluster(**{**row, "rows": tuple(row["rows"])}) for row in fields["clusters"])
    levels = (Level(**row) for row in fields["levels"])
    return UnitMeaning(
        **{**fields, **figures, "clusters": tuple(clusters), "levels": tuple(levels)}
    )


def _figure(fields: Mapping[str, Any]) -> Figure:
    return Figure(**{**fields, "ci95": tuple(fields["ci95"]) if fields["ci95"] else None})
