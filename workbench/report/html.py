"""The report of a scorecard: a folder with score.json, pictures and report.html.

The page is self-contained, and needs neither network nor script.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.files import write_whole
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
from workbench.report.drawings import drawings
from workbench.report.embedding import Shown, embedded
from workbench.report.limits import FIRST, limits
from workbench.report.page import Score, template
from workbench.report.provenance import made
from workbench.report.summary import best_baseline, summary
from workbench.report.words import theory_words
from workbench.score.agreement import TOP
from workbench.score.document import to_json
from workbench.score.recovery import ABLATIONS
from workbench.score.scorecard import Scorecard
from workbench.spec import Spec
from workbench.vision.examples import Example
from workbench.vision.tuning import TuningCurves, probe_of
from workbench.vision.visualise.units import Visualised

CONTENTS = (
    ("headline", "Headline"),
    ("tuning", "Tuning"),
    ("visualised", "Visualisations"),
    ("patches", "Where they agree and where they do not"),
    ("kernels", "Kernels"),
    ("theory", "The theory in words and numbers"),
    ("conditions", "Ledger of conditions and controls"),
    ("cost", "Cost and provenance"),
    ("made", "How it was made"),
)
SECTIONS = (
    "summary",
    "aligned",
    "tuning",
    "radii",
    "visualised",
    "patches",
    "kernels",
    "more kernels",
    "circuit",
    "ledger",
)
SILENT = "no response to drawn {}"  # stimuli of the tuning curves, such as arcs


def write_report(
    folder: Path,
    card: Scorecard,
    specs: Sequence[Spec],
    circuits: Sequence[HandwrittenCircuit],
    curves: Sequence[TuningCurves],
    examples: Sequence[Example],
    visualised: Sequence[Visualised] = (),
    command: str = "",
) -> Path:
    """Write score.json, the pictures and report.html to `folder`, and return the page's path.

    `specs`, `circuits`, `curves` and `visualised` are in the order of the card's theories; a quick
    run has none of the last. `command` is the user's command line, for the record. Raises
    WorkbenchError if the folder cannot be written.
    """
    folder = Path(folder)
    text = to_json(card)
    write_whole(folder / "score.json", text)
    shown: dict[str, list[Shown]] = {}
    theories = [spec.theory for spec in specs]
    for drawing in drawings(card, theories, circuits, curves, examples, visualised):
        content = drawing.content()
        write_whole(folder / drawing.file, content)
        shown.setdefault(drawing.section, []).append(
            embedded(drawing.name, content, drawing.alt, drawing.caption)
        )
    page = folder / "report.html"
    not_made = [each.missing for each in visualised if each.missing]
    write_whole(page, render(card, specs, Score(json.loads(text)), shown, command, not_made))
    return page


def render(
    card: Scorecard,
    specs: Sequence[Spec],
    score: Score,
    shown: Mapping[str, Sequence[Shown]],
    command: str = "",
    not_made: Sequence[str] = (),
) -> str:
    """The page. `not_made` has the reasons why visualisations are missing."""
    probes = [probe_of(spec.theory) for spec in specs]
    drawn = " and ".join(dict.fromkeys(f"{probe.name}s" for probe in probes))
    quantities, headline = shown_quantities(card), card.headline_quantity
    labelled = any(quantity.needs_target for quantity in quantities)
    return template("page.html.jinja").render(
        card=card,
        theories=[(spec.theory, theory_words(spec.theory)) for spec in specs],
        figure=score.figure,
        interval=score.interval,
        contents=CONTENTS,
        limits=list(limits(card))[:FIRST],
        more_limits=list(limits(card))[FIRST:],
        picture_kinds=picture_kinds(card.header.images),
        warnings=warnings(card),
        strangely_bound=strangely_bound(card),
        best=_best(card),
        summary=[_place(card, row.condition) | {"words": row.words} for row in summary(card)],
        tuned_here=tuned_on_host(card),
        cheapest=cheapest_ablation(card),
        labelled=labelled,
        unit_order=_unit_order(card),
        silent=SILENT.format(drawn),
        worst_drawn=_worst_drawn(card),
        drawn=drawn,
        sized=any(len(probe.radii_px) > 1 for probe in probes),
        chance=number(TOP, 2),
        firing=_firing(card),
        borders=_extremes(card, "border_false_alarms"),
        border_sites=list({unit.border_positions: i for i, unit in enumerate(card.units)}.values()),
        invariances=[
            key.removeprefix("trained.invariance ")
            for key in card.tuning
            if key.startswith("trained.invariance ")
        ],
        conditions=_conditions(card),
        recoveries=_recoveries(),
        leans=LEANS,
        no_output=NO_OUTPUT,
        columns=[
            {"key": each.key, "label": each.label, "digits": digits(each)} for each in quantities
        ],
        headline={
            "name": headline.name,
            "key": headline.key,
            "label": headline.label,
            "digits": digits(headline),
        },
        quantities=[(each.name, each.label) for each in quantities] + [("consumer", "next layer")],
        not_made=not_made,
        shown={**dict.fromkeys(SECTIONS, ()), **shown},
        made=list(made(card, command)),
    )


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
