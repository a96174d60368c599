"""The command `workbench families`."""

from pathlib import Path

import click

from workbench.terminal.options import (
    CIRCUIT,
    COMMON,
    IMAGES,
    SPEC,
    Common,
    output_option,
)
from workbench.terminal.session import Session


@click.command()
@SPEC
@CIRCUIT
@IMAGES
@output_option("families", "families.json, families.png")
@COMMON
def families(
    spec_file: Path,
    circuit_file: Path,
    images: Path | None,
    output: Path,
    common: Common,
) -> None:
    """Find the trained units that each family of a theory matches, and compare both on photographs.

    `workbench score` scores the last family of SPEC alone. Here every family is matched with the
    host's trained units, at every site up to the circuit's, by the responses of both to one set of
    drawn stimuli: lines, edges, arcs and gratings, bright, dark and coloured, in every pose. A
    trained unit corresponds to the family unit whose tuning correlates best with its own, if the
    correlation is high enough. Both are then compared on photographs, which had no part in the
    matching; `permuted` compares each trained unit with a wrong unit of the same family.

    \b
    workbench families specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml --images
    DIR -o families
    """
    from workbench.analyses.families.figures import families_json
    from workbench.analyses.families.run import FamiliesRequest
    from workbench.analyses.families.run import families as match
    from workbench.analyses.families.table import families_table
    from workbench.matching.subject import SubjectFiles

    with Session() as session:
        pictures = session.pictures(images, common.skip_broken, "headline")
        request = FamiliesRequest(SubjectFiles(spec_file, circuit_file), pictures)
        result = match(request, output, session.work(common.seed, common.no_cache))
    files = output / "families.png", output / "families.json"
    session.print_result(common.as_json, families_json(result), families_table(result), *files)
