"""The types of options and arguments, which refuse wrong values before any work.

A value that could not be used is a usage error: one line, and exit code 2.
"""

import math
import os
import stat
from pathlib import Path
from typing import Any

import click

from workbench.files import file_mode, is_stream
from workbench.shipped import given_or_shipped

LONGEST_NAME = 255  # bytes of a file's name, on all usual file systems
MOST = 2**31 - 1


class Name(click.ParamType):
    """A name, or a name with a path: printable text, each part of at most LONGEST_NAME bytes."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The value itself."""
        if not value.isprintable() or not value.strip():
            self.fail(f"{value!r} is no printable name.", param, ctx)
        if max(len(part.encode()) for part in value.split("/")) > LONGEST_NAME:
            self.fail(f"'{value[:20]}…' is a name of over {LONGEST_NAME} bytes.", param, ctx)
        return value


class Place(click.ParamType):
    """A path to read: of a file or a folder, or of nothing (the reader of the file says so)."""

    name = "path"

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """The path."""
        if "\0" in str(value) or not str(value):
            self.fail(f"{str(value)!r} is no path.", param, ctx)
        try:
            problem = self.problem(Path(value))
        except OSError as error:
            problem = f"cannot be used ({error.strerror})"
        if problem:
            self.fail(f"{value}: {problem}", param, ctx)
        return Path(value)

    def problem(self, path: Path) -> str:
        """Why the path cannot be used, or nothing. Raises OSError if it cannot be looked at."""
        try:
            mode = file_mode(path)
        except NotADirectoryError:
            return ""
        if mode is None or stat.S_ISREG(mode) or stat.S_ISDIR(mode):
            return ""
        return "is a device or a named pipe; expected a file or a folder."


class ExistingFile(Place):
    """A path of a file that exists."""

    def problem(self, path: Path) -> str:
        """As `Place.problem`, also for a file that does not exist."""
        return super().problem(path) or ("" if path.is_file() else "does not exist.")


class ShippedFile(Place):
    """A theory or a circuit file: a path, or the name of one that comes with the workbench."""

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """The path; that of the shipped file, where there is none of the user's."""
        return given_or_shipped(super().convert(value, param, ctx))


class OutputFile(Place):
    """A path of a file to write."""

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """The path. A path that ends in / is one of a folder."""
        if str(value).endswith("/"):
            self.fail(f"{value}: ends as a folder; expected a file to write.", param, ctx)
        return super().convert(value, param, ctx)

    def problem(self, path: Path) -> str:
        """As `Place.problem`, also for a folder that cannot be made or written."""
        mode = file_mode(path)
        if is_stream(path, mode):
            return ""
        if mode is not None and not stat.S_ISREG(mode):
            return "is a folder or a named pipe; expected a file to write."
        return _unwritable(Path(os.path.realpath(path)).parent)


class OutputFolder(Place):
    """A path of a folder to write."""

    def problem(self, path: Path) -> str:
        """As `Place.problem`, also for a folder that cannot be made or written."""
        mode = file_mode(path)
        if mode is not None and not stat.S_ISDIR(mode):
            return "is a file; expected a folder to write."
        return _unwritable(Path(os.path.realpath(path)).parent)


def _unwritable(folder: Path) -> str:
    """Why files cannot be made in a folder, which is made if it does not exist."""
    while file_mode(folder) is None:
        folder = folder.parent
    if not folder.is_dir():
        return f"{folder} is a file; expected a folder."
    return "" if os.access(folder, os.W_OK) else f"{folder} cannot be written."


class Number(click.FloatRange):
    """A finite number within a range."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


NAME, FILE, EXISTING_FILE, SHIPPED_FILE = Name(), Place(), ExistingFile(), ShippedFile()
OUTPUT_FILE, OUTPUT_FOLDER = OutputFile(), OutputFolder()
SEEDS = click.IntRange(0, 2**63 - 1)


def count(least: int = 1) -> click.IntRange:
    """The type of a count with a minimum."""
    return click.IntRange(least, MOST)
