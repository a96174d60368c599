"""The tables that a terminal shows: without lines, as narrow as they can be."""

from typing import Any

from rich.table import Table


def plain_table(**more: Any) -> Table:
    """An empty table in the house's style; `more` is as of rich's Table."""
    return Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim", collapse_padding=True, **more)
