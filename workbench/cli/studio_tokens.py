"""Theories of tokens in `workbench studio`: the options that they have, and their circuit."""

from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.terminal.tokens import refuse_options

# parameters of the command that a theory of tokens has a use for
OPTIONS = (
    *("spec_file", "circuit_file", "host", "text"),
    *("port", "no_browser", "read_only", "prints"),
)


def circuit_of_tokens(spec_file: Path, circuit_file: Path | None, host: str | None) -> Path | None:
    """The circuit file that was given, or the only one that is known.

    A theory with problems has none if none was given. Raises WorkbenchError for a circuit of
    another host than `host`, without a circuit, and for options that are about pictures.
    """
    from workbench.sequences.files import load_token_circuit, load_token_theory
    from workbench.sequences.known_circuits import only_circuit
    from workbench.spec import SpecError

    refuse_options(OPTIONS)
    if circuit_file is None:
        try:
            spec = load_token_theory(spec_file)
        except SpecError:
            return None
        return only_circuit(spec, host)
    named = load_token_circuit(circuit_file).host
    if host not in (None, named):
        raise WorkbenchError("--host", f"{host}, but {circuit_file} is of {named}", named)
    return circuit_file
