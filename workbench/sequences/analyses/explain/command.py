"""The command `workbench explain` for a theory of tokens."""

from pathlib import Path

from workbench.sequences.analyses.explain.run import TokenExplainRequest
from workbench.terminal.session import Session
from workbench.terminal.tokens import refuse_options

OPTIONS = ("spec_file", "circuit_file", "text", "output", "seed", "as_json", "no_cache")


def command(request: TokenExplainRequest, output: Path, seed: int, as_json: bool) -> None:
    """Compare tables, write the folder, and print the table or the document."""
    from workbench.sequences.analyses.explain.figures import explained_json
    from workbench.sequences.analyses.explain.run import explain_tokens
    from workbench.sequences.analyses.explain.table import explain_table

    refuse_options(OPTIONS)
    with Session() as session:
        result = explain_tokens(request, output, session.work(seed, no_cache=True))
    files = output / "explain.png", output / "explain.json"
    session.print_result(as_json, explained_json(result), explain_table(result), *files)
