"""The document score.json of a scorecard (docs/score-json.md)."""

from collections.abc import Mapping
from typing import Any

from workbench.score.facts import COUNTS, as_json, as_plain, finite, header_facts, without_header
from workbench.score.scorecard import Scorecard
from workbench.score.uncertainty import Figure

FORMAT = 2


def document(card: Scorecard) -> dict[str, Any]:
    """The scorecard as plain values.

    Dotted names (`ablated.zero`) nest; numbers that are not finite become null.
    """
    plain = without_header(as_plain(card))
    recovered = plain.pop("recovered")
    del plain["headline_quantity"]
    plain["has_output"] = plain.pop("compared")
    rows = {name: _row(card, name) for name in card.conditions}
    return finite(
        {
            "format": FORMAT,
            **header_facts(card.header),
            **plain,
            "conditions": nested(
                {
                    name: {key: _value(cell) for key, cell in row.items()}
                    for name, row in rows.items()
                }
            ),
            "intervals": nested(
                {
                    name: {key: cell.ci95 for key, cell in row.items() if isinstance(cell, Figure)}
                    for name, row in rows.items()
                }
            ),
            **({"counts": counts} if (counts := _counts(rows)) else {}),
            "against": nested(plain["against"]),
            "bits": nested(plain["bits"]),
            "recovered": recovered["zero"],
            "recovered_by": recovered,
        }
    )


def _counts(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The pictures and resamples of each figure that rests on fewer than the others, by name."""
    by_name = {}
    for name, row in rows.items():
        counted = {key: as_plain(cell) for key, cell in row.items() if isinstance(cell, Figure)}
        by_name[name] = {
            key: counts
            for key, figure in counted.items()
            if (counts := {count: figure[count] for count in COUNTS if count in figure})
        }
    return nested({name: row for name, row in by_name.items() if row})


def _row(card: Scorecard, name: str) -> dict[str, Any]:
    """A condition's figures by their keys in the document."""
    score = card.conditions[name]
    return {
        "kind": score.kind.value,
        "label": score.label,
        **score.quantities,
        "consumer": score.consumer,
        "pearson": score.pearson,
        f"recovered_{card.headline_quantity.key}": score.recovered,
        "changed": score.changed,
    }


def to_json(card: Scorecard) -> str:
    """The document as text, with its keys in a fixed order."""
    return as_json(document(card))


def _value(cell: Any) -> Any:
    return cell.value if isinstance(cell, Figure) else cell


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Turn dotted names into objects within objects."""
    objects: dict[str, Any] = {}
    for name, value in flat.items():
        *above, last = name.split(".")
        place = objects
        for key in above:
            place = place.setdefault(key, {})
        place[last] = value
    return objects
