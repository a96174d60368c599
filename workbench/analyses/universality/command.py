"""workbench universality: survey and score one theory on many networks."""

from collections.abc import Sequence
from pathlib import Path

import click

from workbench.engine import Engine
from workbench.errors import WorkbenchError
from workbench.terminal.options import (
    AS_JSON,
    BROKEN,
    CALIBRATE_ON,
    CALIBRATION,
    DEVICE,
    ENGINE,
    IMAGES,
    NO_CACHE,
    SEED,
    command_line,
    known_circuit,
    output_option,
    trusted,
)
from workbench.terminal.session import Session
from workbench.terminal.tokens import TEXT, of_tokens
from workbench.terminal.types import NAME, SHIPPED_FILE, count


@click.command()
@click.argument("spec_files", metavar="SPEC...", nargs=-1, required=True, type=SHIPPED_FILE)
@click.option(
    "--host",
    "hosts",
    type=NAME,
    multiple=True,
    callback=trusted,
    help="Network to score; may be given again, also as my_hosts.py:make_host. induction@step:* "
    "stands for every checkpoint of that training.  [default: every installed one]",
)
@click.option(
    "--circuit",
    "circuit_files",
    multiple=True,
    type=SHIPPED_FILE,
    help="A network's trained circuit; may be given again.  [default: circuits/HOST/FAMILY.yaml "
    "next to the specs, else a survey]",
)
@click.option(
    "--null",
    is_flag=True,
    help="Also survey every network with its weights shuffled, as HOST@random:SEED: units that a "
    "survey finds there too are no evidence of a feature.",
)
@IMAGES
@click.option(
    "--score-on",
    type=count(2),
    help="Score at most this many pictures, the first by content hash; of prompts, a random draw.",
)
@TEXT
@CALIBRATION
@CALIBRATE_ON
@output_option("universality", "universality.json, universality.png, a report for each network")
@ENGINE
@BROKEN
@NO_CACHE
@DEVICE
@SEED
@AS_JSON
def universality(  # noqa: PLR0913
    spec_files: tuple[Path, ...],
    hosts: tuple[str, ...],
    circuit_files: tuple[Path, ...],
    null: bool,
    images: Path | None,
    score_on: int | None,
    text: Path | None,
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
    """Survey and score one family on many networks, each with theories tuned on the others.

    Several SPECs of one family, tuned on different networks, are the rows of the transfer matrix;
    networks are its columns. An interrupted run continues where it stopped when the same command is
    given again.

    \b
    workbench universality specs/curve-detectors.yaml specs/curves-transferred.yaml --host
    inceptionv1 --host squeezenet

    A theory of tokens (`input: tokens`) is surveyed and scored part by part on every network, also
    through the checkpoints of a training (docs/sequences.md).

    \b
    workbench universality specs/tokens/induction-heads.yaml --host "induction@step:*"
    """
    if of_tokens(spec_files):
        from workbench.sequences.analyses.universality.command import command, one_theory
        from workbench.sequences.analyses.universality.run import TokenUniversalityRequest

        tokens = TokenUniversalityRequest(
            spec_file=one_theory(spec_files),
            names=hosts,
            circuit_files=circuit_files,
            text=text,
            score_on=score_on,
            command=command_line(),
            ignore_rows=no_cache,
        )
        command(tokens, null, output, seed, as_json)
        return
    from workbench.analyses.universality.figures import universality_json
    from workbench.analyses.universality.run import UniversalityRequest
    from workbench.analyses.universality.run import universality as compare
    from workbench.analyses.universality.table import universality_table
    from workbench.hosts.named import NULL, is_null
    from workbench.hosts.store import installed

    hosts = hosts or tuple(row.name for row in installed() if row.installed)
    if null:
        hosts += tuple(f"{name}{NULL}{seed}" for name in hosts if not is_null(name))
    known = {
        name: file
        for name in hosts
        if not is_null(name) and (file := known_circuit(spec_files[0], name))
    }
    known |= _by_host(circuit_files, hosts)
    with Session() as session:
        request = UniversalityRequest(
            spec_files=spec_files,
            hosts=hosts,
            circuit_files=known,
            pictures=session.pictures(images, skip_broken, "headline", score_on),
            calibration=session.pictures(calibration, skip_broken, "calibration", calibrate_on),
            surveyed=session.pictures(None, skip_broken, "calibration"),
            command=command_line(),
            ignore_rows=no_cache,
        )
        result = compare(request, output, session.work(seed, no_cache, engine, device))
    files = output / "universality.png", output / "universality.json"
    session.print_result(as_json, universality_json(result), universality_table(result), *files)


def _by_host(circuit_files: Sequence[Path], hosts: Sequence[str]) -> dict[str, Path]:
    """Each circuit file by its host.

    Raises WorkbenchError for one of a host that is not tried, and for two of one host.
    """
    from workbench.spec import load_circuit

    files: dict[str, Path] = {}
    for file in circuit_files:
        host = load_circuit(file).host
        if host not in hosts:
            tried = f"a circuit of a host that is tried ({', '.join(hosts)})"
            raise WorkbenchError(
                "--circuit", f"{file} is of {host}", tried, f"Give --host {host} too."
            )
        if host in files:
            raise WorkbenchError(
                "--circuit", f"{files[host]} and {file} are both of {host}", "one for each host"
            )
        files[host] = file
    return files
