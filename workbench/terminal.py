"""What a command shows while it works: one progress bar a stage, on standard error, and where that is no terminal a line now and then; and the
pictures that its options name."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from workbench.cache import Cache
    from workbench.pictures import Picture

LINE_EVERY_S = 30.0  # where standard error is no terminal: Rich draws its bars there at the end only


class RateColumn(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed or (task.completed / task.elapsed if task.completed and task.elapsed else 0)
        return Text(f"{speed:.0f}/s" if speed >= 100 else f"{speed:.3g}/s" if speed else "")


class Session:
    """A command's progress display; use as a context."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), RateColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=Console(stderr=True))
        self.counted: dict[str, TaskID] = {}
        self.line_at = time.monotonic()
        self.kept: Cache | None = None

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self.progress.tasks:
            self.progress.stop()
        if self.kept and not error:
            from workbench.cache import forget

            forget(self.kept)

    def stage(self, name: str, total: int) -> Callable[..., None]:
        """A stage of `total` steps; call the result with the steps done, and what to say beside the name."""
        task = self._begun(name, total)

        def advance(steps: int, said: str = "") -> None:
            self.progress.update(task, advance=steps, description=f"{name} {said}".rstrip())
            self._line(task)

        return advance

    def counter(self, name: str, done: int, total: int) -> None:
        """Show a stage that reports how far it is."""
        if name not in self.counted:
            self.counted[name] = self._begun(name, total)
        self.progress.update(self.counted[name], completed=done, total=total)
        self._line(self.counted[name])

    def _begun(self, name: str, total: int) -> TaskID:
        """A stage; with the first one the bars appear, so that an error before it has no empty line above."""
        self.progress.start()
        return self.progress.add_task(name, total=total)

    def say(self, line: str) -> None:
        """A line on standard error, above the bars."""
        self.progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _line(self, stage: TaskID) -> None:
        """How far a stage is, where no bar can be seen and nothing was said for a while."""
        if self.progress.console.is_terminal or time.monotonic() - self.line_at < LINE_EVERY_S:
            return
        self.line_at = time.monotonic()
        (task,) = (task for task in self.progress.tasks if task.id == stage)
        left = "" if task.time_remaining is None else f", {timedelta(seconds=round(task.time_remaining))} left"
        self.say(f"{task.description}: {task.completed:.0f} of {task.total:.0f}, {RateColumn().render(task)}{left}")

    def pictures(self, folder: Path | None, skip_broken: bool, part: str, most: int | None = None) -> "list[Picture]":
        """The pictures of a folder, or those that come with a dependency: the "headline" part or the "calibration" part. Of a folder the `most`
        that come first by content hash."""
        from workbench.pictures import first_by_content, photographs
        from workbench.pictures import folder as read

        if folder is None:
            return photographs(part)
        found = read(folder, skip_broken, self.say)
        return found if most is None else first_by_content(found, most)

    def cache(self, anew: bool) -> "Cache":
        """What the command keeps and reads (`command_cache`), known by its words and folder; what is for this run alone goes when the session ends
        well."""
        from workbench.cache import command_cache, known_by

        command = click.get_current_context()
        self.kept = command_cache(known_by(Path.cwd(), command.info_name, sorted(command.params.items())), anew)
        return self.kept

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
