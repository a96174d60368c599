"""workbench universality: one theory, many networks."""

from collections.abc import Sequence
from pathlib import Path

import click

from workbench.cli.options import (
    AS_JSON,
    BROKEN,
    CALIBRATE_ON,
    CALIBRATION,
    DEVICE,
    ENGINE,
    FILE,
    IMAGES,
    NO_CACHE,
    SEED,
    command_line,
    known_circuit,
    trusted,
)
from workbench.engine import Engine
from workbench.errors import WorkbenchError
from workbench.terminal import Session


@click.command()
@click.argument("spec_files", metavar="SPEC...", nargs=-1, required=True, type=FILE)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    callback=trusted,
    help="Host to try; may be given again, also as my_hosts.py:make_host.  [default: every installed one]",
)
@click.option(
    "--circuit",
    "circuit_files",
    multiple=True,
    type=FILE,
    help="A host's trained circuit; may be given again.  [default: circuits/HOST/FAMILY.yaml beside the specs, else a survey]",
)
@click.option(
    "--null", is_flag=True, help="Also survey every host with its weights shuffled, as HOST@random:SEED: there should be nothing to find."
)
@IMAGES
@click.option("--score-on", type=click.IntRange(2), help="Pictures of the images folder to take at the most, the first by content hash.")
@CALIBRATION
@CALIBRATE_ON
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=Path("universality"),
    show_default=True,
    help="Folder to write: universality.json, universality.png, a report for each host.",
)
@ENGINE
@BROKEN
@NO_CACHE
@DEVICE
@SEED
@AS_JSON
def universality(
    spec_files: tuple[Path, ...],
    hosts: tuple[str, ...],
    circuit_files: tuple[Path, ...],
    null: bool,
    images: Path | None,
    score_on: int | None,
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
    """Survey and score every host, and print where the family lives in each and how far a theory holds that was tuned on another.

    Several SPECs of one family, tuned on different hosts, are the rows of the transfer matrix; hosts are its columns. An interrupted run goes on
    where it stopped when the same command is given again.

    \b
    workbench universality specs/curve-detectors.yaml specs/curves-transferred.yaml --host inceptionv1 --host squeezenet
    """
    from workbench.hosts.named import NULL, is_null
    from workbench.hosts.store import installed
    from workbench.report.universality import universality_table
    from workbench.score.universality import universality_json
    from workbench.verbs.universality import universality as compare

    hosts = hosts or tuple(row.name for row in installed() if row.installed)
    if null:
        hosts += tuple(f"{name}{NULL}{seed}" for name in hosts if not is_null(name))
    known = {name: file for name in hosts if not is_null(name) and (file := known_circuit(spec_files[0], name))}
    known |= _of_hosts(circuit_files, hosts)
    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline", score_on)
        fit = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        surveyed = session.pictures(None, skip_broken, "calibration")
        told = (session.stage, session.counter, seed, command_line(), engine, device, session.cache(no_cache), no_cache)
        found = compare(spec_files, hosts, known, pictures, fit, surveyed, output, *told)
    session.tell(as_json, universality_json(found), universality_table(found), output / "universality.png", output / "universality.json")


def _of_hosts(circuit_files: Sequence[Path], hosts: Sequence[str]) -> dict[str, Path]:
    """Each circuit file by its host. Raises WorkbenchError for one of a host that is not tried, and for two of one host."""
    from workbench.spec import load_circuit

    found: dict[str, Path] = {}
    for file in circuit_files:
        host = load_circuit(file).host
        if host not in hosts:
            tried = f"a circuit of a host that is tried ({', '.join(hosts)})"
            raise WorkbenchError("--circuit", f"{file} is of {host}", tried, f"Give --host {host} too.")
        if host in found:
            raise WorkbenchError("--circuit", f"{found[host]} and {file} are both of {host}", "one for each host")
        found[host] = file
    return found
