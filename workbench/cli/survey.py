"""workbench survey: find a family in a host."""

from pathlib import Path

import click

from workbench.cli.options import BROKEN, FILE, IMAGES, NO_CACHE, trusted
from workbench.terminal import Session

FAMILIES = (
    "curve",
    "early_curve",
    "gabor",
    "complex_gabor",
    "line",
    "high-low-frequency",
)  # that a survey finds; workbench.survey has the same, and loads torch


@click.command()
@click.argument("host_name", metavar="HOST", callback=trusted)
@click.option("--family", default="curve", show_default=True, help=f"Family to find: {', '.join(FAMILIES)}.")
@click.option(
    "--site",
    "sites",
    multiple=True,
    help="Site to look at; may be given again.  [default: every site of moderate depth, of Gabors early ones]",
)
@click.option("-o", "--output", type=FILE, help="Circuit file to write.  [default: circuits/HOST/FAMILY.yaml]")
@IMAGES
@BROKEN
@NO_CACHE
def survey(
    host_name: str, family: str, sites: tuple[str, ...], output: Path | None, images: Path | None, skip_broken: bool, no_cache: bool
) -> None:
    """Find a family's units in HOST from behaviour alone, with their poses.

    HOST is an installed host, my_hosts.py:make_host for a function in a file of yours (docs/own-host.md), or either of them with @random:SEED
    behind it: the same network with each unit's weights shuffled, in which there should be nothing to find.

    \b
    workbench survey squeezenet
    workbench survey my_hosts.py:make_host --site layer2
    workbench survey inceptionv1 --family complex_gabor --site conv2d1
    workbench survey inceptionv1@random:0
    """
    from workbench.hosts.named import folder_name
    from workbench.hosts.store import load
    from workbench.spec import dump_circuit
    from workbench.survey import survey as find

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "calibration")
        found = find(load(host_name), family, pictures, sites or None, session.counter, cache=session.cache(no_cache))
        target = output or Path("circuits") / folder_name(host_name) / f"{family}.yaml"
        dump_circuit(found, target)
    click.echo(f"{len(found.units)} {family} units at {found.site} of {host_name}: {target}")
