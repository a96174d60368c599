"""workbench tune: fit the numbers that a spec marks."""

from pathlib import Path

import click

from workbench.cli.tokens import TUNE_OPTIONS, tune_of_tokens
from workbench.terminal.options import (
    COMMON,
    IMAGES,
    SPEC,
    Common,
    default_circuit,
    trusted,
    use_trained_option,
)
from workbench.terminal.session import Session
from workbench.terminal.tokens import of_tokens, paired_tokens, refuse_options
from workbench.terminal.types import NAME, OUTPUT_FILE, SHIPPED_FILE, Number, count
from workbench.tune.settings import RATE, WEIGHTS, TuneSettings


@click.command()
@SPEC
@click.option(
    "--circuit",
    "circuit_files",
    multiple=True,
    type=SHIPPED_FILE,
    help="Trained circuit to fit to; given again, circuits of several networks are fitted "
    "together.  [default: circuits/squeezenet/FAMILY.yaml next to the specs]",
)
@click.option(
    "--host",
    "hosts",
    type=NAME,
    multiple=True,
    callback=trusted,
    help="Also fit to circuits/HOST/FAMILY.yaml, unless a --circuit is of this host; may be given "
    "again. A host my_hosts.py:make_host runs your code.",
)
@IMAGES
@click.option(
    "-o",
    "--output",
    type=OUTPUT_FILE,
    required=True,
    help="Spec to write, NAME.yaml: keeps comments. Beside it are written NAME.tuned-*.yaml, the "
    "ledger of what was fitted to which pictures, and NAME.tuning.svg, a plot of the fit.",
)
@click.option(
    "--steps",
    default=200,
    show_default=True,
    type=count(),
    help="Steps of gradient descent.",
)
@click.option(
    "--most",
    default=200,
    show_default=True,
    type=count(),
    help="Fit to at most this many pictures, the first by content hash.",
)
@click.option(
    "--rate",
    default=RATE,
    show_default=True,
    type=Number(0, 1, min_open=True),
    help="Highest learning rate.",
)
@click.option(
    "--hold",
    type=NAME,
    multiple=True,
    metavar="FAMILY",
    help="Family whose numbers are not fitted; may be given again.",
)
@click.option(
    "--keep-poses",
    is_flag=True,
    help="Do not fit poses: every unit keeps the pose of the survey, so that the numbers fit other "
    "circuits too.",
)
@use_trained_option(
    "Also fit the weights to the last family from FAMILY: the trained ones from the units of the "
    "circuit FILE, at the site just before; may be given again."
)
@click.option(
    "--weights",
    default=WEIGHTS,
    show_default=True,
    type=Number(0),
    help="With --use-trained: the part in the loss of 1 less the cosine of the theory's and the "
    "trained weights; that of 1 less the correlation of the responses is 1.",
)
@COMMON
def tune(  # noqa: PLR0913
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
    bound: dict[str, Path],
    weights: float,
    common: Common,
) -> None:
    """Fit the numbers that SPEC marks `tune`, by gradient descent through the compiler.

    Every number stays within its bounds. With several circuits one set of numbers is fitted to all
    of them, with equal weight. With --keep-poses the numbers also fit networks that were not used
    here, whose units have surveyed poses only.

    Numbers that ended at a bound are listed.

    An interrupted fit continues when the same command is given again; one of tokens starts again.

    A theory of tokens (`input: tokens`) is fitted to the answers at the scored places of its
    circuit's calibration prompts, with all families of heads together and each alone.
    """
    if of_tokens([spec_file]):
        refuse_options(TUNE_OPTIONS)
        pair = paired_tokens([spec_file], circuit_files, *hosts[:1])
        tune_of_tokens(pair, output, steps, rate, common.seed)
        return
    from workbench.spec import load_circuit
    from workbench.tune.result import tuned_json, tuned_lines
    from workbench.tune.spec import tuned_spec

    with Session() as session:
        pictures = session.pictures(images, common.skip_broken, "calibration")
        given = {load_circuit(file).host for file in circuit_files} if hosts else set()
        files = [
            *circuit_files,
            *(default_circuit(spec_file, host) for host in hosts if host not in given),
        ] or [default_circuit(spec_file)]
        settings = TuneSettings(
            *(steps, most, common.seed, hold, rate),
            with_poses=not keep_poses,
            bound={family: load_circuit(file) for family, file in bound.items()},
            weights=weights,
        )
        work = session.work(common.seed, common.no_cache)
        result = tuned_spec(spec_file, files, pictures, output, settings, work)
    click.echo(tuned_json(result) if common.as_json else "\n".join(tuned_lines(result)))
