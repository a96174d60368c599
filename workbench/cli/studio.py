"""workbench studio: a page to write a theory and watch the network answer."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.studio_print import PRINT, Printed, print_answer
from workbench.cli.studio_tokens import circuit_of_tokens
from workbench.errors import WorkbenchError
from workbench.shipped import INSTALLED, given_or_shipped
from workbench.terminal.options import (
    DEFAULT_HOST,
    HOST,
    ONE_CIRCUIT,
    chosen_circuit,
    known_circuit,
)
from workbench.terminal.tokens import TEXT
from workbench.terminal.types import SHIPPED_FILE

if TYPE_CHECKING:
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
@TEXT
@PRINT
def studio(
    spec_file: Path | None,
    circuit_file: Path | None,
    host: str | None,
    text: Path | None,
    port: int,
    no_browser: bool,
    read_only: bool,
    printed: Printed,
) -> None:
    """Write a theory on a page and watch the network answer.

    The page is on this machine alone, at an address that holds a random token. It shows problems,
    kernels and a quick score while the theory is typed, and writes SPEC when it is saved, and no
    other file. Without SPEC it shows a theory that cannot be saved.

    A theory of tokens (`input: tokens`) shows attention patterns and circles of neurons in place of
    kernels. Without --circuit it takes the only known circuit that has units of all its families.

    \b
    workbench new my-theory
    workbench studio my-theory/theory.yaml --circuit my-theory/circuit.yaml
    """
    files = _files(spec_file, circuit_file, host, text, read_only)
    if printed.prints:
        print_answer(files, printed)
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
    spec_file: Path | None,
    circuit_file: Path | None,
    host: str | None,
    text: Path | None,
    read_only: bool,
) -> "Files":
    """The files of the studio. Raises WorkbenchError for a circuit file that cannot be loaded."""
    from workbench.spec.source import text_of
    from workbench.studio.kinds import PICTURES, kind_of
    from workbench.studio.studio import Files

    spec = spec_file or given_or_shipped(EXAMPLE)
    if kind_of(text_of(spec)) is not PICTURES:
        circuit_file = circuit_of_tokens(spec, circuit_file, host)
    elif text:
        raise WorkbenchError("--text", "has no meaning for a theory of pictures", "no --text")
    elif circuit_file or host or _has_circuit(spec):
        circuit_file = _loadable(chosen_circuit(spec, circuit_file, host))
    shipped = spec_file is None or spec.is_relative_to(INSTALLED)
    locked = "comes with the workbench and is not written: copy it first" if shipped else ""
    return Files(spec, circuit_file, read_only, locked, text)


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
