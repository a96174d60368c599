"""Analyses of theories of tokens behind the commands that take a theory of either kind."""

from importlib import import_module
from pathlib import Path

from workbench.sequences.score import TokenRequest
from workbench.terminal.options import Common
from workbench.terminal.session import Session
from workbench.terminal.tokens import refuse_options

OPTIONS = (
    *("spec_file", "spec_files", "circuit_file", "circuit_files", "host", "text"),
    *("output", "seed", "as_json", "no_cache"),
)


def run_analysis(name: str, request: TokenRequest, output: Path, common: Common) -> None:
    """Run the analysis of that name, write its folder, and print its table or its document.

    The folder `workbench/sequences/analyses/NAME/` has `run.run`, `figures.to_json` and
    `table.table`. Raises WorkbenchError, also for options that have no meaning for tokens.
    """
    refuse_options(OPTIONS)
    run, figures, table = (
        import_module(f"{__package__}.{name}.{module}") for module in ("run", "figures", "table")
    )
    with Session() as session:
        result = run.run(request, output, session.work(common.seed, no_cache=True))
    files = output / f"{name}.png", output / f"{name}.json"
    session.print_result(common.as_json, figures.to_json(result), table.table(result), *files)
