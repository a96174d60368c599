"""The command `workbench equivariance`: are the units of a family rotated copies?"""

from pathlib import Path

import click

from workbench.terminal.options import (
    COMMON,
    IMAGES,
    Common,
    command_line,
    output_option,
    trusted,
    use_trained_option,
)
from workbench.terminal.session import Session
from workbench.terminal.tokens import of_tokens, refuse_other_host
from workbench.terminal.types import NAME, SHIPPED_FILE, Number, count


@click.command()
@click.argument("circuit_file", metavar="CIRCUIT", type=SHIPPED_FILE)
@use_trained_option(
    "Circuit FILE of FAMILY's trained units at the site just before, to compare weights too; "
    "may be given again."
)
@click.option(
    "--host",
    type=NAME,
    metavar="HOST",
    callback=trusted,
    help="Network of CIRCUIT. Needed only for my_hosts.py:make_host, a function in a file of "
    "yours, which runs only if named here.",
)
@IMAGES
@click.option(
    "--pictures",
    "most",
    default=100,
    show_default=True,
    type=count(),
    help="Turn at most this many pictures, the first by content hash.",
)
@click.option(
    "--tolerance",
    default=0.5,
    show_default=True,
    type=Number(0, 1, min_open=True, max_open=True),
    help="Share of a unit's variance that its prototype must explain.",
)
@output_option("equivariance", "equivariance.json, equivariance.png")
@COMMON
def equivariance(
    circuit_file: Path,
    bound: dict[str, Path],
    host: str | None,
    images: Path | None,
    most: int,
    tolerance: float,
    output: Path,
    common: Common,
) -> None:
    """Measure how far the trained units of CIRCUIT are rotated copies of one another.

    It also measures how much simpler this makes them. Every unit's responses to rotated drawings
    and photographs, and its weights, are taken in the unit's own frame: its pose and size in the
    circuit file. A unit's prototype is the mean of all *other* units. `permuted` puts each unit
    into the frame of another. Weights are compared smoothed over poses and places, and raw: both
    show how well the other units predict a unit.

    \b
    workbench equivariance circuits/inceptionv1/curve.yaml --images DIR
        --use-trained early_curve=circuits/inceptionv1/early_curve.yaml --use-trained
        line=circuits/inceptionv1/line-mixed3a.yaml

    Neurons that read numbers (a circuit of `input: tokens`) are compared under shifts of the
    numbers by their phases (docs/sequences.md).

    \b
    workbench equivariance circuits/tokens/modular_addition/sum.yaml
    """
    if host:
        refuse_other_host(host, circuit_file)
    if of_tokens([circuit_file]):
        from workbench.sequences.analyses.equivariance.command import command
        from workbench.sequences.analyses.equivariance.run import TokenEquivarianceRequest

        command(TokenEquivarianceRequest(circuit_file, command_line()), output, common)
        return
    from workbench.analyses.equivariance.figures import equivariance_json
    from workbench.analyses.equivariance.run import EquivarianceRequest
    from workbench.analyses.equivariance.run import equivariance as compare
    from workbench.analyses.equivariance.table import equivariance_table
    from workbench.vision.pictures import first_by_content

    with Session() as session:
        pictures = first_by_content(session.pictures(images, common.skip_broken, "headline"), most)
        request = EquivarianceRequest(circuit_file, pictures, bound, tolerance)
        result = compare(request, output, session.work(common.seed, common.no_cache))
    files = output / "equivariance.png", output / "equivariance.json"
    session.print_result(
        common.as_json, equivariance_json(result), equivariance_table(result), *files
    )
