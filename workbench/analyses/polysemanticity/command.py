"""workbench polysemanticity: how much of each unit a theory accounts for."""

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
    output_option,
)
from workbench.terminal.session import Session
from workbench.terminal.types import count


@click.command()
@SPEC
@CIRCUIT
@IMAGES
@click.option(
    "--pictures",
    "most",
    default=100,
    show_default=True,
    type=count(2),
    help="Show at most this many pictures, the first by content hash.",
)
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "--clusters",
    default=12,
    show_default=True,
    type=count(2),
    help="Largest number of clusters of the stimuli that activate a unit.",
)
@output_option("polysemanticity", "polysemanticity.json, polysemanticity.png")
@COMMON
def polysemanticity(  # noqa: PLR0913
    spec_file: Path,
    circuit_file: Path,
    images: Path | None,
    most: int,
    calibration: Path | None,
    calibrate_on: int,
    clusters: int,
    output: Path,
    common: Common,
) -> None:
    """Measure how much of each unit's activation SPEC accounts for, and how much other stimuli do.

    The measure is taken on photographs, cell by cell. The theory accounts for the activation that
    it and the unit have in common, as a share of the unit's or of the theory's activation,
    whichever is less. The cells where the unit fires are clustered by the activation of the site's
    other units. A cluster counts as other stimuli as far as the theories of other units explain it
    as well as this theory; the unexplained activation there is the unit's polysemanticity.
    `permuted` is the same with those theories.

    \b
    workbench polysemanticity specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml
    --images DIR --calibration OTHER
    """
    from workbench.analyses.polysemanticity.figures import polysemanticity_json
    from workbench.analyses.polysemanticity.run import PolysemanticityRequest
    from workbench.analyses.polysemanticity.run import polysemanticity as ask
    from workbench.analyses.polysemanticity.table import polysemanticity_table
    from workbench.matching.subject import SubjectFiles
    from workbench.vision.pictures import first_by_content

    with Session() as session:
        request = PolysemanticityRequest(
            files=SubjectFiles(spec_file, circuit_file),
            pictures=first_by_content(
                session.pictures(images, common.skip_broken, "headline"), most
            ),
            calibration=session.pictures(
                calibration, common.skip_broken, "calibration", calibrate_on
            ),
            clusters=clusters,
        )
        result = ask(request, output, session.work(common.seed, common.no_cache))
    files = output / "polysemanticity.png", output / "polysemanticity.json"
    json, table = polysemanticity_json(result), polysemanticity_table(result)
    session.print_result(common.as_json, json, table, *files)
