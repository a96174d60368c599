"""workbench new: a theory and a circuit file to begin with."""

from importlib.resources import files
from pathlib import Path

import click

from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.terminal.types import OUTPUT_FOLDER

STARTER = ("theory.yaml", "circuit.yaml")


@click.command()
@click.argument("directory", metavar="DIR", type=OUTPUT_FOLDER)
def new(directory: Path) -> None:
    """Write a commented theory and a circuit file to DIR, and print how to score and edit them.

    The theory is of curve detectors of SqueezeNet: Gabor filters, lines, curves. The circuit file
    names the trained units that it explains. Both are meant to be edited.

    \b
    workbench new my-theory
    workbench check my-theory/theory.yaml
    """
    present = [name for name in STARTER if (directory / name).exists()]
    if present:
        raise WorkbenchError(
            str(directory), f"has {' and '.join(present)} already", "a folder without them"
        )
    for name in STARTER:
        write_whole(directory / name, (files("workbench.starter") / name).read_text("utf-8"))
    theory, circuit = (directory / name for name in STARTER)
    click.echo(
        f"{theory}  the theory: change a number or a term\n"
        f"{circuit}  the trained units that it explains, and their poses\n\n"
        f"workbench score {theory} --circuit {circuit} -o {directory / 'out'} --quick\n"
        f"workbench studio {theory} --circuit {circuit}"
    )
