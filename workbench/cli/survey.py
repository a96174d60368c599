"""workbench survey: find a family in a host."""

from pathlib import Path

import click

from workbench.terminal.options import BROKEN, IMAGES, NO_CACHE, trusted
from workbench.terminal.session import Session
from workbench.terminal.types import NAME, OUTPUT_FILE

# families that a survey finds: as in workbench.vision.survey, which would load torch
FAMILIES = ("curve", "early_curve", "gabor", "complex_gabor", "line", "high-low-frequency")


@click.command()
@click.argument("host_name", metavar="HOST", type=NAME, callback=trusted)
@click.option(
    "--family",
    default="curve",
    type=NAME,
    show_default=True,
    help=f"Family to find: {', '.join(FAMILIES)}.",
)
@click.option(
    "--site",
    "sites",
    type=NAME,
    multiple=True,
    help="Site to search; may be given again.  "
    "[default: every site of moderate depth; for Gabors the early sites]",
)
@click.option(
    "-o",
    "--output",
    type=OUTPUT_FILE,
    help="Circuit file to write.  [default: circuits/HOST/FAMILY.yaml]",
)
@IMAGES
@BROKEN
@NO_CACHE
def survey(
    host_name: str,
    family: str,
    sites: tuple[str, ...],
    output: Path | None,
    images: Path | None,
    skip_broken: bool,
    no_cache: bool,
) -> None:
    """Find a family's units in HOST from behaviour alone, with their poses.

    HOST is an installed host, or my_hosts.py:make_host for a function in a file of yours
    (docs/own-host.md). With @random:SEED appended it is the same network with each unit's weights
    shuffled, in which a survey should find nothing.

    \b
    workbench survey squeezenet
    workbench survey my_hosts.py:make_host --site layer2
    workbench survey inceptionv1 --family complex_gabor --site conv2d1
    workbench survey inceptionv1@random:0
    """
    from workbench.hosts.named import folder_name
    from workbench.hosts.store import load
    from workbench.spec import dump_circuit
    from workbench.vision.survey import survey as find

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "calibration")
        circuit = find(
            load(host_name),
            family,
            pictures,
            sites or None,
            session.counter,
            cache=session.cache(no_cache),
        )
        target = output or Path("circuits") / folder_name(host_name) / f"{family}.yaml"
        dump_circuit(circuit, target)
    click.echo(f"{len(circuit.units)} {family} units at {circuit.site} of {host_name}: {target}")
