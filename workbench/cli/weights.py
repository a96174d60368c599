"""workbench compile and show: compile a theory into weights, and draw them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.cli.tokens import (
    COMPILE_OPTIONS,
    SHOW_OPTIONS,
    compile_of_tokens,
    show_compiled_part,
    show_of_tokens,
)
from workbench.errors import WorkbenchError, nearest
from workbench.terminal.options import (
    CIRCUIT,
    DEFAULT_HOST,
    HOST,
    ONE_CIRCUIT,
    SEED,
    SPEC,
    chosen_circuit,
    known_circuit,
)
from workbench.terminal.tokens import (
    PART,
    TEXT,
    of_tokens,
    refuse_for_pictures,
    refuse_options,
)
from workbench.terminal.types import NAME, OUTPUT_FILE, SHIPPED_FILE

if TYPE_CHECKING:
    from workbench.compiler import HandwrittenCircuit
    from workbench.compiler.circuit import Layer


@click.command("compile")
@SPEC
@CIRCUIT
@click.option(
    "-o", "--output", type=OUTPUT_FILE, required=True, help="File to write (.safetensors)."
)
@PART
@TEXT
@SEED
def compile_command(
    spec_file: Path,
    circuit_file: Path,
    output: Path,
    part: str | None,
    text: Path | None,
    seed: int,
) -> None:
    """Compile a theory into weights with names and provenance, always the same bytes.

    A theory of tokens (`input: tokens`) is compiled into tensors of its transformer, under
    TransformerLens' names; `[2]` after a name is head 2 alone.
    """
    if of_tokens([spec_file]):
        refuse_options(COMPILE_OPTIONS)
        compile_of_tokens((spec_file, circuit_file), text, part, output, seed)
        return
    refuse_for_pictures()
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
@PART
@TEXT
@SEED
def show(
    file: Path,
    circuit_file: Path | None,
    host: str | None,
    families: tuple[str, ...],
    output: Path,
    part: str | None,
    text: Path | None,
    seed: int,
) -> None:
    """Draw kernels by family and pose: red excites, blue inhibits, white is zero.

    Only the last family needs a trained circuit; without one the families above it are drawn. A
    theory of tokens has a map of each handwritten matrix.
    """
    if file.suffix == ".safetensors" and _is_part(file):
        refuse_options(("file", "output"))
        show_compiled_part(file, output)
        return
    if file.suffix != ".safetensors" and of_tokens([file]):
        refuse_options(SHOW_OPTIONS)
        show_of_tokens((file, chosen_circuit(file, circuit_file, host)), text, part, output, seed)
        return
    refuse_for_pictures()
    from workbench.compiler import read_circuit
    from workbench.report.kernels import save_layers

    if file.suffix == ".safetensors":
        circuit = read_circuit(file)
        _refuse_unknown(file, families, [layer.family for layer in circuit.layers])
        layers, words = circuit.layers, repr(circuit)
    else:
        layers, words = _kernels(file, circuit_file, host, families)
    save_layers(layers, output, families)
    click.echo(f"{words}\n{output}")


def _is_part(file: Path) -> bool:
    from workbench.sequences.weights.file import is_part

    return is_part(file)


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
