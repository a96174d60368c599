"""workbench write: a circuit in a copy of the host."""

from pathlib import Path

import click

from workbench.cli.options import (
    BROKEN,
    CALIBRATE_ON,
    CALIBRATION,
    CIRCUIT,
    FILE,
    NO_CACHE,
    SEED,
    SPEC,
)
from workbench.terminal import Session


@click.command()
@SPEC
@CIRCUIT
@CALIBRATION
@CALIBRATE_ON
@click.option("-o", "--output", type=FILE, required=True, help="File to write (.safetensors).")
@BROKEN
@NO_CACHE
@SEED
def write(
    spec_file: Path,
    circuit_file: Path,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
) -> None:
    """Write a circuit into a copy of the host's own weights, and export the copy.

    For a theory of one family that reads `input`, at a site that is the network's first convolution and its ReLU (conv1 of squeezenet, conv2d0
    of inceptionv1): the units' filters become the handwritten ones, gain and bias calibrated as `score` does. The host itself stays as it
    was. From Python, workbench.splice.written_file.read_written(FILE) is the network again.
    """
    from workbench.verbs.write import write as into_copy

    with Session() as session:
        pictures = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        made = into_copy(spec_file, circuit_file, pictures, output, session.stage, seed, session.cache(no_cache))
    click.echo(f"{made.name}: {made.source}\nfingerprint {made.fingerprint}: {output}")
