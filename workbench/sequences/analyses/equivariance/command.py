"""The command `workbench equivariance` for a circuit of tokens."""

from pathlib import Path

from workbench.sequences.analyses.equivariance.run import TokenEquivarianceRequest
from workbench.terminal.options import Common
from workbench.terminal.session import Session
from workbench.terminal.tokens import refuse_options

OPTIONS = ("circuit_file", "host", "output", "seed", "as_json", "no_cache")


def command(request: TokenEquivarianceRequest, output: Path, common: Common) -> None:
    """Measure, write the folder, and print the table or the document."""
    from workbench.sequences.analyses.equivariance.figures import equivariance_json
    from workbench.sequences.analyses.equivariance.run import equivariance_of_tokens
    from workbench.sequences.analyses.equivariance.table import equivariance_table

    refuse_options(OPTIONS)
    with Session() as session:
        work = session.work(common.seed, no_cache=True)
        result = equivariance_of_tokens(request, output, work)
    files = output / "equivariance.png", output / "equivariance.json"
    session.print_result(
        common.as_json, equivariance_json(result), equivariance_table(result), *files
    )
