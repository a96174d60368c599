"""The result of `workbench explain` for a theory of tokens, and its document."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.hosts.host import Host
from workbench.score.facts import as_json
from workbench.sequences.analyses.explain.compare import Compared
from workbench.sequences.analyses.header import subject_facts
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.files import TokenSpec

FORMAT = 1
SHORT = 400  # cells of a table that the document has in full


@dataclass(frozen=True)
class TokensExplained:
    """Every trained table with the rule's; `left_out` says why a family's weights have none."""

    spec: TokenSpec
    circuit: TokenCircuit
    host: Host
    tables: tuple[Compared, ...]
    left_out: Mapping[str, str]
    prompts: int
    seed: int = 0
    command: str = ""


def to_json(result: TokensExplained) -> str:
    """The text of explain.json (docs/sequences.md)."""
    return as_json(
        {
            "format": FORMAT,
            "command": result.command,
            **subject_facts(result.spec, result.circuit, result.host),
            "prompts": result.prompts,
            "seed": result.seed,
            "tables": [_table(table) for table in result.tables],
            "left_out": dict(result.left_out),
        }
    )


def _table(table: Compared) -> dict[str, Any]:
    """A table's figures, and its cells where they are few."""
    few = table.trained.size <= SHORT
    return {
        "family": table.family,
        "unit": table.unit,
        "kind": table.kind,
        "rows": table.words[0],
        "columns": table.words[1],
        "shape": list(table.trained.shape),
        "first_column": table.first_column,
        "factors": len(table.factor),
        "factor": float(table.factor.mean()),
        "explained": table.explained,
        "rows_right": table.right,
        "controls": dict(table.controls),
        "ahead": table.ahead,
        "trained": table.trained.tolist() if few else None,
        "rule": table.rule.tolist() if few else None,
    }
