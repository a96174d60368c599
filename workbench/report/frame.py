"""Figures as a pandas data frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    import pandas


def frame(rows: Mapping[Any, Mapping[str, Any]]) -> pandas.DataFrame:
    """A row for each key, a column for each figure; keys that are tuples give levels of the index.

    Raises WorkbenchError where pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise WorkbenchError(
            "to_frame",
            "pandas is not installed",
            remedy="pip install pandas, or use to_dict().",
        ) from error
    return pandas.DataFrame.from_dict(rows, orient="index")
