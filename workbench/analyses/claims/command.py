"""The command `workbench claims`: test a theory's claims about edits."""

from pathlib import Path

import click

from workbench.terminal.options import (
    CALIBRATE_ON,
    CALIBRATION,
    CIRCUIT,
    COMMON,
    SPEC,
    Common,
    command_line,
    output_option,
    use_trained_option,
)
from workbench.terminal.session import Session
from workbench.terminal.tokens import TEXT, of_tokens


@click.command()
@SPEC
@CIRCUIT
@use_trained_option(
    "Circuit FILE of FAMILY's trained units, at the site before; may be given again."
)
@CALIBRATION
@CALIBRATE_ON
@TEXT
@output_option("claims", "claims.json, claims.png")
@COMMON
def claims(
    spec_file: Path,
    circuit_file: Path,
    bound: dict[str, Path],
    calibration: Path | None,
    calibrate_on: int,
    text: Path | None,
    output: Path,
    common: Common,
) -> None:
    """Test SPEC's claims about edits, in the trained network and in the handwritten circuit.

    An edit removes weights between a family and the last one. In the trained network these are the
    weights from the units that --use-trained gives for the family; a claim about a family without
    any is not tested there, unless its edit is of all excitation or all inhibition: then it is made
    in the weights from every unit of the site before, and for a theory that reads `input` in those
    of the first convolution. A claim that fails is a result: the exit code is 0.

    \b
    workbench claims specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml
        --use-trained early_curve=circuits/inceptionv1/early_curve.yaml --use-trained
        line=circuits/inceptionv1/line-mixed3a.yaml

    A theory of tokens (`input: tokens`) makes claims about attention that is made uniform, and
    about its parts, variants and controls in the trained network's place (docs/sequences.md).

    \b
    workbench claims specs/tokens/copying.yaml --circuit circuits/tokens/induction/copying.yaml
    """
    if of_tokens([spec_file]):
        from workbench.sequences.analyses.command import run_analysis
        from workbench.sequences.score import TokenRequest

        request = TokenRequest(spec_file, circuit_file, text, command=command_line())
        run_analysis("claims", request, output, common)
        return
    from workbench.analyses.claims.figures import claims_json
    from workbench.analyses.claims.run import ClaimsRequest
    from workbench.analyses.claims.run import claims as test
    from workbench.analyses.claims.table import claims_table
    from workbench.matching.subject import SubjectFiles

    with Session() as session:
        pictures = session.pictures(calibration, common.skip_broken, "calibration", calibrate_on)
        files = SubjectFiles(spec_file, circuit_file, bound)
        work = session.work(common.seed, common.no_cache)
        result = test(ClaimsRequest(files, pictures), output, work)
    session.print_result(
        common.as_json,
        claims_json(result),
        claims_table(result),
        output / "claims.png",
        output / "claims.json",
    )
