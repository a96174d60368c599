"""The command line.

Each command reads its options, calls one function of the library and prints the result. Heavy
modules are imported only by the commands that need them.
"""

import click

from workbench import __version__
from workbench.cli.commands import COMMANDS, RENAMED, RENAMED_OPTIONS, SECTIONS
from workbench.terminal.group import Commands, LazyCommands

__all__ = ["Commands", "main"]


@click.group(
    cls=LazyCommands,
    rows=COMMANDS,
    sections=SECTIONS,
    renamed=RENAMED,
    renamed_options=RENAMED_OPTIONS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="workbench")
def main() -> None:
    """Write a network's weights by hand from a theory, splice them in, and measure what survives.

    \b
    workbench hosts pull squeezenet        download a trained network
    workbench check specs/*.yaml           validate theories
    workbench show specs/curve-detectors.yaml -o kernels.png
    workbench score specs/curve-detectors.yaml -o out
    """
