"""workbench diff: two networks, one mechanism."""

from pathlib import Path

import click

from workbench.cli.options import AS_JSON, BROKEN, CALIBRATE_ON, CALIBRATION, FILE, IMAGES, NO_CACHE, SEED, known_circuit, trusted
from workbench.terminal import Session

THERE = click.Path(path_type=Path, exists=True, dir_okay=False)  # a mistyped one is no wish for a survey


@click.command()
@click.argument("host_a", metavar="HOST_A", callback=trusted)
@click.argument("host_b", metavar="HOST_B", callback=trusted)
@click.option(
    "--spec",
    "spec_file",
    type=FILE,
    default=Path("specs/curve-detectors.yaml"),
    show_default=True,
    help="Theory whose last family is compared.",
)
@click.option("--circuit-a", type=THERE, help="A's trained circuit.  [default: circuits/HOST/FAMILY.yaml beside the specs, else a survey]")
@click.option("--circuit-b", type=THERE, help="B's trained circuit.  [default: as A's]")
@IMAGES
@click.option("--score-on", type=click.IntRange(2), help="Pictures of the images folder to take at the most, the first by content hash.")
@CALIBRATION
@CALIBRATE_ON
@click.option("-o", "--output", type=FILE, default=Path("diff"), show_default=True, help="Folder to write: diff.json.")
@BROKEN
@NO_CACHE
@SEED
@AS_JSON
def diff(
    host_a: str,
    host_b: str,
    spec_file: Path,
    circuit_a: Path | None,
    circuit_b: Path | None,
    images: Path | None,
    score_on: int | None,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Say what differs between HOST_A and HOST_B in the terms of a theory.

    Units are matched by what they answer to drawn arcs, never by channel number. Of matched ones pose, radius and width are compared, and the
    weight of each term of the theory; then what the units are worth to each network.

    \b
    workbench diff squeezenet squeezenet_second_run --spec specs/curves-transferred.yaml
    """
    from workbench.report.diff import diff_table
    from workbench.score.diff import diff_json
    from workbench.verbs.diff import diff as compare

    files = [circuit or known_circuit(spec_file, host) for host, circuit in ((host_a, circuit_a), (host_b, circuit_b))]
    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline", score_on)
        fit = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        surveyed = session.pictures(None, skip_broken, "calibration")
        cache = session.cache(no_cache)
        found = compare((host_a, host_b), spec_file, files, pictures, fit, surveyed, output, session.stage, session.counter, seed, cache)
    session.tell(as_json, diff_json(found), diff_table(found), output / "diff.json")
