"""Groups of commands: errors without a traceback, suggestions, and commands loaded when needed."""

import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import click

from workbench.code import code_version
from workbench.errors import WorkbenchError, nearest
from workbench.terminal.process import EndedError, output_checked, signals_as_interrupts

INTERRUPTED = 128 + signal.SIGINT


def _print_error(error: WorkbenchError) -> None:
    with suppress(OSError):  # the exit code is left if standard error cannot be written
        click.secho("error: ", fg="red", bold=True, err=True, nl=False)
        click.echo(str(error), err=True)


class Commands(click.Group):
    """Print a WorkbenchError without a traceback, and suggest the command that was meant."""

    def main(self, *arguments: Any, **more: Any) -> Any:
        """Run the command line. Exits with 2 if standard output cannot be written."""
        try:
            with signals_as_interrupts(), output_checked():
                return super().main(*arguments, **more)
        except WorkbenchError as error:
            _print_error(error)
            sys.exit(error.exit_code)

    def invoke(self, context: click.Context) -> Any:
        """Run a command. Exits with the error's code, or with 128 + N after the signal N."""
        code_version()  # before a command loads the modules that compute
        try:
            return super().invoke(context)
        except WorkbenchError as error:
            _print_error(error)
            context.exit(error.exit_code)
        except KeyboardInterrupt as error:
            with suppress(OSError):  # after SIGHUP there may be no terminal
                click.echo(
                    "interrupted: no file is half-written. Run the same command again to continue "
                    "from the parts that are finished and cached.",
                    err=True,
                )
            context.exit(error.exit_code if isinstance(error, EndedError) else INTERRUPTED)

    def resolve_command(
        self, context: click.Context, words: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the words name. Raises UsageError with the nearest name."""
        if words and self.get_command(context, words[0]) is None and not words[0].startswith("-"):
            raise click.UsageError(f"no command {words[0]!r}. {self.remedy(words[0])}", context)
        return super().resolve_command(context, words)

    def remedy(self, word: str) -> str:
        """A sentence for a word that is no command."""
        return nearest(word, self.list_commands(click.Context(self)))


class CommandRow(Protocol):
    """A command that is not loaded yet."""

    @property
    def section(self) -> str:
        """The section of the help that lists it."""

    @property
    def name(self) -> str:
        """The word that is typed."""

    @property
    def summary(self) -> str:
        """The line about it in the help."""

    def load(self) -> click.Command:
        """Import it."""


class LazyCommands(Commands):
    """A group whose commands are loaded when they run; its help lists them by section.

    `renamed` maps earlier names of commands to the present ones, `renamed_options` those of their
    options; the error for an earlier name gives the present one.
    """

    def __init__(
        self,
        *arguments: Any,
        rows: Sequence[CommandRow],
        sections: Sequence[str],
        renamed: Mapping[str, str],
        renamed_options: Mapping[str, str],
        **more: Any,
    ):
        super().__init__(*arguments, **more)
        self.rows = {row.name: row for row in rows}
        self.sections, self.renamed, self.renamed_options = sections, renamed, renamed_options

    def list_commands(self, context: click.Context) -> list[str]:
        """Every command, in the order of the rows."""
        return list(self.rows)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Load a command; None if there is none of that name."""
        return self.rows[name].load() if name in self.rows else None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list of commands for each section."""
        for section in self.sections:
            rows = [row for row in self.rows.values() if row.section == section]
            with formatter.section(section):
                formatter.write_dl([(row.name, row.summary) for row in rows])

    def remedy(self, word: str) -> str:
        """As in `Commands`; for a renamed command, its present name."""
        if word in self.renamed:
            return f"It is called {self.renamed[word]!r} now."
        return super().remedy(word)

    def invoke(self, context: click.Context) -> Any:
        """As in `Commands`; for a renamed option, an error with its present name."""
        try:
            return super().invoke(context)
        except click.NoSuchOption as error:
            if new := self.renamed_options.get(error.option_name):
                raise click.UsageError(
                    f"no option {error.option_name}. It is called {new} now.", error.ctx
                ) from error
            raise
