"""workbench check, compile and show: validate, compile and draw a spec."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.errors import WorkbenchError, nearest
from workbench.terminal.options import (
    AS_JSON,
    CIRCUIT,
    DEFAULT_HOST,
    HOST,
    ONE_CIRCUIT,
    SPEC,
    chosen_circuit,
    known_circuit,
)
from workbench.terminal.types import NAME, OUTPUT_FILE, SHIPPED_FILE

if TYPE_CHECKING:
    from workbench.compiler import HandwrittenCircuit
    from workbench.compiler.circuit import Layer


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=SHIPPED_FILE)
@AS_JSON
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Validate specs, ledgers and circuit files, and list every problem of every file at once.

    With --json each problem has a code, line, column, path, found, expected and suggestion; the
    codes are listed in specs/README.md.
    """
    checked = [_checked(file) for file in files]
    if as_json:
        click.echo(json.dumps([row for row, _ in checked], indent=1))
    else:
        click.echo("\n".join(text for _, text in checked))
    if any(row["problems"] for row, _ in checked):
        raise SystemExit(2)


def _checked(file: Path) -> tuple[dict[str, Any], str]:
    """The result of `check` for a file, as JSON and as text."""
    from workbench.sequences.circuit import TokenCircuit
    from workbench.sequences.files import TokenSpec, is_of_tokens, load_token_file
    from workbench.spec import Spec, load_file
    from workbench.spec.language import Ledger
    from workbench.spec.problems import rows

    try:
        content = load_token_file(file) if is_of_tokens(file) else load_file(file)
    except WorkbenchError as error:
        return {"file": str(file), "problems": rows(error)}, str(error)
    if isinstance(content, TokenCircuit):
        row: dict[str, Any] = {"circuit": content.circuit, "host": content.host}
        text = f"{content.circuit}, {', '.join(content.families)} of {content.host}"
    elif isinstance(content, Spec | TokenSpec):
        name, families = content.theory.theory, list(content.theory.families)
        row = {"theory": name, "families": families}
        text = f"{name}, {' -> '.join(families)}"
    elif isinstance(content, Ledger):
        row = {"ledger": content.ledger, "hosts": list(content.hosts)}
        text = f"ledger of {content.ledger}, tuned on {', '.join(content.hosts)}"
    else:
        units = [unit.unit for unit in content.units]
        row = {"circuit": content.circuit, "host": content.host, "site": content.site}
        row["units"] = units
        text = f"{content.circuit}, {len(units)} units at {content.site} of {content.host}"
    return {"file": str(file), **row, "problems": []}, f"{file}: {text}"


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
@click.argument("file", metavar="SPEC|OUT", type=SHIPPED_FILE)
@ONE_CIRCUIT
@HOST
@click.option(
    "--family",
    "families",
    multiple=True,
    type=NAME,
    help="Draw only the kernels of this family; may be given again.",
)
@click.option(
    "-o",
    "--output",
    type=OUTPUT_FILE,
    default=Path("kernels.png"),
    show_default=True,
    help="Picture to write.",
)
def show(
    file: Path,
    circuit_file: Path | None,
    host: str | None,
    families: tuple[str, ...],
    output: Path,
) -> None:
    """Draw kernels by family and pose: red excites, blue inhibits, white is zero.

    Only the last family needs a trained circuit; without one the families above it are drawn.
    """
    from workbench.compiler import read_circuit
    from workbench.report.kernels import save_layers

    if file.suffix == ".safetensors":
        circuit = read_circuit(file)
        _refuse_unknown(file, families, [layer.family for layer in circuit.layers])
        layers, text = circuit.layers, repr(circuit)
    else:
        layers, text = _kernels(file, circuit_file, host, families)
    save_layers(layers, output, families)
    click.echo(f"{text}\n{output}")


def _kernels(
    file: Path, circuit_file: Path | None, host: str | None, families: tuple[str, ...]
) -> "tuple[tuple[Layer, ...], str]":
    """The layers of a theory, as far as they can be compiled, and what they are in words.

    Raises WorkbenchError for a family that the theory does not have, and where the last family is
    asked for, or is the only one, and there is no trained circuit.
    """
    from workbench.compiler import compile_kernels
    from workbench.spec import load_theory

    spec = load_theory(file)
    *above, last = spec.theory.families
    _refuse_unknown(file, families, [*above, last])
    asked = circuit_file or host or last in families or not above
    if asked or (not families and known_circuit(file, DEFAULT_HOST)):
        circuit = compiled(file, chosen_circuit(file, circuit_file, host))
        return circuit.layers, repr(circuit)
    text = f"{spec.theory.theory}: {', '.join(families or above)}"
    left_out = f"\n{last} is left out: it needs a trained circuit (--circuit)."
    return compile_kernels(spec), text if families else text + left_out


def _refuse_unknown(file: Path, families: Sequence[str], known: Sequence[str]) -> None:
    """Raise WorkbenchError for a family that is not among the known ones of a file."""
    for family in families:
        if family not in known:
            raise WorkbenchError(
                "--family", f"{family}", f"a family of {file}", nearest(family, known)
            )


def compiled(spec_file: Path, circuit_file: Path) -> "HandwrittenCircuit":
    """The handwritten circuit of a spec for the host that its trained circuit names."""
    from workbench.compiler import compile_spec
    from workbench.hosts.store import load
    from workbench.spec import load_circuit, load_theory

    spec = load_theory(spec_file)
    trained = load_circuit(circuit_file)
    return compile_spec(spec, trained, load(trained.host))
