"""workbench residual: what the theory does not know."""

from pathlib import Path

import click

from workbench.cli.options import (
    AS_JSON,
    BROKEN,
    CALIBRATE_ON,
    CALIBRATION,
    CIRCUIT,
    FILE,
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
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "-o", "--output", type=FILE, default=Path("residual"), show_default=True, help="Folder to write: residual.json, residual.png."
)
@BROKEN
@NO_CACHE
@SEED
@AS_JSON
def residual(
    spec_file: Path,
    circuit_file: Path,
    bound: dict[str, Path],
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Where do trained and handwritten units differ, and what would explain it?

    Each family that has trained units at the site before, and directions found by non-negative factorisation of what is left, are tried as
    something that the theory might read: how much of what is left do these units explain on pictures that the fit has not seen, and how
    much by chance? The best that the theory does not read, and that is beyond chance, is the suggestion; often there is none. All is
    done on calibration pictures, so that a later score is of pictures that had no part in it. Patches of pictures are clustered by
    direction; drawn stimuli and units of the same site that go with what is left are listed.

    \b
    workbench residual specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml
        --bind early_curve=circuits/inceptionv1/early_curve.yaml --bind line=circuits/inceptionv1/line-mixed3a.yaml
    """
    from workbench.report.residual import residual_table
    from workbench.score.residual import residual_json
    from workbench.verbs.residual import residual as ask

    with Session() as session:
        pictures = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        found = ask(spec_file, circuit_file, bound, pictures, output, session.stage, seed, session.cache(no_cache))
    session.tell(as_json, residual_json(found), residual_table(found), output / "residual.png", output / "residual.json")
