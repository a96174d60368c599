"""workbench tune: fit what a spec marks."""

from pathlib import Path

import click

from workbench.cli.options import (
    BROKEN,
    FILE,
    IMAGES,
    NO_CACHE,
    SEED,
    SPEC,
    default_circuit,
    trusted,
)
from workbench.terminal import Session

RATE = 0.06  # as workbench.tune.tune has it


@click.command()
@SPEC
@click.option(
    "--circuit",
    "circuit_files",
    multiple=True,
    type=FILE,
    help="Trained circuit to fit to; of several, in as many networks, all at once.  [default: circuits/squeezenet/FAMILY.yaml beside the specs]",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    callback=trusted,
    help="Also take circuits/HOST/FAMILY.yaml, unless a --circuit is of this host; may be given again. As my_hosts.py:make_host it may run.",
)
@IMAGES
@click.option("-o", "--output", type=FILE, required=True, help="Spec to write: comments kept, with a ledger of what was fitted on what.")
@click.option("--steps", default=200, show_default=True, type=click.IntRange(1), help="Steps of gradient descent.")
@click.option(
    "--most", default=200, show_default=True, type=click.IntRange(1), help="Pictures to fit on at the most, the first by content hash."
)
@click.option(
    "--rate", default=RATE, show_default=True, type=click.FloatRange(0, 1, min_open=True), help="Rate of the descent at its highest."
)
@click.option("--hold", multiple=True, metavar="FAMILY", help="Family whose numbers stay as they are; may be given again. Saves its time.")
@click.option(
    "--keep-poses", is_flag=True, help="Leave every unit where the survey found it: for numbers that are to serve other circuits too."
)
@BROKEN
@NO_CACHE
@SEED
def tune(
    spec_file: Path,
    circuit_files: tuple[Path, ...],
    hosts: tuple[str, ...],
    images: Path | None,
    output: Path,
    steps: int,
    most: int,
    rate: float,
    hold: tuple[str, ...],
    keep_poses: bool,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
) -> None:
    """Fit what SPEC marks `tune`, within its bounds, by gradient through the compiler.

    With several circuits one set of numbers is fitted to all of them, each counting alike: what curves of different networks have in common. With
    --keep-poses it is made to serve a network that it was not fitted to, whose units have surveyed poses only.

    An interrupted fit goes on where it stopped when the same command is given again.
    """
    from workbench.spec import load_circuit
    from workbench.tune.spec import tuned_spec

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "calibration")
        given = {load_circuit(file).host for file in circuit_files} if hosts else set()
        files = [*circuit_files, *(default_circuit(spec_file, host) for host in hosts if host not in given)] or [default_circuit(spec_file)]
        told = (seed, session.stage, hold, rate, not keep_poses, session.cache(no_cache))
        figures = tuned_spec(spec_file, files, pictures, output, steps, most, *told)
    for file, (before, after) in zip(files, figures, strict=True):
        click.echo(f"{file}: mean Pearson on the tuning pictures {before:.3f} -> {after:.3f}")
    click.echo(f"tuned: {output}")
