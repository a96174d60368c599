"""Score a theory of tokens and write its folder: score.json and report.html."""

from pathlib import Path

from workbench.files import write_whole
from workbench.result_folder import folder_written_whole
from workbench.sequences.document import to_json
from workbench.sequences.score import TokenCard, TokenRequest, score_tokens
from workbench.work import Work


def rebuild_tokens(
    request: TokenRequest,
    output: Path,
    work: Work = Work(),  # noqa: B008 (frozen)
) -> TokenCard:
    """Score a theory and write its result to the folder `output`. Raises WorkbenchError."""
    with folder_written_whole(output) as folder:
        card = score_tokens(request, work)
        write_whole(folder / "score.json", to_json(card))
    return card
