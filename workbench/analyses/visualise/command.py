"""workbench visualise: make the picture that activates a unit most."""

from pathlib import Path

import click

from workbench.terminal.options import (
    CALIBRATION,
    CIRCUIT,
    COMMON,
    IMAGES,
    SPEC,
    Common,
    output_option,
)
from workbench.terminal.session import Session
from workbench.terminal.types import count


@click.command()
@SPEC
@CIRCUIT
@click.option(
    "--unit",
    "units",
    multiple=True,
    type=count(0),
    help="Channel to show; may be given again.  [default: four units of the circuit]",
)
@click.option(
    "--steps",
    default=96,
    show_default=True,
    type=count(),
    help="Steps of gradient ascent.",
)
@IMAGES
@click.option(
    "--pictures",
    "most",
    default=100,
    show_default=True,
    type=count(),
    help="Number of photographs to compare with, the first by content hash.",
)
@CALIBRATION
@output_option("visualise", "a PNG for each picture, visualise.json, visualise.png")
@COMMON
def visualise(  # noqa: PLR0913
    spec_file: Path,
    circuit_file: Path,
    units: tuple[int, ...],
    steps: int,
    images: Path | None,
    most: int,
    calibration: Path | None,
    output: Path,
    common: Common,
) -> None:
    """Make the picture that activates each unit of SPEC most.

    Each unit gets two pictures: one for the trained unit and one for the handwritten unit. They are
    made by gradient ascent from noise with the colours and frequencies of the --calibration
    photographs, under small random shifts, rotations and changes of size. A picture is as large as
    the unit's receptive field. Responses to it are divided by the unit's highest response to the
    photographs of --images.

    \b
    workbench visualise specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml
        --unit 384 --unit 327 --images DIR
    """
    from workbench.analyses.visualise.figures import visualised_json
    from workbench.analyses.visualise.run import VisualiseRequest
    from workbench.analyses.visualise.run import visualise as paint
    from workbench.analyses.visualise.table import visualised_table
    from workbench.matching.subject import SubjectFiles
    from workbench.vision.pictures import first_by_content

    with Session() as session:
        pictures = session.pictures(images, common.skip_broken, "headline")
        request = VisualiseRequest(
            files=SubjectFiles(spec_file, circuit_file),
            pictures=first_by_content(pictures, most),
            calibration=session.pictures(calibration, common.skip_broken, "calibration", most),
            units=units,
            steps=steps,
        )
        result = paint(request, output, session.work(common.seed, common.no_cache))
    files = output / "visualise.png", output / "visualise.json"
    session.print_result(common.as_json, visualised_json(result), visualised_table(result), *files)
