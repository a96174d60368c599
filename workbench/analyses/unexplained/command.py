"""The command `workbench unexplained`."""

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
@use_trained_option("Circuit FILE of FAMILY's trained units at a site; may be given again.")
@CALIBRATION
@CALIBRATE_ON
@TEXT
@output_option("unexplained", "unexplained.json, unexplained.png")
@COMMON
def unexplained(
    spec_file: Path,
    circuit_file: Path,
    bound: dict[str, Path],
    calibration: Path | None,
    calibrate_on: int,
    text: Path | None,
    output: Path,
    common: Common,
) -> None:
    """Find where trained and handwritten units differ, and which units would explain it.

    The candidates are each family that has trained units at the site before, and directions found
    by non-negative factorisation of the residual error. How much of the residual error do these
    units explain on pictures that the fit has not seen, and how much by chance? The best candidate
    that the theory does not read, and that is beyond chance, is the suggestion; often there is
    none. Only calibration pictures are used, so that a later score is on pictures that had no part
    in it. Patches of pictures are clustered by direction; drawn stimuli that differ, and units of
    the same site that vary with the residual error, are listed.

    \b
    workbench unexplained specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml
        --use-trained early_curve=circuits/inceptionv1/early_curve.yaml
        --use-trained line=circuits/inceptionv1/line-mixed3a.yaml

    For a theory of tokens (`input: tokens`): each head handwritten alone, terms that its rule
    lacks, and heads and neurons outside the theory (docs/sequences.md).

    \b
    workbench unexplained specs/tokens/copying.yaml --circuit circuits/tokens/induction/copying.yaml
    """
    if of_tokens([spec_file]):
        from workbench.sequences.analyses.command import run_analysis
        from workbench.sequences.score import TokenRequest

        tokens = TokenRequest(spec_file, circuit_file, text, command=command_line())
        run_analysis("unexplained", tokens, output, common)
        return
    from workbench.analyses.unexplained.figures import unexplained_json
    from workbench.analyses.unexplained.run import UnexplainedRequest
    from workbench.analyses.unexplained.run import unexplained as ask
    from workbench.analyses.unexplained.table import unexplained_table
    from workbench.matching.subject import SubjectFiles

    with Session() as session:
        pictures = session.pictures(calibration, common.skip_broken, "calibration", calibrate_on)
        request = UnexplainedRequest(SubjectFiles(spec_file, circuit_file, bound), pictures)
        result = ask(request, output, session.work(common.seed, common.no_cache))
    files = output / "unexplained.png", output / "unexplained.json"
    session.print_result(
        common.as_json, unexplained_json(result), unexplained_table(result), *files
    )
