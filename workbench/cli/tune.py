"""workbench tune: fit what a spec marks."""

from pathlib import Path

import click

from workbench.cli.options import (
    BROKEN,
    CIRCUIT,
    FILE,
    IMAGES,
    SEED,
    SPEC,
    default_circuit,
)
from workbench.terminal import Session

RATE = 0.06  # as workbench.tune.tune has it


@click.command()
@SPEC
@CIRCUIT
@IMAGES
@click.option("-o", "--output", type=FILE, required=True, help="Spec to write: comments kept, with a ledger of what was fitted on what.")
@click.option("--steps", default=200, show_default=True, type=click.IntRange(1), help="Steps of gradient descent.")
@click.option(
    "--most", default=200, show_default=True, type=click.IntRange(1), help="Pictures to fit on at the most, the first by content hash."
)
@click.option(
    "--rate", default=RATE, show_default=True, type=click.FloatRange(0, 1, min_open=True), help="Rate of the descent at its highest."
)
@click.option("--hold", multiple=True, metavar="FAMILY", help="Family whose numbers stay as they are; may be given again. Saves its time.")
@BROKEN
@SEED
def tune(
    spec_file: Path,
    circuit_file: Path | None,
    images: Path | None,
    output: Path,
    steps: int,
    most: int,
    rate: float,
    hold: tuple[str, ...],
    skip_broken: bool,
    seed: int,
) -> None:
    """Fit what SPEC marks `tune`, within its bounds, by gradient through the compiler.

    An interrupted fit goes on where it stopped when the same command is given again.
    """
    from workbench.tune.spec import tuned_spec

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "calibration")
        circuit_file = circuit_file or default_circuit(spec_file)
        before, after = tuned_spec(spec_file, circuit_file, pictures, output, steps, most, seed, session.stage, hold, rate)
    click.echo(f"mean Pearson on the tuning pictures {before:.3f} -> {after:.3f}: {output}")
