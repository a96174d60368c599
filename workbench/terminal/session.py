"""The session of a command: its progress bars, its pictures, its cache and its output.

A progress bar for each stage is drawn on standard error; if that is no terminal, a line is printed
now and then instead.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from workbench.allocator import give_freed_memory_back, keep_freed_memory
from workbench.engine import here

if TYPE_CHECKING:
    from workbench.cache import Cache
    from workbench.engine import Engine
    from workbench.vision.pictures import Picture
    from workbench.work import Work

CPU = "cpu"  # as in workbench.arrays.devices, which would load torch
LINE_EVERY_S = 30.0  # without a terminal, where Rich would draw its bars only at the end


class RateColumn(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """The rate as text, empty before the first step."""
        speed = (
            task.finished_speed
            or task.speed
            or (task.completed / task.elapsed if task.completed and task.elapsed else 0)
        )
        return Text(f"{speed:.0f}/s" if speed >= 100 else f"{speed:.3g}/s" if speed else "")


class Session:
    """A command's progress bars and cache; use as a context."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            RateColumn(),
            TimeRemainingColumn(),
        )
        self.progress = Progress(*columns, console=Console(stderr=True))
        self.counted: dict[str, TaskID] = {}
        self.line_at = time.monotonic()
        self.kept: Cache | None = None

    def __enter__(self) -> "Session":
        keep_freed_memory()
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self.progress.tasks:
            self.progress.stop()
        if self.kept and not error:
            from workbench.cache import forget

            forget(self.kept)

    def stage(self, name: str, total: int) -> Callable[..., None]:
        """Start the bar of a stage of `total` steps.

        The result is called with the number of steps done, and with a note to show after the name.
        """
        task = self._begun(name, total)

        def advance(steps: int, note: str = "") -> None:
            self.progress.update(task, advance=steps, description=f"{name} {note}".rstrip())
            self._advanced(task)

        return advance

    def counter(self, name: str, done: int, total: int) -> None:
        """Set the bar of a stage to `done` of `total` steps."""
        if name not in self.counted:
            self.counted[name] = self._begun(name, total)
        self.progress.update(self.counted[name], completed=done, total=total)
        self._advanced(self.counted[name])

    def _begun(self, name: str, total: int) -> TaskID:
        """Add a stage.

        The first one starts the display, so that an error before it has no empty line above.
        """
        self.progress.start()
        return self.progress.add_task(name, total=total)

    def say(self, line: str) -> None:
        """Print a line on standard error, above the bars."""
        self.progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _advanced(self, stage: TaskID) -> None:
        """Give the memory of a stage back at its end, and print its progress (`_line`)."""
        (task,) = (task for task in self.progress.tasks if task.id == stage)
        if task.finished:
            give_freed_memory_back()
        self._line(task)

    def _line(self, task: Task) -> None:
        """Print the progress of a stage, without a terminal and not too often."""
        if self.progress.console.is_terminal or time.monotonic() - self.line_at < LINE_EVERY_S:
            return
        self.line_at = time.monotonic()
        left = (
            ""
            if task.time_remaining is None
            else f", {timedelta(seconds=round(task.time_remaining))} left"
        )
        rate = RateColumn().render(task)
        self.say(f"{task.description}: {task.completed:.0f} of {task.total:.0f}, {rate}{left}")

    def pictures(
        self, folder: Path | None, skip_broken: bool, part: str, most: int | None = None
    ) -> "list[Picture]":
        """The pictures of a folder, at most the first `most` by content hash.

        Without a folder they are photographs that come with a dependency: the "headline" or the
        "calibration" `part` of them.
        """
        from workbench.vision.pictures import first_by_content, photographs
        from workbench.vision.pictures import folder as read

        if folder is None:
            return photographs(part)
        pictures = read(folder, skip_broken, self.say)
        return pictures if most is None else first_by_content(pictures, most)

    def cache(self, no_cache: bool) -> "Cache":
        """The command's cache (`command_cache`).

        The run is identified by the command's options and the working directory. Entries that are
        kept for this run alone are deleted when the session ends without an error.
        """
        from workbench.cache import cache_key, command_cache

        command = click.get_current_context()
        self.kept = command_cache(
            cache_key(Path.cwd(), command.info_name, sorted(command.params.items())), no_cache
        )
        return self.kept

    def work(self, seed: int, no_cache: bool, engine: "Engine" = here, device: str = CPU) -> "Work":
        """The command's bars, its cache, and the options that say how it computes."""
        from workbench.work import Work

        return Work(self.stage, self.counter, self.cache(no_cache), engine, seed, device)

    def print(self, *what: Any) -> None:
        """Print to standard output."""
        Console().print(*what)

    def print_result(self, as_json: bool, text: str, table: Any, *files: Path) -> None:
        """Print a result: its document if JSON was asked for, else its table and its files."""
        if as_json:
            click.echo(text, nl=False)
        else:
            self.print(table)
            click.echo(f"{files[0].stem}: {', '.join(map(str, files))}")
