"""The report of a scorecard: a folder with score.json, pictures and report.html.

The page is self-contained, and needs neither network nor script.
"""

import base64
import importlib.metadata
import json
import platform
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.files import write_whole
from workbench.report.conditions import (
    LEANS,
    MISSING,
    NO_OUTPUT,
    digits,
    number,
    ordered,
    reaching,
    shown_quantities,
    strangely_bound,
    warnings,
)
from workbench.report.drawings import drawings, png
from workbench.report.limits import limits
from workbench.report.words import theory_words
from workbench.score.agreement import TOP
from workbench.score.document import to_json
from workbench.score.recovery import ABLATIONS
from workbench.score.scorecard import Scorecard
from workbench.spec import Spec
from workbench.vision.examples import Example
from workbench.vision.tuning import TuningCurves, probe_of

CONTENTS = (
    ("headline", "Headline"),
    ("theory", "The theory in words and numbers"),
    ("kernels", "Kernels"),
    ("units", "Units"),
    ("tuning", "Tuning"),
    ("patches", "Where they agree and where they do not"),
    ("ledger", "Ledger of conditions and controls"),
    ("cost", "Cost and provenance"),
    ("made", "How it was made"),
)
PACKAGES = ("numpy", "scipy")
SILENT = "no response to drawn {}"  # stimuli of the tuning curves, such as arcs


def write_report(
    folder: Path,
    card: Scorecard,
    specs: Sequence[Spec],
    circuits: Sequence[HandwrittenCircuit],
    curves: Sequence[TuningCurves],
    examples: Sequence[Example],
    command: str = "",
) -> Path:
    """Write score.json, PNG pictures and report.html to `folder`, and return the page's path.

    `specs`, `circuits` and `curves` are in the order of the card's theories. `command` is the
    user's command line, for the record. Raises WorkbenchError if the folder cannot be written.
    """
    folder = Path(folder)
    text = to_json(card)
    write_whole(folder / "score.json", text)
    shown: dict[str, list[Shown]] = {}
    for drawing in drawings(card, circuits, curves, examples):
        content = png(drawing.figure)
        write_whole(folder / f"{drawing.name}.png", content)
        shown.setdefault(drawing.section, []).append(
            embedded(drawing.name, content, drawing.alt, drawing.caption)
        )
    page = folder / "report.html"
    write_whole(page, render(card, specs, Score(json.loads(text)), shown, command))
    return page


@dataclass(frozen=True)
class Shown:
    """A picture that is embedded in the page."""

    name: str
    source: str
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True)
class Score:
    """The values of score.json; a path of keys joined by `/` names a figure."""

    values: Mapping[str, Any]

    def at(self, path: str) -> Any:
        """The value at a path; None if a value on the path is missing.

        Raises KeyError for a path that does not exist.
        """
        value: Any = self.values
        for key in path.split("/"):
            if value is None:
                return None
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    def figure(self, path: str, digits: int, reason: str = "") -> Markup:
        """A rounded figure, with its full value in the markup.

        If there is none, it is an en dash with the reason.
        """
        value = self.at(path)
        if value is None:
            why = reason or (missing(path) if self.values["has_output"] else NO_OUTPUT)
            return Markup('<span title="{}">{}</span>').format(why, MISSING)
        shown = f"{value:,}" if isinstance(value, int) else number(value, digits)
        return Markup('<data value="{}" class="{}">{}</data>').format(
            json.dumps(value), path.replace(" ", "_"), shown
        )

    def interval(self, path: str, digits: int, dash: bool = True) -> Markup:
        """A 95 % interval; if there is none, an en dash or nothing."""
        if self.at(path) is None:
            return self.figure(path, digits) if dash else Markup("")
        return Markup("{} to {}").format(
            self.figure(f"{path}/0", digits), self.figure(f"{path}/1", digits)
        )


def template(name: str, package: str = "workbench.report") -> Template:
    """The template of a page in `package`; it may include those of `workbench.report`."""
    loader = ChoiceLoader([PackageLoader(place, ".") for place in (package, "workbench.report")])
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    ).get_template(name)


def missing(path: str) -> str:
    """The reason why a figure is missing."""
    if "top1" in path.split("/") or "top5" in path.split("/"):
        return "the pictures carry no labels that the host knows, or the ablation lost no answer"
    if "recovered" in path:
        return "the ablation lost nothing here, so there is nothing to recover"
    return "could not be measured on these pictures"


def render(
    card: Scorecard,
    specs: Sequence[Spec],
    score: Score,
    shown: Mapping[str, Sequence[Shown]],
    command: str = "",
) -> str:
    """The page."""
    best, probes = card.best_rival, [probe_of(spec.theory) for spec in specs]
    drawn = " and ".join(dict.fromkeys(f"{probe.name}s" for probe in probes))
    quantities, headline = shown_quantities(card), card.headline_quantity
    labelled = any(quantity.needs_target for quantity in quantities)
    return template("page.html.jinja").render(
        card=card,
        theories=[(spec.theory, theory_words(spec.theory)) for spec in specs],
        figure=score.figure,
        interval=score.interval,
        contents=CONTENTS,
        limits=list(limits(card)),
        warnings=warnings(card),
        strangely_bound=strangely_bound(card),
        best_rival=best,
        best_rival_path=best.replace(".", "/") if best else None,
        labelled=labelled,
        unit_order=_unit_order(card),
        silent=SILENT.format(drawn),
        drawn=drawn,
        sized=any(len(probe.radii_px) > 1 for probe in probes),
        chance=number(TOP, 2),
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
        kernels=shown.get("kernels", ()),
        tuning=shown.get("tuning", ()),
        patches=shown.get("patches", ()),
        ledger=shown["ledger"][0],
        made=list(_made(card, command)),
    )


def _conditions(card: Scorecard) -> list[dict[str, Any]]:
    reached = reaching(card)
    return [
        {
            "name": name,
            "path": name.replace(".", "/"),
            "about": card.conditions[name].label,
            "reaches": name in reached,
            "control": name in card.against,
        }
        for name in ordered(card)
    ]


def _unit_order(card: Scorecard) -> list[int]:
    """Indices of the units, by theory and then by pose."""
    of = [theory for theory, score in enumerate(card.theories) for _ in range(score.units)]
    return sorted(range(len(card.units)), key=lambda i: (of[i], card.units[i].direction_deg))


def _recoveries() -> list[dict[str, str]]:
    rows = [
        {"title": f"{ablation} ablation", "path": f"recovered_by/{ablation}"}
        for ablation in ABLATIONS
    ]
    return [*rows, {"title": "zero ablation, pictures where the circuit fires", "path": "fires"}]


def _made(card: Scorecard, command: str) -> Iterator[tuple[str, str]]:
    """Names and values that identify the run."""
    host = (
        card.header.host["name"],
        f"weights {card.header.host['fingerprint']}",
        card.header.host.get("precision"),
    )
    yield "host", ", ".join(filter(None, host))
    for theory in card.theories:
        yield (
            "trained circuit",
            f"{theory.circuit['name']} at {theory.circuit['site']}, {theory.circuit['sha256']}",
        )
        yield "spec", f"{theory.spec['file']}, {theory.spec['sha256']}"
    images, calibration = card.header.images, card.header.calibration
    labelled = f"({images['labelled']} labelled{picture_counts(images)})"
    yield "images", f"{images['n']} {labelled}, {images['sha256']}"
    yield (
        "calibration",
        f"{calibration['n']} pictures{picture_counts(calibration)}, {calibration['sha256']}",
    )
    if card.tuned_on:
        yield "tuned", ", ".join(f"{name} {value}" for name, value in card.tuned_on.items())
    yield "seed", str(card.header.seed)
    yield "computed on", on_what(card.header.computed)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    yield (
        "versions",
        f"workbench {card.header.workbench}, Python {platform.python_version()}, {versions}",
    )
    if command:
        yield "command", command


def picture_counts(pictures: Mapping[str, object]) -> str:
    """The end of a sentence about pictures: how many are copies, how many files were skipped."""
    copies = f", {pictures['copies']} copies of others" if "copies" in pictures else ""
    return copies + (f", {pictures['skipped']} files passed over" if "skipped" in pictures else "")


def on_what(computed: Mapping[str, str]) -> str:
    """A sentence from the facts of `computed_on`."""
    return (
        f"{computed['device']}, statistics by {computed['statistics']}, torch {computed['torch']}"
    )


def embedded(name: str, content: bytes, alt: str, caption: str) -> Shown:
    """Embed a PNG picture at half its size, so that it is sharp on a screen of high density."""
    width, height = struct.unpack(">II", content[16:24])  # from the PNG header
    source = "data:image/png;base64," + base64.b64encode(content).decode()
    return Shown(name, source, width // 2, height // 2, alt, caption)
