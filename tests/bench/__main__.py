"""`make bench`: times of seven conditions of two commands by the engine and other libraries.

`python -m tests.bench` prints its progress on standard error, then a table, and writes every
figure of docs/engine.md as JSON.
"""

import json
import sys
from pathlib import Path

import click
import torch

from tests.bench.clock import CLOCKS
from tests.bench.conditions import ready
from tests.bench.measure import ROOT, Timing, measured
from tests.bench.pictures import chosen
from tests.bench.results import ratios, table
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts.store import load
from workbench.terminal import types
from workbench.terminal.options import DEFAULT_HOST

HOSTS = (DEFAULT_HOST, "inceptionv1")  # those that tests/bench/plain.py writes in torch's layers


@click.command(help="Time the engine and other libraries on the same conditions and pictures.")
@click.option("--host", type=click.Choice(HOSTS), default=DEFAULT_HOST, show_default=True)
@click.option(
    "--images",
    type=types.FILE,
    help="Folder of pictures.  [default: photographs that scikit-image ships]",
)
@click.option(
    "--count",
    type=types.count(),
    default=32,
    show_default=True,
    help="Pictures of the seven conditions.",
)
@click.option("--rounds", type=types.count(), default=3, show_default=True)
@click.option(
    "--clock",
    type=click.Choice(tuple(CLOCKS)),
    default="wall",
    show_default=True,
    help="cpu: of use with one thread on a machine that others use.",
)
@click.option("--threads", type=types.count(), help="Threads of torch.  [default: torch's own]")
@click.option(
    "--memory",
    type=types.count(0),
    multiple=True,
    default=(500,),
    show_default=True,
    help="Drawn pictures to score for the peak memory; may be given again. 0 leaves it out.",
)
@click.option(
    "-o",
    "--output",
    type=types.OUTPUT_FILE,
    default=Path("bench.json"),
    show_default=True,
)
def main(
    host: str,
    images: Path | None,
    count: int,
    rounds: int,
    clock: str,
    threads: int | None,
    memory: tuple[int, ...],
    output: Path,
) -> None:
    torch.set_num_threads(threads or torch.get_num_threads())
    timing = Timing(rounds, clock, tuple(dict.fromkeys(filter(None, memory))))
    pictures, calibration = chosen(images, count)
    report = measured(ready(load(host), ROOT, pictures, calibration), timing)
    report["ratios"] = ratios(report)
    click.echo(table(report))
    write_whole(output, json.dumps(report, indent=1) + "\n")
    click.echo(f"all figures: {output}")


if __name__ == "__main__":
    try:
        main()
    except WorkbenchError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
