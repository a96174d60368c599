"""workbench export: a circuit in a copy of the host."""

from pathlib import Path

import click

from workbench.terminal.options import (
    BROKEN,
    CALIBRATE_ON,
    CALIBRATION,
    CIRCUIT,
    NO_CACHE,
    SEED,
    SPEC,
)
from workbench.terminal.session import Session
from workbench.terminal.types import OUTPUT_FILE


@click.command()
@SPEC
@CIRCUIT
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "-o", "--output", type=OUTPUT_FILE, required=True, help="File to write (.safetensors)."
)
@BROKEN
@NO_CACHE
@SEED
def export(
    spec_file: Path,
    circuit_file: Path,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
) -> None:
    """Write a circuit into a copy of the network's own weights, and export the copy.

    SPEC is a theory of one family that reads `input`; its units are at the network's first
    convolution and its ReLU (conv1 of squeezenet, conv2d0 of inceptionv1). Their filters become the
    handwritten ones, with gain and bias calibrated as `score` does. The network itself stays as it
    was. From Python, workbench.export.file.read_exported(FILE) gives the copy again.
    """
    from workbench.export.run import ExportRequest
    from workbench.export.run import export as into_copy
    from workbench.matching.subject import SubjectFiles

    with Session() as session:
        pictures = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        request = ExportRequest(SubjectFiles(spec_file, circuit_file), pictures)
        made = into_copy(request, output, session.work(seed, no_cache))
    click.echo(f"{made.name}: {made.source}\nfingerprint {made.fingerprint}: {output}")
