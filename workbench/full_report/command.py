"""workbench report: every analysis of a theory on one page."""

from pathlib import Path

import click

from workbench.terminal.options import (
    BROKEN,
    CALIBRATE_ON,
    CALIBRATION,
    CIRCUIT,
    COMPARE_WITH,
    IMAGES,
    NO_CACHE,
    SEED,
    SPEC,
    command_line,
    output_option,
    use_trained_option,
)
from workbench.terminal.session import Session
from workbench.terminal.types import count


@click.command()
@SPEC
@CIRCUIT
@use_trained_option("Circuit FILE of FAMILY's trained units; may be given again.")
@COMPARE_WITH
@IMAGES
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "--few",
    default=100,
    show_default=True,
    type=count(2),
    help="Number of pictures of all parts except the score, the first by content hash.",
)
@output_option("report", "report.html, and a folder for each part")
@BROKEN
@NO_CACHE
@SEED
def report(  # noqa: PLR0913
    spec_file: Path,
    circuit_file: Path,
    bound: dict[str, Path],
    compare_with: tuple[Path, ...],
    images: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    few: int,
    output: Path,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
) -> None:
    """Run every analysis of SPEC and put the results on one page that opens offline.

    The page opens with the headline and with whether the theory passed each argument, and ends
    with what stays open. Its parts are feature visualisation, dataset examples,
    synthetic examples, joint tuning, weights, use, the handwritten circuit, the stepwise proof,
    claims, polysemanticity and what is unexplained; almost every part is also a command, and its
    files are in a folder next to the page. An interrupted run continues with the part where it
    stopped.

    \b
    workbench report specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml \\
        --use-trained early_curve=circuits/inceptionv1/early_curve.yaml \\
        --use-trained line=circuits/inceptionv1/line-mixed3a.yaml \\
        --images DIR --calibration OTHER
    """
    from workbench.analyses.request import ReportRequest
    from workbench.full_report.run import report as assemble
    from workbench.vision.pictures import first_by_content

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline")
        request = ReportRequest(
            spec_file=spec_file,
            circuit_file=circuit_file,
            bound=bound,
            compare_with=compare_with,
            pictures=pictures,
            few=first_by_content(pictures, few),
            calibration=session.pictures(calibration, skip_broken, "calibration", calibrate_on),
            command=command_line(),
        )
        page = assemble(request, output, session.work(seed, no_cache))
    click.echo(f"report: {page}")
