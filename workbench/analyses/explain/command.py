"""The command `workbench explain`: compare trained weights with the theory's."""

from pathlib import Path

import click

from workbench.terminal.options import (
    AS_JSON,
    CIRCUIT,
    NO_CACHE,
    SEED,
    SPEC,
    Common,
    command_line,
    output_option,
    use_trained_option,
)
from workbench.terminal.session import Session
from workbench.terminal.tokens import TEXT, of_tokens


@click.command()
@SPEC
@CIRCUIT
@use_trained_option("Circuit FILE of FAMILY's trained units at a site; may be given again.")
@TEXT
@output_option("explain", "explain.json, explain.png")
@NO_CACHE
@SEED
@AS_JSON
def explain(
    spec_file: Path,
    circuit_file: Path,
    bound: dict[str, Path],
    text: Path | None,
    output: Path,
    no_cache: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Compare the weights that SPEC compiles to with the trained weights.

    Between each family and each that it reads, where both have trained units at neighbouring sites:
    how well do the theory's weights, after one scale, match the trained weights, taken through
    bottlenecks? The same with permuted poses, all fitted again, is given next to it. Then as a
    prediction: the trained weights of half of the units predict those of the other half, by the
    theory with its constants fitted to them, and without it, turned. The weights that the theory
    gets most wrong are listed, and all are drawn, trained and handwritten.

    \b
    workbench explain specs/curve-detectors.yaml --circuit circuits/inceptionv1/curve.yaml
        --use-trained early_curve=circuits/inceptionv1/early_curve.yaml --use-trained
        line=circuits/inceptionv1/line-mixed3a.yaml

    Families that differ in phase, size or colour too can be read off Gabors of a survey:

    \b
    workbench explain specs/complex-gabor.yaml --circuit circuits/inceptionv1/complex_gabor.yaml
        --use-trained gabor=circuits/inceptionv1/gabor.yaml

    A theory of tokens (`input: tokens`) is compared with trained scores of heads by place, and with
    the weights between tokens, numbers, neurons and answers (docs/sequences.md).

    \b
    workbench explain specs/tokens/copying.yaml --circuit circuits/tokens/induction/copying.yaml
    """
    if of_tokens([spec_file]):
        from workbench.sequences.analyses.command import run_analysis
        from workbench.sequences.score import TokenRequest

        tokens = TokenRequest(spec_file, circuit_file, text, command=command_line())
        run_analysis("explain", tokens, output, Common(False, no_cache, seed, as_json))
        return
    from workbench.analyses.explain.figures import explained_json
    from workbench.analyses.explain.run import ExplainRequest
    from workbench.analyses.explain.run import explain as compare
    from workbench.analyses.explain.table import explain_table
    from workbench.matching.subject import SubjectFiles

    with Session() as session:
        request = ExplainRequest(SubjectFiles(spec_file, circuit_file, bound))
        result = compare(request, output, session.work(seed, no_cache))
    files = output / "explain.png", output / "explain.json"
    session.print_result(as_json, explained_json(result), explain_table(result), *files)
