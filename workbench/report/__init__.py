"""Reports of a scorecard: terminal table, score.json, pictures and an HTML file.

Importing this package imports no matplotlib.
"""

from typing import TYPE_CHECKING, Any

from workbench.report.table import table

if TYPE_CHECKING:
    from workbench.report.html import write_report

__all__ = ["table", "write_report"]


def __getattr__(name: str) -> Any:
    if name != "write_report":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from workbench.report.html import write_report

    return write_report
