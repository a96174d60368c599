"""The figures of one theory of tokens on many networks, and their document."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from workbench.score.facts import as_json
from workbench.score.uncertainty import Figure
from workbench.sequences.analyses.header import theory_facts
from workbench.sequences.circuit import CircuitFamily, TokenCircuit
from workbench.sequences.files import TokenSpec
from workbench.sequences.part_score import PartScore
from workbench.sequences.score import TokenCard

FORMAT = 1
SURVEYED, FINAL, GIVEN = "survey", "final", "file"  # where the units of a row come from
UNIFORM = "ablated.uniform"

Part = Mapping[str, Any]


@dataclass(frozen=True)
class NetworkRow:
    """One network.

    cache_key     hash of everything that the row depends on
    training, step  of a checkpoint that `workbench hosts make` kept: its training and its step
    reason        why the survey finds no such units; empty where it finds them
    surveyed      the units that the survey finds, by family
    units_from    "survey" or "file"; "final" where they are the units of the last network of the
                  training, which are followed through all its checkpoints; empty without a score
    units         the units that are scored, by family
    loss, accuracy  of the trained network at the scored places
    parts         of each part its verdict, its cheapest ablation, what it recovers of each
                  ablation, the R2 of logits and the overlap of patterns
    """

    host: str
    fingerprint: str
    cache_key: str
    training: str | None = None
    step: int | None = None
    reason: str = ""
    surveyed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    units_from: str = ""
    units: Mapping[str, Sequence[str]] = field(default_factory=dict)
    loss: float | None = None
    accuracy: float | None = None
    parts: Mapping[str, Part] = field(default_factory=dict)

    def recovered(self, part: str, ablation: str | None = None) -> Figure:
        """The share that a part recovers of an ablation, by default of its cheapest."""
        figures = self.parts.get(part, {})
        of = figures.get("recovered_by", {}).get(ablation or figures.get("cheapest_ablation"), {})
        return Figure(of.get("value"), tuple(of["ci95"]) if of.get("ci95") else None)


@dataclass(frozen=True)
class TokenUniversality:
    """Rows in the order in which networks were given, checkpoints by their step."""

    spec: TokenSpec
    rows: tuple[NetworkRow, ...]
    seed: int = 0
    command: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the parts that any network has."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.parts))

    @property
    def trainings(self) -> dict[str, tuple[NetworkRow, ...]]:
        """The checkpoints of each training that has several, by their step."""
        names = dict.fromkeys(row.training for row in self.rows if row.training)
        by_name = {
            name: tuple(row for row in self.rows if row.training == name and row.parts)
            for name in names
        }
        return {
            name: tuple(sorted(rows, key=lambda row: row.step or 0))
            for name, rows in by_name.items()
            if name and len(rows) > 1
        }

    def followed_ablation(self, training: str, part: str) -> str:
        """The ablation of a part's curve: uniform attention, else the cheapest at the end.

        A curve is of one ablation. Uniform attention takes away the pattern alone, which is what a
        theory of heads writes.
        """
        figures = self.trainings[training][-1].parts[part]
        return UNIFORM if UNIFORM in figures["recovered_by"] else figures["cheapest_ablation"]


def units_of(circuit: TokenCircuit) -> dict[str, list[str]]:
    """The names of a circuit's units, by family: heads, or the frequencies of neurons."""
    return {name: _names(family) for name, family in circuit.families.items() if _names(family)}


def _names(family: CircuitFamily) -> list[str]:
    return [*(family.heads or ()), *map(str, family.frequency or ())]


def part_figures(part: PartScore) -> Part:
    """The figures of a part that a row keeps."""
    spliced = part.row("spliced")
    return {
        "verdict": part.verdict,
        "supported": part.supported,
        "best_rival": part.rival,
        "cheapest_ablation": part.cheapest,
        "recovered_by": {
            name: {"value": figure.value, "ci95": list(figure.ci95) if figure.ci95 else None}
            for name, figure in part.by_ablation.items()
        },
        "logit_r2": spliced.quantities.get("logit_r2"),
        "pattern_overlap": spliced.overlap,
    }


def natural_figure(card: TokenCard, quantity: str) -> float | None:
    """A quantity of the trained network itself at the scored places; None where it has none."""
    return card.parts[0].row("natural").quantities.get(quantity)


def row_json(row: NetworkRow) -> str:
    """A row as text; numbers that are not finite become null."""
    return as_json(asdict(row))


def row_from_json(text: str) -> NetworkRow | None:
    """The row that `row_json` wrote; None for any other text, such as another version's row."""
    try:
        return NetworkRow(**json.loads(text))
    except (TypeError, ValueError):
        return None


def universality_json(result: TokenUniversality) -> str:
    """The text of universality.json (docs/sequences.md)."""
    return as_json(
        {
            "format": FORMAT,
            "command": result.command,
            "theory": theory_facts(result.spec),
            "seed": result.seed,
            "networks": [asdict(row) for row in result.rows],
        }
    )
