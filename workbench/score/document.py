"""score.json: a scorecard as a stable document (docs/score-json.md)."""

import json
import math
from dataclasses import asdict
from typing import Any

from workbench.score.scorecard import Scorecard

FORMAT = 1


def document(card: Scorecard) -> dict[str, Any]:
    """The scorecard as plain values; dotted names (`ablated.zero`) nest, numbers that are not finite become null."""
    plain = asdict(card)
    conditions = plain.pop("conditions")
    kinds = plain.pop("recovered")
    return _finite(
        {
            "format": FORMAT,
            **plain,
            "conditions": _nested({name: {k: _value(v) for k, v in row.items()} for name, row in conditions.items()}),
            "intervals": _nested({name: {k: v["ci95"] for k, v in row.items() if isinstance(v, dict)} for name, row in conditions.items()}),
            "against": _nested(plain["against"]),
            "recovered": kinds["zero"],
            "recovered_by": kinds,
        }
    )


def to_json(card: Scorecard) -> str:
    """The document as text, keys in a fixed order."""
    return json.dumps(document(card), indent=1, allow_nan=False) + "\n"


def _value(cell: Any) -> Any:
    return cell["value"] if isinstance(cell, dict) else cell


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *above, last = name.split(".")
        place = nested
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    return nested


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
