"""Equivariance: how far the units of a family are rotated copies of one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.analyses.equivariance.view import LEAST, Evidence, View, view_score
from workbench.score.facts import Header, document_json
from workbench.spec.circuit import TrainedCircuit
from workbench.vision.geometry.frames import Frames

FORMAT = 1


@dataclass(frozen=True)
class Equivariance:
    """A family and the evidence, one view for each kind.

    `header.bound` names the families whose weights were compared.
    """

    header: Header
    tolerance: float
    views: tuple[View, ...]


def equivariance_score(
    header: Header,
    circuit: TrainedCircuit,
    frames: Frames,
    views: Mapping[str, Evidence],
    seed: int = 0,
    tolerance: float = LEAST,
) -> Equivariance:
    """The figures of every view."""
    names: Sequence[str] = [f"{circuit.site}:{unit.unit}" for unit in circuit.units]
    return Equivariance(
        header=header,
        tolerance=tolerance,
        views=tuple(
            view_score(name, names, frames, evidence, seed, tolerance)
            for name, evidence in views.items()
        ),
    )


def equivariance_json(equivariance: Equivariance) -> str:
    """The text of equivariance.json (docs/equivariance.md)."""
    return document_json(equivariance, FORMAT)
