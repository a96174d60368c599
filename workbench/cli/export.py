"""workbench export: a circuit in a copy of the host."""

from pathlib import Path

import click

from workbench.cli.tokens import EXPORT_OPTIONS, export_of_tokens
from workbench.terminal.options import (
    BROKEN,
    CALIBRATE_ON,
    CALIBRATION,
    HOST,
    NO_CACHE,
    ONE_CIRCUIT,
    SEED,
    SPEC,
    chosen_circuit,
)
from workbench.terminal.session import Session
from workbench.terminal.tokens import (
    PART,
    TEXT,
    of_tokens,
    paired_tokens,
    refuse_for_pictures,
    refuse_options,
)
from workbench.terminal.types import OUTPUT_FILE


@click.command()
@SPEC
@ONE_CIRCUIT
@HOST
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "-o", "--output", type=OUTPUT_FILE, required=True, help="File to write (.safetensors)."
)
@PART
@TEXT
@BROKEN
@NO_CACHE
@SEED
def export(  # noqa: PLR0913
    spec_file: Path,
    circuit_file: Path | None,
    host: str | None,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    part: str | None,
    text: Path | None,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
) -> None:
    """Write a circuit into a copy of the network's own weights, and export the copy.

    SPEC is a theory of one family that reads `input`; its units are at the network's first
    convolution and its ReLU (conv1 of squeezenet, conv2d0 of inceptionv1). Their filters become the
    handwritten ones, with gain and bias calibrated as `score` does. The network itself stays as it
    was. From Python, workbench.export.file.read_exported(FILE) gives the copy again.

    A theory of tokens (`input: tokens`) is compiled into the tensors of its transformer, such as
    W_Q and W_K of its heads or every tensor of the network. The file has TransformerLens' names.
    """
    if of_tokens([spec_file]):
        refuse_options(EXPORT_OPTIONS)
        files = paired_tokens([spec_file], [circuit_file] if circuit_file else [], host)
        export_of_tokens(files, text, part, output, seed)
        return
    refuse_for_pictures()
    from workbench.export.run import ExportRequest
    from workbench.export.run import export as into_copy
    from workbench.matching.subject import SubjectFiles

    with Session() as session:
        circuit_file = chosen_circuit(spec_file, circuit_file, host)
        pictures = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        request = ExportRequest(SubjectFiles(spec_file, circuit_file), pictures)
        made = into_copy(request, output, session.work(seed, no_cache))
    click.echo(f"{made.name}: {made.source}\nfingerprint {made.fingerprint}: {output}")
