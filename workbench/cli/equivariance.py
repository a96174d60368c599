"""workbench equivariance: how much simpler symmetry makes a family."""

from pathlib import Path

import click

from workbench.cli.options import AS_JSON, BROKEN, FILE, IMAGES, NO_CACHE, SEED, bind_option
from workbench.terminal import Session


@click.command()
@click.argument("circuit_file", metavar="CIRCUIT", type=FILE)
@bind_option("A circuit FILE of trained units at the site just before, the weights from which are looked at too; may be given again.")
@IMAGES
@click.option(
    "--pictures", "most", default=100, show_default=True, type=click.IntRange(1), help="Pictures to turn at the most, the first by content."
)
@click.option(
    "--tolerance",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of a unit's variance that its prototype must explain.",
)
@click.option(
    "-o", "--output", type=FILE, default=Path("equivariance"), show_default=True, help="Folder: equivariance.json, equivariance.png."
)
@BROKEN
@NO_CACHE
@SEED
@AS_JSON
def equivariance(
    circuit_file: Path,
    bound: dict[str, Path],
    images: Path | None,
    most: int,
    tolerance: float,
    output: Path,
    skip_broken: bool,
    no_cache: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Ask how far the trained units of CIRCUIT are turned copies of one another, and how much simpler that makes them.

    Every unit's responses to turned drawings and turned photographs, and its weights, are seen from the unit's own frame: its pose, and its size,
    as the circuit file has them. A unit's prototype is the mean of all *other* units. `permuted` puts each unit into the frame of another.
    Weights are seen smoothed over poses and places, and raw: both say how much the others foretell.

    \b
    workbench equivariance circuits/inceptionv1/curve.yaml --images DIR
        --bind early_curve=circuits/inceptionv1/early_curve.yaml --bind line=circuits/inceptionv1/line-mixed3a.yaml
    """
    from workbench.pictures import first_by_content
    from workbench.report.equivariance import equivariance_table
    from workbench.score.equivariance import equivariance_json
    from workbench.verbs.equivariance import equivariance as compare

    with Session() as session:
        pictures = first_by_content(session.pictures(images, skip_broken, "headline"), most)
        found = compare(circuit_file, bound, pictures, output, session.stage, seed, tolerance, session.cache(no_cache))
    session.tell(as_json, equivariance_json(found), equivariance_table(found), output / "equivariance.png", output / "equivariance.json")
