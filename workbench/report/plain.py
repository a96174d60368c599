"""The style of tables in a terminal: without lines, and narrow.

Where the columns do not fit, each row is written in lines of its own, so that nothing is cut.
"""

import re
from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

FOLDED = 16  # columns of the terminal that a column of names, which may be folded, wants at most
WIDE = 10_000


def plain_table(**more: Any) -> Table:
    """An empty table in the project's style; `more` are parameters of rich's Table."""
    return _Plain(
        box=None, pad_edge=False, padding=(0, 1), header_style="dim", collapse_padding=True, **more
    )


class _Plain(Table):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = options.update(width=WIDE)
        needed = [_needed(column, console, wide) for column in self.columns]
        spare = options.max_width - (sum(needed) + len(needed) - 1)
        if spare < 0:
            yield from self._stacked(console)
            return
        wanted = [
            max(0, _widest(column, console, wide) - width)
            for column, width in zip(self.columns, needed, strict=True)
        ]
        order = sorted(range(len(wanted)), key=lambda i: wanted[i])
        for left, i in zip(range(len(order), 0, -1), order, strict=True):
            more = min(wanted[i], spare // left)  # those that want little leave the rest to others
            self.columns[i].width, spare = needed[i] + more, spare - more
        yield from super().__rich_console__(console, options)

    def _stacked(self, console: Console) -> Iterator[Text | Padding]:
        """Every row as a line with its first cell, and its other cells below, with their titles.

        The first column's title stands above all rows.
        """
        if self.title:
            yield Text(str(self.title))
        titles = [_title(str(column.header)) for column in self.columns]
        if titles[0]:
            yield Text(titles[0], "dim")
        rows = zip(*(column.cells for column in self.columns), strict=True)
        for (first, *others), row in zip(rows, self.rows, strict=True):
            texts = [console.render_str(str(cell).replace("\n", " ")) for cell in (first, *others)]
            style = row.style or ""
            if texts[0].plain:
                yield Text(style=style).append_text(texts[0])
            pairs = [
                Text(f"{title} ", "dim").append_text(text)
                for title, text in zip(titles[1:], texts[1:], strict=True)
                if text.plain
            ]
            yield Padding(Text(", ").join(pairs), (0, 0, 0, 2), style=style)


def _needed(column: Column, console: Console, wide: ConsoleOptions) -> int:
    """The width that a column wants: long names may be folded; figures and titles may not."""
    if column.overflow != "fold":
        return _widest(column, console, wide)
    title, *cells = (
        Measurement.get(console, wide, cell).minimum for cell in (column.header, *column.cells)
    )
    return max(title, min(FOLDED, max(cells, default=0)), column.min_width or 0)


def _widest(column: Column, console: Console, wide: ConsoleOptions) -> int:
    """The width of a column without a fold."""
    cells = (column.header, *column.cells)
    return max(Measurement.get(console, wide, cell).maximum for cell in cells)


def _title(header: str) -> str:
    """A title in one line; a name that stands in two lines, after a hyphen, is joined again."""
    return re.sub(r"(?<=[-_])\n", "", header).replace("\n", " ").strip()
