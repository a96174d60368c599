"""workbench report: every argument on one page."""

from pathlib import Path

import click

from workbench.cli.options import (
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
    command_line,
)
from workbench.terminal import Session


@click.command()
@SPEC
@CIRCUIT
@bind_option("The trained units, of a circuit FILE, that FAMILY corresponds to; may be given again.")
@click.option("--beside", multiple=True, metavar="SPEC", type=FILE, help="Also score another theory of the same units.")
@IMAGES
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "--few", default=100, show_default=True, type=click.IntRange(2), help="Pictures of all parts but the score, the first by content hash."
)
@click.option(
    "-o", "--output", type=FILE, default=Path("report"), show_default=True, help="Folder to write: report.html, and a folder a part."
)
@BROKEN
@NO_CACHE
@SEED
def report(
    spec_file: Path,
    circuit_file: Path,
    bound: dict[str, Path],
    beside: tuple[Path, ...],
    images: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    few: int,
    output: Path,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
) -> None:
    """Make every argument for SPEC and put them on one page that opens offline, with what was not shown.

    Dataset examples, synthetic examples, joint tuning, weights, use, the handwritten circuit, induction and claims: each part is a command
    of its own, and its files stand in a folder beside the page. A run that was interrupted goes on with the part where it stopped.

    \b
    workbench report specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml --images DIR --calibration OTHER
        --bind early_curve=circuits/inceptionv1/early_curve.yaml --bind line=circuits/inceptionv1/line-mixed3a.yaml
    """
    from workbench.verbs.report import report as assemble

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline")
        fitted = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        cache = session.cache(no_cache)
        page = assemble(spec_file, circuit_file, bound, beside, pictures, fitted, output, session.stage, seed, few, command_line(), cache)
    click.echo(f"report: {page}")
