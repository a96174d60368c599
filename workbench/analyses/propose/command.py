"""The command `workbench propose`."""

from pathlib import Path

import click

from workbench.terminal.options import (
    CALIBRATE_ON,
    CALIBRATION,
    CIRCUIT,
    COMMON,
    SPEC,
    Common,
    output_option,
)
from workbench.terminal.session import Session
from workbench.terminal.types import count


@click.command()
@SPEC
@CIRCUIT
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "--most",
    default=24,
    show_default=True,
    type=count(),
    help="Atoms (the smallest terms) to try.",
)
@click.option(
    "--atoms",
    type=count(),
    help="Atoms to take.  [default: as many as pay for themselves in bits]",
)
@output_option("propose", "NAME-proposed.yaml with its ledger, propose.json, propose.png")
@COMMON
def propose(
    spec_file: Path,
    circuit_file: Path,
    calibration: Path | None,
    calibrate_on: int,
    most: int,
    atoms: int | None,
    output: Path,
    common: Common,
) -> None:
    """Find by search what the last family of SPEC reads, and write the theory that reads it.

    The families above the last are as SPEC has them, handwritten. Terms of the language (places,
    matches, values of upstream axes) are chosen one after another by how much they predict the
    trained units on half of the calibration pictures, with one weight for all units; the search
    stops when a term no longer pays for its bits on the other half. The same search with upstream
    units permuted, and with poses permuted, stands beside it. The result is a theory to read, edit,
    score and tune; score it on other pictures.

    \b
    workbench propose specs/curve-detectors.yaml --circuit circuits/squeezenet/curve.yaml -o found
    workbench score found/curve-detectors-proposed.yaml --circuit circuits/squeezenet/curve.yaml
    """
    from workbench.analyses.propose.figures import proposal_json
    from workbench.analyses.propose.run import ProposeRequest
    from workbench.analyses.propose.run import propose as find
    from workbench.analyses.propose.table import proposal_table
    from workbench.matching.subject import SubjectFiles

    with Session() as session:
        pictures = session.pictures(calibration, common.skip_broken, "calibration", calibrate_on)
        request = ProposeRequest(SubjectFiles(spec_file, circuit_file), pictures, most, atoms)
        result = find(request, output, session.work(common.seed, common.no_cache))
    files = output / result.theory, output / "propose.png", output / "propose.json"
    session.print_result(common.as_json, proposal_json(result), proposal_table(result), *files)
