"""The style of tables in a terminal: without lines, and narrow."""

from typing import Any

from rich.table import Table


def plain_table(**more: Any) -> Table:
    """An empty table in the project's style; `more` are parameters of rich's Table."""
    return Table(
        box=None, pad_edge=False, padding=(0, 1), header_style="dim", collapse_padding=True, **more
    )
