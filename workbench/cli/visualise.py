"""workbench visualise: what a unit wants to see."""

from pathlib import Path

import click

from workbench.cli.options import AS_JSON, BROKEN, CALIBRATION, CIRCUIT, FILE, IMAGES, NO_CACHE, SEED, SPEC
from workbench.terminal import Session


@click.command()
@SPEC
@CIRCUIT
@click.option("--unit", "units", multiple=True, type=int, help="Channel to show; may be given again.  [default: four of the circuit's]")
@click.option("--steps", default=96, show_default=True, type=click.IntRange(1), help="Steps of the ascent.")
@IMAGES
@click.option(
    "--pictures", "most", default=100, show_default=True, type=click.IntRange(1), help="Pictures to compare with, the first by content."
)
@CALIBRATION
@click.option(
    "-o", "--output", type=FILE, default=Path("visualise"), show_default=True, help="Folder: a PNG a picture, visualise.json, .png."
)
@BROKEN
@NO_CACHE
@SEED
@AS_JSON
def visualise(
    spec_file: Path,
    circuit_file: Path,
    units: tuple[int, ...],
    steps: int,
    images: Path | None,
    most: int,
    calibration: Path | None,
    output: Path,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Make a picture that drives each unit of SPEC most, once for the trained unit and once for the handwritten one.

    Gradient ascent from noise in the colours and frequencies of photographs (those of --calibration), under small random moves, turns and sizes;
    the picture is as large as the unit's receptive field. What the units say to it is told over their highest on the photographs of --images.

    \b
    workbench visualise specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml --unit 384 --unit 327 --images DIR
    """
    from workbench.pictures import first_by_content
    from workbench.report.visualise import visualised_table
    from workbench.score.visualise import visualised_json
    from workbench.verbs.visualise import visualised

    with Session() as session:
        pictures = first_by_content(session.pictures(images, skip_broken, "headline"), most)
        colours = session.pictures(calibration, skip_broken, "calibration", most)
        found = visualised(spec_file, circuit_file, units, pictures, colours, output, session.stage, seed, steps, session.cache(no_cache))
    session.tell(as_json, visualised_json(found), visualised_table(found), output / "visualise.png", output / "visualise.json")
