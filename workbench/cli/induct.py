"""workbench induct: proof by induction."""

from pathlib import Path

import click

from workbench.cli.options import (
    AS_JSON,
    BROKEN,
    CALIBRATE_ON,
    CALIBRATION,
    CIRCUIT,
    FILE,
    IMAGES,
    NO_CACHE,
    SEED,
    SPEC,
    bind_option,
)
from workbench.terminal import Session


@click.command()
@SPEC
@CIRCUIT
@bind_option("The trained units, of a circuit FILE, that FAMILY corresponds to at their site; may be given again.")
@IMAGES
@CALIBRATION
@CALIBRATE_ON
@click.option("-o", "--output", type=FILE, default=Path("induct"), show_default=True, help="Folder to write: induct.json, induct.png.")
@BROKEN
@NO_CACHE
@SEED
@AS_JSON
def induct(
    spec_file: Path,
    circuit_file: Path,
    bound: dict[str, Path],
    images: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
    as_json: bool,
) -> None:
    """If the inputs are what SPEC says, do the trained weights compute what it says next?

    For every trained unit that the theory speaks of, at every site: the units of an earlier site that it speaks of say what the theory says, all
    other channels there their mean, and the trained network runs on. The earlier site goes from the one just before back to the
    picture, so that one assumption after another is discharged. And the other way: the handwritten family on trained inputs. Each step
    holds, fails or is unknown; a unit that fails has the layer at which it goes wrong. A step that fails is a result: the exit code is 0.

    \b
    workbench induct specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml
        --bind early_curve=circuits/inceptionv1/early_curve.yaml --bind line=circuits/inceptionv1/line-mixed3a.yaml
    """
    from workbench.report.induction import induction_tree
    from workbench.score.induction import induction_json
    from workbench.verbs.induct import induct as prove

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline")
        others = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        found = prove(spec_file, circuit_file, bound, pictures, others, output, session.stage, seed, session.cache(no_cache))
    session.tell(as_json, induction_json(found), induction_tree(found), output / "induct.png", output / "induct.json")
