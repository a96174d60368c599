"""What a command shows while it works: one progress bar a stage, on standard error; and the pictures that its options name."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from workbench.pictures import Picture


class Session:
    """A command's progress display; use as a context."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=Console(stderr=True))
        self.counted: dict[str, TaskID] = {}

    def __enter__(self) -> "Session":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def stage(self, name: str, total: int) -> Callable[..., None]:
        """A stage of `total` steps; call the result with the steps done, and what to say beside the name."""
        task = self.progress.add_task(name, total=total)

        def advance(steps: int, said: str = "") -> None:
            self.progress.update(task, advance=steps, description=f"{name} {said}".rstrip())

        return advance

    def counter(self, name: str, done: int, total: int) -> None:
        """Show a stage that reports how far it is."""
        if name not in self.counted:
            self.counted[name] = self.progress.add_task(name, total=total)
        self.progress.update(self.counted[name], completed=done, total=total)

    def pictures(self, folder: Path | None, skip_broken: bool, part: str, most: int | None = None) -> "list[Picture]":
        """The pictures of a folder, or those that come with a dependency: the "headline" part or the "calibration" part. Of a folder the `most`
        that come first by content hash."""
        from workbench.pictures import first_by_content, photographs
        from workbench.pictures import folder as read

        if folder is None:
            return photographs(part)
        found = read(folder, skip_broken)
        return found if most is None else first_by_content(found, most)

    def print(self, *what: Any) -> None:
        """Print to standard output."""
        Console().print(*what)

    def tell(self, as_json: bool, text: str, table: Any, *files: Path) -> None:
        """A command's result: its document where JSON was asked for, else the table and the files that were written."""
        if as_json:
            click.echo(text, nl=False)
        else:
            self.print(table)
            click.echo(f"{files[0].stem}: {', '.join(map(str, files))}")
