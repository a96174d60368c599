"""Score a theory of tokens and write its folder: score.json, pictures and report.html."""

from dataclasses import replace
from pathlib import Path

from workbench.result_folder import folder_written_whole
from workbench.sequences.report.page import write_report
from workbench.sequences.score import TokenCard, TokenRequest, score_tokens
from workbench.work import Work


def rebuild_tokens(
    request: TokenRequest,
    output: Path,
    work: Work = Work(),  # noqa: B008 (frozen)
) -> TokenCard:
    """Score a theory and write its result to the folder `output`. Raises WorkbenchError."""
    with folder_written_whole(output) as folder:
        card = score_tokens(replace(request, pictured=True), work)
        write_report(folder, card)
    return card
