"""The values of a scorecard that the template of report.html places."""

from collections.abc import Sequence
from typing import Any

from workbench.report.conditions import (
    LEANS,
    NO_OUTPUT,
    cheapest_ablation,
    digits,
    known,
    number,
    ordered,
    picture_kinds,
    reaching,
    shown_quantities,
    strangely_bound,
    tuned_on_host,
    warnings,
)
from workbench.report.limits import FIRST, limits
from workbench.report.summary import best_baseline, summary
from workbench.score.agreement import TOP
from workbench.score.recovery import ABLATIONS
from workbench.score.scorecard import Scorecard
from workbench.spec import Spec
from workbench.vision.tuning import probe_of

SILENT = "no response to drawn {}"  # stimuli of the tuning curves, such as arcs


def page_values(card: Scorecard, specs: Sequence[Spec]) -> dict[str, Any]:
    """The values by the names of the template. `specs` are in the order of the card's theories."""
    return _opening(card) | _units(card) | _stimuli(specs) | _ledger(card)


def _opening(card: Scorecard) -> dict[str, Any]:
    """The facts, limits and warnings at the top, and the headline."""
    return {
        "limits": list(limits(card))[:FIRST],
        "more_limits": list(limits(card))[FIRST:],
        "picture_kinds": picture_kinds(card.header.images),
        "warnings": warnings(card),
        "strangely_bound": strangely_bound(card),
        "best": _best(card),
        "summary": [_place(card, row.condition) | {"words": row.words} for row in summary(card)],
        "tuned_here": tuned_on_host(card),
        "cheapest": cheapest_ablation(card),
    }


def _units(card: Scorecard) -> dict[str, Any]:
    """Which units the page lists, in which order, and which it names as extremes."""
    return {
        "unit_order": _unit_order(card),
        "worst_drawn": _worst_drawn(card),
        "chance": number(TOP, 2),
        "firing": _firing(card),
        "borders": _extremes(card, "border_false_alarms"),
        "border_sites": list(
            {unit.border_positions: i for i, unit in enumerate(card.units)}.values()
        ),
        "invariances": [
            key.removeprefix("trained.invariance ")
            for key in card.tuning
            if key.startswith("trained.invariance ")
        ],
    }


def _stimuli(specs: Sequence[Spec]) -> dict[str, Any]:
    """The drawn stimuli of the tuning curves, in words."""
    probes = [probe_of(spec.theory) for spec in specs]
    drawn = " and ".join(dict.fromkeys(f"{probe.name}s" for probe in probes))
    return {
        "drawn": drawn,
        "silent": SILENT.format(drawn),
        "sized": any(len(probe.radii_px) > 1 for probe in probes),
    }


def _ledger(card: Scorecard) -> dict[str, Any]:
    """The conditions, and the quantities that compare the host's answers."""
    quantities, headline = shown_quantities(card), card.headline_quantity
    return {
        "conditions": _conditions(card),
        "recoveries": _recoveries(),
        "leans": LEANS,
        "no_output": NO_OUTPUT,
        "columns": [
            {"key": quantity.key, "label": quantity.label, "digits": digits(quantity)}
            for quantity in quantities
        ],
        "headline": {
            "name": headline.name,
            "key": headline.key,
            "label": headline.label,
            "digits": digits(headline),
        },
        "quantities": [(quantity.name, quantity.label) for quantity in quantities]
        + [("consumer", "next layer")],
        "labelled": any(quantity.needs_target for quantity in quantities),
    }


def _best(card: Scorecard) -> dict[str, str] | None:
    """The best baseline; None where the run had none."""
    name = best_baseline(card)
    return _place(card, name) | {"words": name.removeprefix("baseline.")} if name else None


def _place(card: Scorecard, name: str) -> dict[str, str]:
    """A condition's name, its path in score.json, and what takes the trained units' place."""
    return {
        "name": name,
        "path": name.replace(".", "/"),
        "about": card.conditions[name].label,
    }


def _conditions(card: Scorecard) -> list[dict[str, Any]]:
    reached = reaching(card)
    return [
        {
            **_place(card, name),
            "reaches": name in reached,
            "control": name in card.against,
        }
        for name in ordered(card)
    ]


def _unit_order(card: Scorecard) -> list[int]:
    """Indices of the units, by theory and then by pose."""
    of = [theory for theory, score in enumerate(card.theories) for _ in range(score.units)]
    return sorted(range(len(card.units)), key=lambda i: (of[i], card.units[i].direction_deg))


def _worst_drawn(card: Scorecard) -> list[int]:
    """Indices of the units with a worst stimulus, the largest difference over the peak first."""
    sizes = {
        i: abs(worst.handwritten - worst.trained)
        for i, unit in enumerate(card.units)
        if (worst := unit.worst_stimulus)
    }
    return sorted(sizes, key=lambda i: -sizes[i])


def _firing(card: Scorecard) -> dict[str, list[int]] | None:
    """The units that fire with the lowest and the highest precision, and recall; None without."""
    ends = {name: _extremes(card, f"firing_{name}") for name in ("precision", "recall")}
    return ends if all(ends.values()) else None


def _extremes(card: Scorecard, figure: str) -> list[int]:
    """The units with the lowest and the highest value of a figure; empty where none has one."""
    values = {i: getattr(unit, figure) for i, unit in enumerate(card.units)}
    order = sorted((i for i in values if known(values[i])), key=lambda i: values[i])
    return [order[0], order[-1]] if order else []


def _recoveries() -> list[dict[str, str]]:
    rows = [
        {"title": f"{ablation} ablation", "path": f"recovered_by/{ablation}"}
        for ablation in ABLATIONS
    ]
    return [*rows, {"title": "zero ablation, pictures where the circuit fires", "path": "fires"}]
