"""workbench check, compile and show: validate, compile and draw a spec."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.errors import WorkbenchError
from workbench.terminal.options import (
    AS_JSON,
    CIRCUIT,
    HOST,
    ONE_CIRCUIT,
    SPEC,
    chosen_circuit,
)
from workbench.terminal.types import FILE, OUTPUT_FILE

if TYPE_CHECKING:
    from workbench.compiler import HandwrittenCircuit


@click.command()
@click.argument("spec_files", metavar="SPEC...", nargs=-1, required=True, type=FILE)
@AS_JSON
def check(spec_files: tuple[Path, ...], as_json: bool) -> None:
    """Validate specs, and list every problem of every file at once."""
    from workbench.spec import SpecError, load_theory

    rows, failed = [], False
    for file in spec_files:
        try:
            spec = load_theory(file)
            rows.append(
                {
                    "file": str(file),
                    "theory": spec.theory.theory,
                    "families": list(spec.theory.families),
                    "problems": [],
                }
            )
        except WorkbenchError as error:
            failed = True
            problems = error.lines if isinstance(error, SpecError) else [str(error)]
            rows.append({"file": str(file), "problems": problems})
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        for row in rows:
            click.echo(
                "\n".join(row["problems"])
                if row["problems"]
                else f"{row['file']}: {row['theory']}, {' -> '.join(row['families'])}"
            )
    if failed:
        raise SystemExit(2)


@click.command("compile")
@SPEC
@CIRCUIT
@click.option(
    "-o", "--output", type=OUTPUT_FILE, required=True, help="File to write (.safetensors)."
)
def compile_command(spec_file: Path, circuit_file: Path, output: Path) -> None:
    """Compile a theory into weights with names and provenance, always the same bytes."""
    from workbench.compiler import write_circuit

    circuit = compiled(spec_file, circuit_file)
    write_circuit(circuit, output)
    click.echo(f"{circuit!r}\n{circuit.weights} weights: {output}")


@click.command()
@click.argument("file", metavar="SPEC|OUT", type=FILE)
@ONE_CIRCUIT
@HOST
@click.option(
    "-o",
    "--output",
    type=OUTPUT_FILE,
    default=Path("kernels.png"),
    show_default=True,
    help="Picture to write.",
)
def show(file: Path, circuit_file: Path | None, host: str | None, output: Path) -> None:
    """Draw kernels by family and pose: red excites, blue inhibits, white is zero."""
    from workbench.compiler import read_circuit
    from workbench.report.kernels import save_kernels

    circuit = (
        read_circuit(file)
        if file.suffix == ".safetensors"
        else compiled(file, chosen_circuit(file, circuit_file, host))
    )
    save_kernels(circuit, output)
    click.echo(f"{circuit!r}\n{output}")


def compiled(spec_file: Path, circuit_file: Path) -> "HandwrittenCircuit":
    """The handwritten circuit of a spec for the host that its trained circuit names."""
    from workbench.compiler import compile_spec
    from workbench.hosts.store import load
    from workbench.spec import load_circuit, load_theory

    spec = load_theory(spec_file)
    trained = load_circuit(circuit_file)
    return compile_spec(spec, trained, load(trained.host))
