"""The command line. Each command checks its words, calls one stage and prints; whatever is heavy is imported when it is needed."""

import click

from workbench import __version__
from workbench.cli import (
    cache,
    claims,
    diff,
    equivariance,
    explain,
    frontier,
    hosts,
    induct,
    layers,
    polysemanticity,
    report,
    residual,
    score,
    specs,
    survey,
    tune,
    universality,
    visualise,
    write,
)
from workbench.cli.group import Commands

COMMANDS = (
    hosts.hosts,
    survey.survey,
    specs.check,
    specs.compile_command,
    specs.show,
    score.score,
    frontier.frontier,
    layers.layers,
    claims.claims,
    induct.induct,
    explain.explain,
    equivariance.equivariance,
    polysemanticity.polysemanticity,
    visualise.visualise,
    universality.universality,
    diff.diff,
    residual.residual,
    tune.tune,
    report.report,
    write.write,
    cache.cache,
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="workbench")
def main() -> None:
    """Write a network's weights by hand from a theory, splice them in, and measure what survives.

    \b
    workbench hosts pull squeezenet        a trained network to work on
    workbench check specs/*.yaml           is the theory well said?
    workbench show specs/curve-detectors.yaml -o kernels.png
    workbench score specs/curve-detectors.yaml -o out
    """


for command in COMMANDS:
    main.add_command(command)
