"""The page of the full report: self-contained, without network or script."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup
from rich.console import Console, RenderableType

from workbench.analyses.registry import Section
from workbench.analyses.request import Verdict
from workbench.full_report.arguments import SUMMARY, sections
from workbench.report.embedding import Shown, embedded
from workbench.report.page import template

PICTURES = (".png", ".svg")
WIDTH = 110  # characters of a table's line


@dataclass(frozen=True)
class FinishedPart:
    """A part of the page: the folder of its files, its table as HTML, what it leaves open.

    `verdicts` are by the section's anchor; `headline` may be empty; `absent` is the reason why the
    part could not be made.
    """

    folder: Path
    table: str
    left_open: tuple[str, ...] = ()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    headline: str = ""
    absent: str = ""


@dataclass(frozen=True)
class Opening:
    """The top of the page: the theory's name, a sentence about the run, one about the theory."""

    title: str
    lead: str
    about: str


def as_html(table: RenderableType) -> str:
    """A table as HTML that looks like a terminal."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    console.print(table)
    return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def render_page(
    opening: Opening, parts: Mapping[str, FinishedPart], made: Sequence[tuple[str, str]]
) -> str:
    """The page as HTML; `made` are names and values that identify the run."""
    verdicts = [(section, _verdict(section, parts)) for section in sections()]
    judged = [verdict.passed for _, verdict in verdicts if verdict.passed is not None]
    return template("full_report.html.jinja", "workbench.full_report").render(
        title=opening.title,
        lead=opening.lead,
        about=opening.about,
        sections=[
            (section, list(_pictures(section, parts)), _tables(section, parts))
            for section in sections()
        ],
        headline=[part.headline for part in parts.values() if part.headline],
        summary=_pictures(SUMMARY, parts),
        verdicts=verdicts,
        passed=f"{sum(judged)} of {len(judged)}",
        left_open=list(dict.fromkeys(text for part in parts.values() for text in part.left_open)),
        not_shown=[part.absent for part in parts.values() if part.absent],
        made=made,
    )


def _verdict(section: Section, parts: Mapping[str, FinishedPart]) -> Verdict:
    """The verdict on a section's argument; none where its part judges nothing or is absent."""
    names = {*section.tables, *(part for part, _ in section.pictures)}
    shown = [parts[name] for name in parts if name in names]
    why = "Not shown." if any(part.absent for part in shown) else "Figures only."
    verdicts = [part.verdicts[section.anchor] for part in shown if section.anchor in part.verdicts]
    return verdicts[0] if verdicts else Verdict(None, why, "")


def _pictures(section: Section, parts: Mapping[str, FinishedPart]) -> list[Shown]:
    return [
        embedded(
            f"{part}-{file.stem}",
            file.read_bytes(),
            f"{section.title}: {file.stem}.",
            f"{part}/{file.name}",
        )
        for part, pattern in section.pictures
        if part in parts
        for file in sorted(parts[part].folder.glob(f"{pattern}.*"))
        if file.suffix in PICTURES
    ]


def _tables(section: Section, parts: Mapping[str, FinishedPart]) -> list[Markup]:
    return [Markup(parts[part].table) for part in section.tables if part in parts]
