"""workbench score: compile, splice, score and report."""

from pathlib import Path

import click

from workbench.cli.again import AGAIN
from workbench.cli.requirements import (
    REQUIRE,
    exit_unless_met,
    requirements_of_pictures,
    with_outcomes,
)
from workbench.cli.tokens import SCORE_OPTIONS, score_of_tokens
from workbench.engine import Engine
from workbench.terminal.json_errors import JSON_ERRORS
from workbench.terminal.options import (
    CALIBRATE_ON,
    CALIBRATION,
    CIRCUITS,
    COMMON,
    COMPARE_WITH,
    DEVICE,
    ENGINE,
    HOST,
    IMAGES,
    SPECS,
    Common,
    command_line,
    families_alone,
    output_option,
    paired,
    use_trained_option,
    with_files,
)
from workbench.terminal.session import Session
from workbench.terminal.tokens import TEXT, of_tokens, paired_tokens, refuse_options


@click.command()
@JSON_ERRORS
@SPECS
@CIRCUITS
@HOST
@IMAGES
@CALIBRATION
@CALIBRATE_ON
@output_option("out", "score.json, pictures, report.html")
@use_trained_option(
    "Also score the theory with the trained units of a circuit FILE in place of FAMILY's compiled "
    "ones; may be given again. Adds the condition `trained.FAMILY`, in which FAMILY and the given "
    "families before it are trained units, and those after it handwritten. For a theory of tokens "
    "FAMILY alone: heads keep their trained patterns, numbers their trained embedding.",
    alone=True,
)
@COMPARE_WITH
@click.option(
    "--quick",
    is_flag=True,
    help="For quick checks while a spec is edited: leaves out variants, the numbers before tuning, "
    "the controls that are made from the spec's own circuit, and the visualisations of units.",
)
@click.option(
    "--precision",
    type=click.Choice(("float32", "bfloat16")),
    default="float32",
    show_default=True,
    help="Precision of the trained layers after the last splice. bfloat16 changes each KL a "
    "little, and is faster on a processor that supports it.",
)
@TEXT
@REQUIRE
@ENGINE
@DEVICE
@COMMON
@AGAIN
def score(  # noqa: PLR0913
    spec_files: tuple[Path, ...],
    circuit_files: tuple[Path, ...],
    host: str | None,
    images: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    output: Path,
    bound: dict[str, Path | None],
    compare_with: tuple[Path, ...],
    quick: bool,
    precision: str,
    text: Path | None,
    required: tuple[str, ...],
    engine: Engine,
    device: str,
    common: Common,
) -> None:
    """Compile, splice, compare with ablations and controls, and write the report.

    Several specs are spliced together: the units of all their circuits are replaced in one run,
    also at different sites. SPEC is specs/curve-detectors.yaml by default.

    A theory of tokens (`input: tokens`) is scored part by part on the prompts that its circuit
    file declares (docs/sequences.md).
    """
    if of_tokens(spec_files):
        refuse_options(SCORE_OPTIONS)
        pair = paired_tokens(spec_files, circuit_files, host)
        trained = families_alone(bound)
        score_of_tokens(pair, text, output, common.seed, common.as_json, required, trained)
        return
    bound_files = with_files(bound)
    requirements = requirements_of_pictures(required, quick)
    from workbench.rebuild import RebuildRequest, rebuild
    from workbench.report import table
    from workbench.score.document import document, to_json
    from workbench.score.outcomes import outcomes

    with Session() as session:
        request = RebuildRequest(
            files=paired(spec_files, circuit_files, host),
            pictures=session.pictures(images, common.skip_broken, "headline"),
            calibration=session.pictures(
                calibration, common.skip_broken, "calibration", calibrate_on
            ),
            bound_files=bound_files,
            compare_files=compare_with,
            quick=quick,
            precision=precision,
            command=command_line(),
        )
        work = session.work(common.seed, common.no_cache, engine, device)
        card = rebuild(request, output, work)
    judged = outcomes(document(card), requirements)
    shown = with_outcomes(document(card), judged, to_json(card))
    pages = [output / "report.html", *([output / "compare.html"] if card.others else [])]
    session.print_result(common.as_json, shown, table(card), *pages)
    exit_unless_met(judged)
