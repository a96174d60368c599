"""Prints of `workbench studio --print`: the score, responses to a stimulus, the worst place."""

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.errors import WorkbenchError, nearest
from workbench.terminal.types import NAME

if TYPE_CHECKING:
    from workbench.studio.answers import Asked, Stimulus
    from workbench.studio.studio import Files


@dataclass(frozen=True)
class Printed:
    """The options about printing, as one parameter of the command."""

    prints: bool
    stimulus: "Stimulus | Path | None"
    worst: str | None


def PRINT(command: Callable[..., None]) -> Callable[..., None]:  # noqa: N802 (a decorator)
    """Add `--print`, `--stimulus` and `--worst`, which become the command's `printed`."""

    @functools.wraps(command)
    def with_printed(
        prints: bool, stimulus_text: str | None, worst: str | None, **words: Any
    ) -> None:
        stimulus = None if stimulus_text is None else _stimulus(stimulus_text)
        for option, value in (("--stimulus", stimulus), ("--worst", worst)):
            if value and not prints:
                raise WorkbenchError(option, "without --print", f"--print {option} ...")
        if stimulus and worst:
            raise WorkbenchError("--worst", "with --stimulus", "one of the two")
        command(printed=Printed(prints, stimulus, worst), **words)

    stimulus_option = click.option(
        "--stimulus",
        "stimulus_text",
        metavar="DEG,PX[,PX]|FILE",
        help="With --print: print each unit's activation for a stimulus, by the direction of its "
        "centre of curvature, its radius and the width of its line, as in 45,24 or 45,24,6, or for "
        "a picture file.",
    )
    worst_option = click.option(
        "--worst",
        type=NAME,
        metavar="UNIT|any",
        help="With --print: print where trained and handwritten activation of a unit, as in "
        "fire5:38, differ most, and what each term of the theory adds there.",
    )
    prints_option = click.option(
        "--print", "prints", is_flag=True, help="Print the quick score and open no page."
    )
    return prints_option(stimulus_option(worst_option(with_printed)))


def print_answer(files: "Files", printed: Printed) -> None:
    """Print what was asked for."""
    from workbench.spec.source import text_of

    asked = files.asked(text_of(files.spec_file))
    if printed.stimulus:
        lines = _response_lines(asked, printed.stimulus)
    elif printed.worst:
        lines = _worst_lines(asked, printed.worst)
    else:
        lines = _score_lines(asked)
    for line in lines:
        click.echo(line)


def _score_lines(asked: "Asked") -> Iterator[str]:
    from workbench.studio.axis import figure_text
    from workbench.studio.kinds import kind_of

    score = import_module(kind_of(asked.text).tasks).quick_score(asked)
    for shown in filter(None, (score, score.second)):
        yield f"{shown.label}, {shown.sample}"
        for row in shown.rows:
            ends = () if row.low is None else (row.low, row.high)
            interval = " to ".join(map(figure_text, ends))
            pearson = "" if row.pearson is None else f"  Pearson {figure_text(row.pearson)}"
            yield f"{figure_text(row.value):>6}  {row.words}  {interval}{pearson}".rstrip()


def _response_lines(asked: "Asked", stimulus: "Stimulus | Path") -> Iterator[str]:
    from workbench.studio.measure import given_picture, stimulus_answer
    from workbench.vision.pictures.files import read

    if not isinstance(stimulus, Path):
        shown = replace(asked, stimulus=stimulus)
    elif asked.circuit_file:
        picture = given_picture(str(stimulus), read(str(stimulus)), asked.circuit_file)
        shown = replace(asked, stimulus=picture)
    else:
        shown = asked  # which is refused
    yield "unit, its pose, trained and handwritten activation"
    for unit in stimulus_answer(shown).responses:
        figures = f"{unit.direction_deg:6.1f}° {unit.trained:9.3f} {unit.handwritten:9.3f}"
        yield f"{unit.unit:>12} {figures}"


def _worst_lines(asked: "Asked", unit: str) -> Iterator[str]:
    from workbench.spec import load_circuit
    from workbench.studio.address import ANY
    from workbench.studio.measure import worst_answer
    from workbench.studio.parts import worst_lines

    if asked.circuit_file and unit != ANY:
        trained = load_circuit(asked.circuit_file)
        names = [f"{trained.site}:{row.unit}" for row in trained.units]
        if unit not in names:
            expected = f"{ANY} or a unit of {asked.circuit_file}"
            raise WorkbenchError("--worst", unit, expected, nearest(unit, names))
    yield from worst_lines(worst_answer(replace(asked, unit="" if unit == ANY else unit)))


def _stimulus(text: str) -> "Stimulus | Path":
    """The stimulus of an option, or the path of a picture file. Raises WorkbenchError."""
    from workbench.studio.address import RADII_PX, WIDTHS_PX, stimulus_of

    if stimulus := stimulus_of(text):
        return stimulus
    if os.path.isfile(text):
        return Path(text)
    (low, high), (thin, wide) = RADII_PX, WIDTHS_PX
    expected = (
        f"degrees and a radius from {low:g} to {high:g} pixels, as in 45,24, with a width from "
        f"{thin:g} to {wide:g}, as in 45,24,6, or a picture file"
    )
    raise WorkbenchError("--stimulus", f"{text!r}", expected)
