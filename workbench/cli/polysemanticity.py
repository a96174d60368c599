"""workbench polysemanticity: how much of a unit is one thing."""

from pathlib import Path

import click

from workbench.cli.options import AS_JSON, BROKEN, CALIBRATE_ON, CALIBRATION, CIRCUIT, FILE, IMAGES, NO_CACHE, SEED, SPEC
from workbench.terminal import Session


@click.command()
@SPEC
@CIRCUIT
@IMAGES
@click.option(
    "--pictures",
    "most",
    default=100,
    show_default=True,
    type=click.IntRange(2),
    help="Pictures to look at at the most, the first by content.",
)
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "--clusters", default=12, show_default=True, type=click.IntRange(2), help="Kinds of stimuli to tell apart, of those that drive a unit."
)
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=Path("polysemanticity"),
    show_default=True,
    help="Folder: polysemanticity.json, polysemanticity.png.",
)
@BROKEN
@NO_CACHE
@SEED
@AS_JSON
def polysemanticity(
    spec_file: Path,
    circuit_file: Path,
    images: Path | None,
    most: int,
    calibration: Path | None,
    calibrate_on: int,
    clusters: int,
    output: Path,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Ask how much of each trained unit's activation, at every level, SPEC accounts for, and how much belongs to other stimuli.

    On photographs, cell by cell: the theory accounts for what it and the unit say alike, a share of what the unit says or of what the theory says,
    whichever is less. The cells where the unit fires are put in clusters by what the site's other units say there; a cluster is another
    kind of stimulus as far as the theories of other units explain it as well, and what is left there is the unit's polysemanticity.
    `permuted` is by those theories.

    \b
    workbench polysemanticity specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml --images DIR --calibration OTHER
    """
    from workbench.pictures import first_by_content
    from workbench.report.polysemanticity import polysemanticity_table
    from workbench.score.polysemanticity import polysemanticity_json
    from workbench.verbs.polysemanticity import polysemanticity as ask

    with Session() as session:
        pictures = first_by_content(session.pictures(images, skip_broken, "headline"), most)
        fitted = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        found = ask(spec_file, circuit_file, pictures, fitted, output, session.stage, seed, clusters, session.cache(no_cache))
    session.tell(
        as_json, polysemanticity_json(found), polysemanticity_table(found), output / "polysemanticity.png", output / "polysemanticity.json"
    )
