"""workbench claims: what an edit does."""

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
@bind_option("The trained units, of a circuit FILE at the site before, that FAMILY corresponds to; may be given again.")
@CALIBRATION
@CALIBRATE_ON
@click.option("-o", "--output", type=FILE, default=Path("claims"), show_default=True, help="Folder to write: claims.json, claims.png.")
@BROKEN
@NO_CACHE
@SEED
@AS_JSON
def claims(
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
    """Make the edits that SPEC makes claims about, in the trained network and by hand, and see whether they come true.

    An edit takes away weights between a family and the last one. In the trained network these are the weights from the units that --bind gives
    for the family; a claim about a family without any is not tested there. A claim that fails is a result: the exit code is 0.

    \b
    workbench claims specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml
        --bind early_curve=circuits/inceptionv1/early_curve.yaml --bind line=circuits/inceptionv1/line-mixed3a.yaml
    """
    from workbench.report.claims import claims_table
    from workbench.score.claims import claims_json
    from workbench.verbs.claims import claims as test

    with Session() as session:
        pictures = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        found = test(spec_file, circuit_file, bound, pictures, output, session.stage, seed, cache=session.cache(no_cache))
    session.tell(as_json, claims_json(found), claims_table(found), output / "claims.png", output / "claims.json")
