"""workbench layers: every family by itself."""

from pathlib import Path

import click

from workbench.cli.options import (
    AS_JSON,
    BROKEN,
    CIRCUIT,
    FILE,
    IMAGES,
    NO_CACHE,
    SEED,
    SPEC,
)
from workbench.terminal import Session


@click.command()
@SPEC
@CIRCUIT
@IMAGES
@click.option("-o", "--output", type=FILE, default=Path("layers"), show_default=True, help="Folder to write: layers.json, layers.png.")
@BROKEN
@NO_CACHE
@SEED
@AS_JSON
def layers(
    spec_file: Path, circuit_file: Path, images: Path | None, output: Path, skip_broken: bool, no_cache: bool, seed: int, as_json: bool
) -> None:
    """Score every family of a theory by itself: which trained units are like it, and how like?

    The score of a circuit is of its last family. Here each family of SPEC is matched with the host's trained units, at every site up to the
    circuit's, by what both answer to one set of drawn stimuli: lines, edges, arcs and gratings, bright, dark and coloured, in every pose.
    A trained unit corresponds to the family unit whose tuning correlates best with its own, if that is enough. Then both are compared
    on photographs, which had no part in the matching; `permuted` pairs each trained unit with a wrong unit of the same family.

    \b
    workbench layers specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml --images DIR -o layers
    """
    from workbench.report.layers import layers_table
    from workbench.score.layers import layers_json
    from workbench.verbs.layers import layers as compare

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline")
        found = compare(spec_file, circuit_file, pictures, output, session.stage, seed, session.cache(no_cache))
    session.tell(as_json, layers_json(found), layers_table(found), output / "layers.png", output / "layers.json")
