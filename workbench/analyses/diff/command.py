"""workbench diff: compare the units of one family in two networks."""

from pathlib import Path

import click

from workbench.terminal.options import (
    CALIBRATE_ON,
    CALIBRATION,
    COMMON,
    IMAGES,
    Common,
    known_circuit,
    output_option,
    trusted,
)
from workbench.terminal.session import Session
from workbench.terminal.types import EXISTING_FILE, NAME, SHIPPED_FILE, count


@click.command()
@click.argument("host_a", metavar="HOST_A", type=NAME, callback=trusted)
@click.argument("host_b", metavar="HOST_B", type=NAME, callback=trusted)
@click.option(
    "--spec",
    "spec_file",
    type=SHIPPED_FILE,
    default=Path("specs/curve-detectors.yaml"),
    show_default=True,
    help="Theory whose last family is compared.",
)
@click.option(
    "--circuit-a",
    type=EXISTING_FILE,  # without a file there would be a survey
    help="A's trained circuit.  [default: circuits/HOST/FAMILY.yaml next to the specs, else a "
    "survey]",
)
@click.option("--circuit-b", type=EXISTING_FILE, help="B's trained circuit.  [default: as A's]")
@IMAGES
@click.option(
    "--score-on",
    type=count(2),
    help="Score at most this many pictures, the first by content hash.",
)
@CALIBRATION
@CALIBRATE_ON
@output_option("diff", "diff.json")
@COMMON
def diff(  # noqa: PLR0913
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
    common: Common,
) -> None:
    """Compare the units of one family in HOST_A and HOST_B, in the terms of a theory.

    Units are matched by their responses to drawn arcs, never by channel number. Matched units are
    compared by pose, radius, width, and the weight of each term of the theory. Then the units of
    each network are ablated, to measure how much the network depends on them.

    \b
    workbench diff squeezenet squeezenet_second_run --spec specs/curves-transferred.yaml
    """
    from workbench.analyses.diff.figures import diff_json
    from workbench.analyses.diff.run import DiffRequest
    from workbench.analyses.diff.run import diff as compare
    from workbench.analyses.diff.table import diff_table

    files = [
        circuit or known_circuit(spec_file, host)
        for host, circuit in ((host_a, circuit_a), (host_b, circuit_b))
    ]
    with Session() as session:
        request = DiffRequest(
            hosts=(host_a, host_b),
            spec_file=spec_file,
            circuit_files=files,
            pictures=session.pictures(images, common.skip_broken, "headline", score_on),
            calibration=session.pictures(
                calibration, common.skip_broken, "calibration", calibrate_on
            ),
            surveyed=session.pictures(None, common.skip_broken, "calibration"),
        )
        result = compare(request, output, session.work(common.seed, common.no_cache))
    session.print_result(
        common.as_json, diff_json(result), diff_table(result), output / "diff.json"
    )
