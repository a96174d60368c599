"""The page of the full report: self-contained, without network or script."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from rich.console import Console, RenderableType

from workbench.analyses.registry import Section
from workbench.full_report.arguments import SUMMARY, sections
from workbench.report.embedding import Shown, embedded
from workbench.report.html import template

PICTURES = (".png", ".svg")
WIDTH = 110  # characters of a table's line


@dataclass(frozen=True)
class FinishedPart:
    """A part of the page: the folder of its files, its table as HTML, what it leaves open.

    `verdict` and `headline` may be empty; `absent` is the reason why the part could not be made.
    """

    folder: Path
    table: str
    left_open: tuple[str, ...] = ()
    verdict: str = ""
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
        verdicts=[(section, _verdict(section, parts)) for section in sections()],
        left_open=list(dict.fromkeys(text for part in parts.values() for text in part.left_open)),
        not_shown=[part.absent for part in parts.values() if part.absent],
        made=made,
    )


def _verdict(section: Section, parts: Mapping[str, FinishedPart]) -> str:
    """What the documents of a section's parts judge, in words."""
    names = section.tables or [part for part, _ in section.pictures]
    shown = [parts[name] for name in names if name in parts]
    verdicts = [part.verdict for part in shown if part.verdict]
    if verdicts:
        return "; ".join(verdicts)
    return "not shown" if any(part.absent for part in shown) else "no verdict: figures only"


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
