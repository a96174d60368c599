"""score.json: a scorecard as a stable document (docs/score-json.md)."""

from dataclasses import asdict
from typing import Any

from workbench.score.facts import as_json, finite
from workbench.score.scorecard import Scorecard

FORMAT = 1


def document(card: Scorecard) -> dict[str, Any]:
    """The scorecard as plain values; dotted names (`ablated.zero`) nest, numbers that are not finite become null."""
    plain = asdict(card)
    conditions = plain.pop("conditions")
    kinds = plain.pop("recovered")
    return finite(
        {
            "format": FORMAT,
            **plain,
            "conditions": nested({name: {k: _value(v) for k, v in row.items()} for name, row in conditions.items()}),
            "intervals": nested({name: {k: v["ci95"] for k, v in row.items() if isinstance(v, dict)} for name, row in conditions.items()}),
            "against": nested(plain["against"]),
            "recovered": kinds["zero"],
            "recovered_by": kinds,
        }
    )


def to_json(card: Scorecard) -> str:
    """The document as text, keys in a fixed order."""
    return as_json(document(card))


def _value(cell: Any) -> Any:
    return cell["value"] if isinstance(cell, dict) else cell


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Dotted names as objects within objects."""
    found: dict[str, Any] = {}
    for name, value in flat.items():
        *above, last = name.split(".")
        place = found
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    return found
