"""The command `workbench universality` for a theory of tokens."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.sequences.analyses.universality.run import TokenUniversalityRequest
from workbench.terminal.session import Session
from workbench.terminal.tokens import refuse_options

OPTIONS = (
    *("spec_files", "hosts", "circuit_files", "null", "text", "score_on"),
    *("output", "seed", "as_json", "no_cache"),
)


def command(
    request: TokenUniversalityRequest, null: bool, output: Path, seed: int, as_json: bool
) -> None:
    """Compare a theory on networks, write the folder, and print its table or its document."""
    from workbench.sequences.analyses.universality.figures import universality_json
    from workbench.sequences.analyses.universality.networks import all_names
    from workbench.sequences.analyses.universality.run import universality_of_tokens
    from workbench.sequences.analyses.universality.table import universality_table

    names = all_names(request.names or transformers())
    if null:
        names += _nulls(names, seed)
    with Session() as session:
        work = session.work(seed, no_cache=True)
        result = universality_of_tokens(replace(request, names=names), output, work)
    files = output / "universality.png", output / "universality.json"
    session.print_result(as_json, universality_json(result), universality_table(result), *files)


def one_theory(files: Sequence[Path]) -> Path:
    """The only theory. Raises WorkbenchError for several."""
    if len(files) != 1:
        raise WorkbenchError(
            "universality", f"{len(files)} theories of tokens", "one theory, on many networks"
        )
    refuse_options(OPTIONS)
    return files[0]


def transformers() -> tuple[str, ...]:
    """The names of all installed networks that read tokens."""
    from workbench.hosts.store import installed, load
    from workbench.hosts.transformer import Transformer

    names = [row.name for row in installed() if row.installed]
    return tuple(name for name in names if isinstance(load(name).network, Transformer))


def _nulls(names: Sequence[str], seed: int) -> tuple[str, ...]:
    from workbench.hosts.named import NULL, is_null

    return tuple(f"{name}{NULL}{seed}" for name in names if not is_null(name))
