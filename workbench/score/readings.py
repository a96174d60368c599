"""The figures of a score's document, by the names that requirements use.

A document is score.json of a theory of units in pictures (docs/score-json.md) or of a theory of
tokens (docs/sequences.md). Both become rows of the same kind.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.score.uncertainty import Figure

SPLICED = "spliced"
# figure -> whether a smaller one is better
OF_PICTURES = {
    "pearson": False,
    "recovered": False,
    "kl": True,
    "top1_agreement": False,
    "distance": True,
    "bits": True,
}
OF_TOKENS = {
    "recovered": False,
    "logit_r2": False,
    "kl": True,
    "soft_kl": True,
    "fitted_soft_kl": True,
    "top1_agreement": False,
    "loss": True,
    "accuracy": False,
    "pattern_overlap": False,
}
EXACT = ("bits",)  # figures of pictures that are no means over pictures


@dataclass(frozen=True)
class Row:
    """A condition of a document.

    kind     as in the document: "control", "baseline", "ablation", ...
    figures  by name; a figure that is missing has the value None
    lead     of the handwritten units over this condition on the same pictures or prompts, by
             figure: above 0, the handwritten units do better. Where there is none, two figures are
             compared by their intervals
    """

    kind: str
    figures: Mapping[str, Figure]
    lead: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class Readings:
    """The conditions of a document, or of a part of it.

    by_value  the figures that have no interval by their nature, and are compared by their value
    best_by   the figure by which the best condition of a kind is chosen, by figure; itself if
              absent
    """

    rows: Mapping[str, Row]
    by_value: tuple[str, ...]
    best_by: Mapping[str, str] = field(default_factory=dict)


def of_pictures(document: Mapping[str, Any]) -> Readings:
    """The figures of a theory of units in pictures."""
    conditions = dict(_flat(document["conditions"]))
    intervals, bits = dict(_flat(document["intervals"], conditions)), dict(_leaves(document))
    rows = {}
    for name, values in conditions.items():
        figures = {
            key: _figure(values.get(key), intervals[name].get(key))
            for key in ("pearson", "kl", "top1_agreement", "distance")
        }
        headline = next((key for key in values if key.startswith("recovered_")), "")
        figures["recovered"] = _figure(values.get(headline), intervals[name].get(headline))
        figures["bits"] = Figure(bits.get(name))
        lead = _lead(document, name, headline.removeprefix("recovered_"))
        rows[name] = Row(values["kind"], figures, lead)
    return Readings(rows, EXACT, {"bits": "recovered"})


def _lead(document: Mapping[str, Any], name: str, headline: str) -> dict[str, Figure]:
    """The paired share by which the headline distance is less than under a condition."""
    kind, _, word = name.partition(".")
    if kind == "ablated":
        share = document["recovered_by"].get(word, {}).get(headline)
    else:
        share = document["against"].get(kind, {}).get(word)
    if not isinstance(share, Mapping):
        return {}
    return dict.fromkeys(("recovered", headline), _figure(share["value"], share["ci95"]))


def of_tokens(part: Mapping[str, Any]) -> Readings:
    """The figures of a part of a theory of tokens."""
    rows = {}
    for name, values in part["conditions"].items():
        figures = {key: Figure(values.get(key)) for key in OF_TOKENS}
        figures["recovered"] = _figure(values["recovered"], values["recovered_ci95"])
        lead = {}
        if share := part["recovered_by"].get(name):
            lead = dict.fromkeys(("recovered", "kl"), _figure(share["value"], share["ci95"]))
        if name == part["best_rival"] and values.get("logit_r2") is not None:
            lead["logit_r2"] = _figure(part["ahead"]["value"], part["ahead"]["ci95"])
        rows[name] = Row(values["kind"], figures, lead)
    return Readings(rows, tuple(OF_TOKENS))


def _figure(value: float | None, ci95: Any) -> Figure:
    known = ci95 and None not in ci95
    return Figure(value, (ci95[0], ci95[1]) if known else None)


def _flat(
    nested: Mapping[str, Any], names: Mapping[str, Any] | None = None, above: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The conditions of nested objects by their dotted names; all of them, or those of `names`."""
    for key, value in nested.items():
        name = f"{above}{key}"
        if name in names if names is not None else "kind" in value:
            yield name, value
        elif isinstance(value, Mapping):
            yield from _flat(value, names, f"{name}.")


def _leaves(document: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Description lengths by the dotted names of conditions."""
    for key, value in document["bits"].items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{word}", bits) for word, bits in value.items())
        else:
            yield key, value
