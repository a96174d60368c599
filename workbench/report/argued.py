"""Parts -> the page that makes the arguments: self-contained, without network or script."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup
from rich.console import Console, RenderableType

from workbench.report.arguments import ARGUMENTS, Argument
from workbench.report.html import Shown, embedded, template

WIDTH = 110  # letters of a table


@dataclass(frozen=True)
class Told:
    """A part as the page holds it: where its files are, its table as HTML, and what it leaves open."""

    folder: Path
    table: str
    not_shown: tuple[str, ...]


def as_html(table: RenderableType) -> str:
    """What a terminal would show."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    console.print(table)
    return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def argued(title: str, lead: str, about: str, parts: Mapping[str, Told], made: Sequence[tuple[str, str]]) -> str:
    """The page; `made` are names and values that find the same run again."""
    return template("argued.html.jinja").render(
        title=title,
        lead=lead,
        about=about,
        arguments=[(argument, list(_shown(argument, parts)), _tables(argument, parts)) for argument in ARGUMENTS],
        not_shown=list(dict.fromkeys(said for part in parts.values() for said in part.not_shown)),
        made=made,
    )


def _shown(argument: Argument, parts: Mapping[str, Told]) -> list[Shown]:
    found = []
    for part, pattern in argument.shows:
        folder = parts[part].folder if part in parts else Path()
        for file in sorted(folder.glob(f"{pattern}.png")) if part in parts else ():
            found.append(embedded(f"{part}-{file.stem}", file.read_bytes(), f"{argument.title}: {file.stem}.", f"{part}/{file.name}"))
    return found


def _tables(argument: Argument, parts: Mapping[str, Told]) -> list[Markup]:
    return [Markup(parts[part].table) for part in argument.told if part in parts]
