"""The text of a theory while it is written: its problems with their places, and its sliders."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.sequences.files import TokenSpec
from workbench.spec import Spec, numbers
from workbench.spec.problems import MOST, SpecError, key_text

AnySpec = Spec | TokenSpec


@dataclass(frozen=True)
class Mark:
    """A problem as `workbench check` prints it, and the characters of the text to underline.

    `line` counts from 1; `start` and `end` are indices of the text.
    """

    message: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Slider:
    """A number with bounds: `path` as `with_tuned` takes it, `key` as messages write it."""

    path: tuple[str | int, ...]
    key: str
    family: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Draft:
    """A text, and its theory or its problems: one of the two is empty."""

    text: str
    spec: AnySpec | None = None
    marks: tuple[Mark, ...] = ()


def read_draft(text: str, path: Path, read: Callable[[str, Path], AnySpec]) -> Draft:
    """The draft of a text, which messages call `path`. `read` raises SpecError (`Kind.read`)."""
    try:
        return Draft(text, read(text, path))
    except SpecError as error:
        return Draft(text, marks=marks_of(text, error))
    except WorkbenchError as error:
        return Draft(text, marks=(Mark(str(error), 1, *_line_span(text, 1, 1)),))


def marks_of(text: str, error: SpecError) -> tuple[Mark, ...]:
    """A mark for each of the first MOST problems, in the order of the text."""
    return tuple(
        Mark(str(problem), problem.line, *_line_span(text, problem.line, problem.column))
        for problem in error.problems[:MOST]
    )


def sliders(spec: AnySpec) -> Iterator[Slider]:
    """A slider for each number of the theory that is marked `tune`, in the order of the theory."""
    for path, number in numbers(spec.theory):
        if number.min is not None and number.max is not None:
            family = str(path[1]) if path[0] == "families" else ""
            yield Slider(path, key_text(path), family, number.tune, number.min, number.max)


def _line_span(text: str, line: int, column: int) -> tuple[int, int]:
    """The characters from a column, from 1, to the end of its line, without spaces at its end.

    At least one character of a text that has one.
    """
    lines = text.split("\n")
    row = min(line, len(lines)) - 1
    before = sum(len(one) + 1 for one in lines[:row])
    length = len(lines[row].rstrip())
    start = min(column - 1, max(length - 1, 0))
    return before + start, min(before + max(length, start + 1), len(text))
