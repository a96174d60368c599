"""workbench frontier: more and more by hand."""

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
    paired,
)
from workbench.engine import Engine
from workbench.terminal import Session


@click.command()
@click.argument("spec_files", metavar="SPEC...", nargs=-1, required=True, type=FILE)
@CIRCUITS
@HOST
@IMAGES
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "-o", "--output", type=FILE, default=Path("frontier"), show_default=True, help="Folder to write: frontier.json, frontier.png."
)
@ENGINE
@BROKEN
@NO_CACHE
@DEVICE
@SEED
@AS_JSON
def frontier(
    spec_files: tuple[Path, ...],
    circuit_files: tuple[Path, ...],
    host: str | None,
    images: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    engine: Engine,
    skip_broken: bool,
    no_cache: bool,
    device: str,
    seed: int,
    as_json: bool,
) -> None:
    """Write more and more of the host by hand, spec by spec in the given order, and plot what survives.

    The first circuit's units are spliced, then those of the first two together, and so on; each set beside its zero ablation and the same
    handwritten units permuted, against the share of the host's units, up to the deepest of the sites, that is handwritten.
    """
    from workbench.report.frontier import frontier_table
    from workbench.score.frontier import frontier_json
    from workbench.verbs.frontier import frontier as grow

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline")
        fit = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        files, cache = paired(spec_files, circuit_files, host), session.cache(no_cache)
        found = grow(files, pictures, fit, output, session.stage, seed, cache, device=device, engine=engine)
    session.tell(as_json, frontier_json(found), frontier_table(found), output / "frontier.png", output / "frontier.json")
