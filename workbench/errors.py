"""The error that the workbench raises for everything that a user can fix."""

import difflib
import textwrap
from collections.abc import Iterable
from typing import Any

LETTERS, OPTIONS = 100, 1000  # of names that are compared, and how many are compared with one
LISTED = 100  # names that a remedy lists


class WorkbenchError(Exception):
    """Bad input, described so that it can be fixed.

    The command line prints it without a traceback and exits with `exit_code`.

    where     file, line and key, or the layer or command
    problem   what is there, or what is wrong with it
    expected  what should be there (may be empty)
    remedy    what to do (may be empty)
    """

    exit_code = 2

    def __init__(self, where: str, problem: str, expected: str = "", remedy: str = ""):
        self.where, self.problem, self.expected, self.remedy = where, problem, expected, remedy
        super().__init__(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle all fields; Python's own way would call the class with the message alone."""
        return type(self).__new__, (type(self),), vars(self)

    def __str__(self) -> str:
        expected = f"; expected {self.expected}" if self.expected else ""
        remedy = f". {self.remedy}" if self.remedy else ""
        return f"{self.where}: {self.problem}{expected}{remedy}"


def closest(name: str, known: Iterable[str]) -> str:
    """The name in `known` that is nearest to `name`; empty if none is near.

    A name of more than LETTERS is not compared, nor are more than OPTIONS: that takes minutes.
    """
    options = [option for option in known if len(option) <= LETTERS]
    if len(name) > LETTERS or len(options) > OPTIONS:
        return ""
    return next(iter(difflib.get_close_matches(name, options, n=1)), "")


def nearest(name: str, known: Iterable[str]) -> str:
    """A remedy for a misspelt `name`: the nearest one of `known`, or the list of them.

    Empty where nothing is known.
    """
    options = sorted(map(str, known))
    if close := closest(str(name), options):
        return f"Did you mean {close!r}?"
    if not options:
        return ""
    more = f" and {len(options) - LISTED} more" if len(options) > LISTED else ""
    return f"Known: {', '.join(options[:LISTED])}{more}."


def described(error: Exception) -> str:
    """The type and the first words of an error that is not the workbench's, on one line."""
    return f"{type(error).__name__}: {textwrap.shorten(str(error), 200, placeholder=' ...')}"
