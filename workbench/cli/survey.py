"""workbench survey: find a family in a host."""

from pathlib import Path

import click

from workbench.terminal.options import BROKEN, IMAGES, NO_CACHE, trusted
from workbench.terminal.session import Session
from workbench.terminal.types import NAME, OUTPUT_FILE

# families that a survey finds: as in workbench.vision.survey, which would load torch
FAMILIES = (
    "curve",
    "early_curve",
    "gabor",
    "rough_gabor",
    "colour_field",
    "blob",
    "complex_gabor",
    "line",
    "high-low-frequency",
    "colour_contrast",
    "brightness_contrast",
    "centre_surround",
    "colour_centre_surround",
)

# of a host of tokens: as in workbench.sequences.survey
TOKEN_FAMILIES = (
    "previous",
    "next",
    "same",
    "induction",
    "first",
    "local",
    "copying",
    "sum",
)


@click.command()
@click.argument("host_name", metavar="HOST", type=NAME, callback=trusted)
@click.option(
    "--family",
    default="curve",
    type=NAME,
    show_default=True,
    help=f"Family to find: {', '.join(FAMILIES)}; in a network of tokens "
    f"{', '.join(TOKEN_FAMILIES)}.",
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
    help="Circuit file to write.  [default: circuits/HOST/FAMILY.yaml; in a network of tokens "
    "circuits/tokens/HOST/FAMILY.yaml]",
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
    shuffled: units that a survey finds there too are no evidence of a feature.

    \b
    workbench survey squeezenet
    workbench survey my_hosts.py:make_host --site layer2
    workbench survey inceptionv1 --family complex_gabor --site conv2d1
    workbench survey inceptionv1@random:0
    workbench survey induction@final --family copying
    """
    if family in TOKEN_FAMILIES:
        _survey_tokens(host_name, family, sites, output, images)
        return
    from workbench.errors import WorkbenchError
    from workbench.hosts.named import folder_name
    from workbench.hosts.store import load
    from workbench.hosts.tokens import TokenInput
    from workbench.spec import dump_circuit
    from workbench.vision.survey import survey as find

    host = load(host_name)
    if isinstance(host.input, TokenInput):
        families = " or ".join(TOKEN_FAMILIES)
        raise WorkbenchError("--family", family, families, f"{host_name} reads tokens.")
    with Session() as session:
        pictures = session.pictures(images, skip_broken, "calibration")
        circuit = find(
            host,
            family,
            pictures,
            sites or None,
            session.counter,
            cache=session.cache(no_cache),
        )
        target = output or Path("circuits") / folder_name(host_name) / f"{family}.yaml"
        dump_circuit(circuit, target)
    click.echo(f"{len(circuit.units)} {family} units at {circuit.site} of {host_name}: {target}")


def _survey_tokens(
    host_name: str, family: str, sites: tuple[str, ...], output: Path | None, images: Path | None
) -> None:
    """Survey a transformer; its heads and neurons are looked for in every layer."""
    from workbench.errors import WorkbenchError
    from workbench.hosts.named import folder_name
    from workbench.hosts.store import load
    from workbench.sequences.survey import dump_token_circuit
    from workbench.sequences.survey import survey as find

    if sites or images:
        raise WorkbenchError(
            f"survey {host_name}",
            f"--site and --images do not go with --family {family}",
            "neither: heads and neurons of every layer are surveyed on tokens",
        )
    with Session() as session:
        found = find(load(host_name), family, progress=session.counter)
        default = Path("circuits", "tokens", folder_name(host_name), f"{family}.yaml")
        target = output or default
        dump_token_circuit(found.circuit, target)
    click.echo("\n".join(found.lines))
    click.echo(f"{family} of {host_name}: {target}")
