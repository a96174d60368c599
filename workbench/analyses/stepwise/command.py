"""The command `workbench stepwise`."""

from pathlib import Path

import click

from workbench.terminal.options import (
    CALIBRATE_ON,
    CALIBRATION,
    CIRCUIT,
    COMMON,
    IMAGES,
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
@IMAGES
@CALIBRATION
@CALIBRATE_ON
@TEXT
@output_option("stepwise", "stepwise.json, stepwise.png")
@COMMON
def stepwise(  # noqa: PLR0913
    spec_file: Path,
    circuit_file: Path,
    bound: dict[str, Path],
    images: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    text: Path | None,
    output: Path,
    common: Common,
) -> None:
    """Check SPEC layer by layer: do the trained weights turn its claimed inputs into its outputs?

    This is a proof by induction, for every trained unit that the theory makes a claim about. The
    claimed units of an earlier site are set to what the theory claims, all other channels there to
    their mean, and the trained network runs on. The earlier site moves from the one just before the
    unit back to the picture, so that one assumption after another is removed. The other way round,
    the handwritten family runs on trained inputs. Each step holds, fails or is unknown; for a unit
    that fails, the layer at which it goes wrong is named. A step that fails is a result: the exit
    code is 0.

    \b
    workbench stepwise specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml
        --use-trained early_curve=circuits/inceptionv1/early_curve.yaml
        --use-trained line=circuits/inceptionv1/line-mixed3a.yaml

    The steps of a theory of tokens (`input: tokens`) are its families of heads, its neurons or what
    heads carry, and the whole; each is spliced alone, and after the earlier ones
    (docs/sequences.md).

    \b
    workbench stepwise specs/tokens/copying.yaml --circuit circuits/tokens/induction/copying.yaml
    """
    if of_tokens([spec_file]):
        from workbench.sequences.analyses.command import run_analysis
        from workbench.sequences.score import TokenRequest

        tokens = TokenRequest(spec_file, circuit_file, text, command=command_line())
        run_analysis("stepwise", tokens, output, common)
        return
    from workbench.analyses.stepwise.figures import stepwise_json
    from workbench.analyses.stepwise.run import StepwiseRequest
    from workbench.analyses.stepwise.run import stepwise as prove
    from workbench.analyses.stepwise.table import stepwise_table
    from workbench.matching.subject import SubjectFiles

    with Session() as session:
        request = StepwiseRequest(
            files=SubjectFiles(spec_file, circuit_file, bound),
            pictures=session.pictures(images, common.skip_broken, "headline"),
            calibration=session.pictures(
                calibration, common.skip_broken, "calibration", calibrate_on
            ),
        )
        result = prove(request, output, session.work(common.seed, common.no_cache))
    files = output / "stepwise.png", output / "stepwise.json"
    session.print_result(common.as_json, stepwise_json(result), stepwise_table(result), *files)
