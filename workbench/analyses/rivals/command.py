"""The command `workbench rivals`."""

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


@click.command()
@SPEC
@CIRCUIT
@IMAGES
@CALIBRATION
@CALIBRATE_ON
@output_option("rivals", "rivals.json, rivals.png")
@COMMON
def rivals(
    spec_file: Path,
    circuit_file: Path,
    images: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    common: Common,
) -> None:
    """Compare a theory with predictors without a theory, at equal description length.

    A theory and its rivals are counted in bits by one rule (docs/rivals.md), spliced in turn, and
    drawn as what is lost against bits. The rivals read the trained units of the layer before: a few
    single weights of each unit, a regression of low rank, the trained weights pruned or quantised,
    one trained unit, and the full regression. The theory is also scored with its numbers rounded.

    \b
    workbench rivals specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml --images
    DIR --calibration DIR -o rivals
    """
    from workbench.analyses.rivals.figures import rivals_json
    from workbench.analyses.rivals.run import RivalsRequest
    from workbench.analyses.rivals.run import rivals as compare
    from workbench.analyses.rivals.table import rivals_table
    from workbench.matching.subject import SubjectFiles

    with Session() as session:
        pictures = session.pictures(images, common.skip_broken, "headline")
        fit = session.pictures(calibration, common.skip_broken, "calibration", calibrate_on)
        request = RivalsRequest(SubjectFiles(spec_file, circuit_file), pictures, fit)
        result = compare(request, output, session.work(common.seed, common.no_cache))
    files = output / "rivals.png", output / "rivals.json"
    session.print_result(common.as_json, rivals_json(result), rivals_table(result), *files)
