"""How commands tell theories of tokens from theories of pictures, and which options they refuse."""

from collections.abc import Collection, Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from workbench.errors import WorkbenchError
from workbench.terminal.types import FILE, NAME

TEXT = click.option(
    "--text",
    type=FILE,
    help="Text that prompts are cut from; for theories of tokens whose circuit asks for one.",
)

PART = click.option(
    "--part",
    type=NAME,
    help="Part of a theory of tokens to compile, as `score` names it without `.weights`.  "
    "[default: the last part that has weights]",
)


def of_tokens(files: Sequence[Path]) -> bool:
    """Whether the first of the files is a theory or a circuit of tokens."""
    from workbench.sequences.files import is_of_tokens

    return bool(files) and is_of_tokens(files[0])


def given_for_tokens(circuit_file: Path | None) -> Path:
    """The circuit file that was given; raises WorkbenchError where there is none."""
    if circuit_file is None:
        raise WorkbenchError(
            "a theory of tokens",
            "no circuit",
            "--circuit FILE, which names the network's own units",
            "`workbench survey HOST --family FAMILY` writes one.",
        )
    return circuit_file


def paired_tokens(
    spec_files: Sequence[Path], circuit_files: Sequence[Path], host: str | None = None
) -> tuple[Path, Path]:
    """The theory and its circuit file.

    Raises WorkbenchError unless there is one of each, and for a circuit of another host than
    `host`.
    """
    if len(spec_files) != 1 or len(circuit_files) != 1:
        raise WorkbenchError(
            "a theory of tokens",
            f"{len(spec_files)} theories and {len(circuit_files)} circuits",
            "one theory and its circuit: SPEC --circuit FILE",
            "`workbench survey HOST --family FAMILY` writes a circuit.",
        )
    if host:
        refuse_other_host(host, circuit_files[0])
    return spec_files[0], circuit_files[0]


def refuse_other_host(host: str, circuit_file: Path) -> None:
    """Raise WorkbenchError if a circuit file belongs to another host than `host`."""
    from workbench.sequences.files import is_of_tokens, load_token_circuit
    from workbench.spec import load_circuit

    load = load_token_circuit if is_of_tokens(circuit_file) else load_circuit
    named = load(circuit_file).host
    if named != host:
        raise WorkbenchError(
            "--host",
            f"{host}, but {circuit_file} is of {named}",
            f"--host {named}",
            "A circuit file names its host.",
        )


def refuse_for_pictures() -> None:
    """Raise WorkbenchError if an option of theories of tokens alone was given."""
    given = click.get_current_context().params
    for name in ("part", "text"):
        if given.get(name) is not None:
            raise WorkbenchError(f"--{name}", "has no meaning for a theory of pictures")


def refuse_options(
    allowed: Collection[str],
    problem: str = "has no meaning for a theory of tokens",
    expected: str = "options of prompts: the circuit file declares them, and --text gives a text",
) -> None:
    """Raise WorkbenchError for options on the command line that are not among the allowed."""
    context = click.get_current_context()
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in allowed
        and context.get_parameter_source(parameter.name or "") == ParameterSource.COMMANDLINE
    ]
    if given:
        raise WorkbenchError(given[0], problem, expected)
