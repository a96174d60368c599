"""A survey's progress on the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from workbench.progress import Counter


@contextmanager
def shown() -> Iterator[Counter]:
    """Give a callback for `survey(progress=...)` that draws one bar a stage on standard error.

    The bars are there within the `with` block.
    """
    columns = (
        TextColumn("{task.description:>9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        stages: dict[str, TaskID] = {}

        def show(name: str, done: int, total: int) -> None:
            if name not in stages:
                stages[name] = bars.add_task(name, total=total)
            bars.update(stages[name], completed=done)

        yield show
