"""workbench studio: a page to write a theory and watch the network answer."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.errors import WorkbenchError
from workbench.shipped import INSTALLED, given_or_shipped
from workbench.terminal.options import (
    DEFAULT_HOST,
    HOST,
    ONE_CIRCUIT,
    chosen_circuit,
    known_circuit,
)
from workbench.terminal.types import SHIPPED_FILE

if TYPE_CHECKING:
    from workbench.studio.answers import Stimulus
    from workbench.studio.studio import Files

EXAMPLE = "specs/curve-detectors.yaml"


@click.command()
@click.argument("spec_file", metavar="[SPEC]", required=False, type=SHIPPED_FILE)
@ONE_CIRCUIT
@HOST
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65535),
    help="Port of the page.  [default: a free one]",
)
@click.option("--no-browser", is_flag=True, help="Print the address and open no browser.")
@click.option(
    "--read-only",
    is_flag=True,
    help="Follow the file and write nothing, for people with an editor of their own.",
)
@click.option("--print", "prints", is_flag=True, help="Print the quick score and open no page.")
@click.option(
    "--stimulus",
    "stimulus_text",
    metavar="DEG,PX",
    help="With --print: print each unit's activation for a stimulus, by the direction of its "
    "centre of curvature and its radius, as in 45,24.",
)
def studio(
    spec_file: Path | None,
    circuit_file: Path | None,
    host: str | None,
    port: int,
    no_browser: bool,
    read_only: bool,
    prints: bool,
    stimulus_text: str | None,
) -> None:
    """Write a theory on a page and watch the network answer.

    The page is on this machine alone, at an address that holds a random token. It shows problems,
    kernels and a quick score while the theory is typed, and writes SPEC when it is saved, and no
    other file. Without SPEC it shows a theory that cannot be saved.

    \b
    workbench new my-theory
    workbench studio my-theory/theory.yaml --circuit my-theory/circuit.yaml
    """
    stimulus = None if stimulus_text is None else _stimulus(stimulus_text)
    if stimulus and not prints:
        raise WorkbenchError("--stimulus", "without --print", "--print --stimulus DEG,PX")
    files = _files(spec_file, circuit_file, host, read_only)
    if prints:
        _print(files, stimulus)
        return
    try:
        from workbench.studio.server import serve
    except ImportError as error:
        raise WorkbenchError(
            "workbench studio",
            f"{error.name} is not installed",
            "the extra `studio`",
            "pip install 'handwritten-weights-workbench[studio]'",
        ) from error
    from workbench.studio.studio import Studio

    serve(Studio(files), port, not no_browser, lambda address: click.echo(address))


def _files(
    spec_file: Path | None, circuit_file: Path | None, host: str | None, read_only: bool
) -> "Files":
    """The files of the studio.

    Raises WorkbenchError for a theory of tokens, and for a circuit file that cannot be loaded.
    """
    from workbench.sequences.files import is_of_tokens
    from workbench.studio.studio import Files

    spec = spec_file or given_or_shipped(EXAMPLE)
    if is_of_tokens(spec):
        raise WorkbenchError(
            str(spec), "is a theory of tokens", "a theory of pictures", "Use `workbench score`."
        )
    if circuit_file or host or _has_circuit(spec):
        circuit_file = _loadable(chosen_circuit(spec, circuit_file, host))
    shipped = spec_file is None or spec.is_relative_to(INSTALLED)
    locked = "comes with the workbench and is not written: copy it first" if shipped else ""
    return Files(spec, circuit_file, read_only, locked)


def _has_circuit(spec_file: Path) -> bool:
    """Whether the theory has a default circuit. A theory with problems has none."""
    from workbench.spec import SpecError

    try:
        return known_circuit(spec_file, DEFAULT_HOST) is not None
    except SpecError:
        return False


def _loadable(circuit_file: Path) -> Path:
    """The circuit file itself. Raises WorkbenchError if it is none."""
    from workbench.spec import load_circuit

    load_circuit(circuit_file)
    return circuit_file


def _print(files: "Files", stimulus: "Stimulus | None") -> None:
    """Print the rows of the quick score of a theory, or the responses to a stimulus."""
    from workbench.spec.source import text_of
    from workbench.studio.answers import Asked
    from workbench.studio.axis import figure_text
    from workbench.studio.measure import quick_score, stimulus_answer

    asked = Asked(text_of(files.spec_file), files.spec_file, files.circuit_file)
    if stimulus:
        answer = stimulus_answer(replace(asked, stimulus=stimulus))
        click.echo("unit, its pose, trained and handwritten activation")
        for unit in answer.responses:
            figures = f"{unit.direction_deg:6.1f}° {unit.trained:9.3f} {unit.handwritten:9.3f}"
            click.echo(f"{unit.unit:>12} {figures}")
        return
    score = quick_score(asked)
    click.echo(f"{score.label}, {score.pictures} pictures")
    for row in score.rows:
        ends = () if row.low is None else (row.low, row.high)
        interval = " to ".join(map(figure_text, ends))
        click.echo(f"{figure_text(row.value):>6}  {row.words}  {interval}".rstrip())


def _stimulus(text: str) -> "Stimulus":
    """The stimulus of an option. Raises WorkbenchError."""
    from workbench.studio.address import RADII_PX, stimulus_of

    if (stimulus := stimulus_of(text)) is None:
        low, high = RADII_PX
        expected = f"degrees and a radius from {low:g} to {high:g} pixels, as in 45,24"
        raise WorkbenchError("--stimulus", f"{text!r}", expected)
    return stimulus
