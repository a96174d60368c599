"""The report of a scorecard: a folder with score.json, pictures and report.html.

The page is self-contained, and needs neither network nor script.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.files import write_whole
from workbench.report.drawings import drawings
from workbench.report.embedding import Shown, embedded
from workbench.report.page import Score, template
from workbench.report.provenance import made
from workbench.report.values import page_values
from workbench.report.words import theory_words
from workbench.score.document import to_json
from workbench.score.scorecard import Scorecard
from workbench.spec import Spec
from workbench.vision.examples import Example
from workbench.vision.tuning import TuningCurves
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
    not_made = [pictures.missing for pictures in visualised if pictures.missing]
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
    return template("page.html.jinja").render(
        card=card,
        figure=score.figure,
        interval=score.interval,
        contents=CONTENTS,
        **page_values(card, specs),
        theories=[(spec.theory, theory_words(spec.theory)) for spec in specs],
        not_made=not_made,
        shown={**dict.fromkeys(SECTIONS, ()), **shown},
        made=list(made(card, command)),
    )
