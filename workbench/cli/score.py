"""workbench score: the loop."""

from pathlib import Path

import click

from workbench.cli.options import (
    AS_JSON,
    BROKEN,
    CALIBRATE_ON,
    CALIBRATION,
    CIRCUITS,
    DEVICE,
    ENGINE,
    FILE,
    HOST,
    IMAGES,
    NO_CACHE,
    SEED,
    SPECS,
    bind_option,
    command_line,
    paired,
)
from workbench.engine import Engine
from workbench.terminal import Session


@click.command()
@SPECS
@CIRCUITS
@HOST
@IMAGES
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "-o", "--output", type=FILE, default=Path("out"), show_default=True, help="Folder to write: score.json, pictures, report.html."
)
@bind_option(
    "Also score the theory with FAMILY read off the trained units of a circuit FILE in place of compiled ones; may be given again. "
    "Each adds a link `bound.FAMILY` to the chain from the last step by hand to everything by hand."
)
@click.option(
    "--beside", multiple=True, metavar="SPEC", type=FILE, help="Also score another theory of the same units: a baseline, or a variant."
)
@click.option(
    "--quick",
    is_flag=True,
    help="While a spec is edited: without variants, the numbers as written, and the controls that speak with the spec's own circuit.",
)
@click.option(
    "--precision",
    type=click.Choice(("float32", "bfloat16")),
    default="float32",
    show_default=True,
    help="Of the trained layers behind the last splice. bfloat16 moves each KL a little, and is faster on a processor that computes in it.",
)
@ENGINE
@BROKEN
@NO_CACHE
@DEVICE
@SEED
@AS_JSON
def score(
    spec_files: tuple[Path, ...],
    circuit_files: tuple[Path, ...],
    host: str | None,
    images: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    bound: dict[str, Path],
    beside: tuple[Path, ...],
    quick: bool,
    precision: str,
    engine: Engine,
    skip_broken: bool,
    no_cache: bool,
    device: str,
    seed: int,
    as_json: bool,
) -> None:
    """Compile, splice, compare with ablations and controls, and write the report. The loop.

    Several specs are spliced together: the units of every circuit are replaced in the same run, at whatever sites they are. SPEC is
    specs/curve-detectors.yaml by default.
    """
    from workbench.rebuild import rebuild
    from workbench.report import table
    from workbench.score.document import to_json

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline")
        fit = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        card = rebuild(
            paired(spec_files, circuit_files, host),
            pictures,
            fit,
            output,
            session.stage,
            seed,
            command_line(),
            bound,
            beside,
            quick=quick,
            cache=session.cache(no_cache),
            precision=precision,
            device=device,
            engine=engine,
        )
    session.tell(as_json, to_json(card), table(card), output / "report.html")
