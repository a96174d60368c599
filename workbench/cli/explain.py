"""workbench explain: every parameter."""

from pathlib import Path

import click

from workbench.cli.options import AS_JSON, CIRCUIT, FILE, NO_CACHE, SEED, SPEC, bind_option
from workbench.terminal import Session


@click.command()
@SPEC
@CIRCUIT
@bind_option("The trained units, of a circuit FILE, that FAMILY corresponds to at their site; may be given again.")
@click.option("-o", "--output", type=FILE, default=Path("explain"), show_default=True, help="Folder to write: explain.json, explain.png.")
@NO_CACHE
@SEED
@AS_JSON
def explain(spec_file: Path, circuit_file: Path, bound: dict[str, Path], output: Path, no_cache: bool, seed: int, as_json: bool) -> None:
    """How much of the trained weights themselves does SPEC explain, and how much do its form and turning foretell?

    Between each family and each that it reads, where both have trained units at neighbouring sites: the trained weights, through bottlenecks,
    against the theory's after one scale, and beside the same with permuted poses, all fitted anew. Then as a prediction: the trained
    weights of half of the units foretell those of the other half, by the theory with its constants fitted to them, and without it, turned.
    The weights that the theory gets most wrong are listed, and all are drawn, trained beside handwritten.

    \b
    workbench explain specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml
        --bind early_curve=circuits/inceptionv1/early_curve.yaml --bind line=circuits/inceptionv1/line-mixed3a.yaml
    """
    from workbench.report.explain import explain_table
    from workbench.score.explain import explained_json
    from workbench.verbs.explain import explain as compare

    with Session() as session:
        found = compare(spec_file, circuit_file, bound, output, session.stage, seed, session.cache(no_cache))
    session.tell(as_json, explained_json(found), explain_table(found), output / "explain.png", output / "explain.json")
