"""The page of the full report: self-contained, without network or script."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from rich.console import Console, RenderableType

from workbench.analyses.registry import Section
from workbench.full_report.arguments import sections
from workbench.report.html import Shown, embedded, template

WIDTH = 110  # characters of a table's line


@dataclass(frozen=True)
class FinishedPart:
    """A part of the page: the folder of its files, its table as HTML, what it does not show."""

    folder: Path
    table: str
    not_shown: tuple[str, ...]


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
        not_shown=list(dict.fromkeys(text for part in parts.values() for text in part.not_shown)),
        made=made,
    )


def _pictures(section: Section, parts: Mapping[str, FinishedPart]) -> list[Shown]:
    files = [
        (part, file)
        for part, pattern in section.pictures
        if part in parts
        for file in sorted(parts[part].folder.glob(f"{pattern}.png"))
    ]
    return [
        embedded(
            f"{part}-{file.stem}",
            file.read_bytes(),
            f"{section.title}: {file.stem}.",
            f"{part}/{file.name}",
        )
        for part, file in files
    ]


def _tables(section: Section, parts: Mapping[str, FinishedPart]) -> list[Markup]:
    return [Markup(parts[part].table) for part in section.tables if part in parts]
