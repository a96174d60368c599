"""workbench frontier: replace more and more of a network, theory by theory."""

from pathlib import Path

import click

from workbench.engine import Engine
from workbench.terminal.options import (
    AS_JSON,
    BROKEN,
    CALIBRATE_ON,
    CALIBRATION,
    CIRCUITS,
    DEVICE,
    ENGINE,
    HOST,
    IMAGES,
    NO_CACHE,
    SEED,
    Common,
    command_line,
    output_option,
    paired,
)
from workbench.terminal.session import Session
from workbench.terminal.tokens import TEXT, of_tokens, paired_tokens
from workbench.terminal.types import SHIPPED_FILE


@click.command()
@click.argument("spec_files", metavar="SPEC...", nargs=-1, required=True, type=SHIPPED_FILE)
@CIRCUITS
@HOST
@IMAGES
@CALIBRATION
@CALIBRATE_ON
@TEXT
@output_option("frontier", "frontier.json, frontier.png")
@ENGINE
@BROKEN
@NO_CACHE
@DEVICE
@SEED
@AS_JSON
def frontier(  # noqa: PLR0913
    spec_files: tuple[Path, ...],
    circuit_files: tuple[Path, ...],
    host: str | None,
    images: Path | None,
    calibration: Path | None,
    calibrate_on: int,
    text: Path | None,
    output: Path,
    engine: Engine,
    skip_broken: bool,
    no_cache: bool,
    device: str,
    seed: int,
    as_json: bool,
) -> None:
    """Replace more and more of a network's units, theory by theory, and plot what survives.

    The first SPEC's units are spliced, then those of the first two together, and so on. Each step
    is judged by its own gain: its units handwritten, against the same units at their mean,
    resampled, at wrong poses, or predicted without a theory, while those of earlier steps are
    handwritten. KL and agreement are drawn against the share of the host's units, up to the deepest
    of the sites, that is handwritten; the other units are trained or, beside it, at their mean.

    The heads of a theory of tokens (`input: tokens`) are handwritten one after another, and then
    what answers read, next to mean patterns and ablations (docs/sequences.md).

    \b
    workbench frontier specs/tokens/copying.yaml --circuit circuits/tokens/induction/copying.yaml
    """
    if of_tokens(spec_files):
        from workbench.sequences.analyses.command import run_analysis
        from workbench.sequences.score import TokenRequest

        pair = paired_tokens(spec_files, circuit_files, host)
        tokens = TokenRequest(*pair, text=text, command=command_line())
        run_analysis("frontier", tokens, output, Common(skip_broken, no_cache, seed, as_json))
        return
    from workbench.analyses.frontier.figures import frontier_json
    from workbench.analyses.frontier.run import FrontierRequest
    from workbench.analyses.frontier.run import frontier as grow
    from workbench.analyses.frontier.table import frontier_table

    with Session() as session:
        pictures = session.pictures(images, skip_broken, "headline")
        fit = session.pictures(calibration, skip_broken, "calibration", calibrate_on)
        files = paired(spec_files, circuit_files, host)
        work = session.work(seed, no_cache, engine, device)
        result = grow(FrontierRequest(files, pictures, fit), output, work)
    session.print_result(
        as_json,
        frontier_json(result),
        frontier_table(result),
        output / "frontier.png",
        output / "frontier.json",
    )
