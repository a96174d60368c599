"""Score a theory of tokens and write its folder: score.json, pictures and report.html."""

from dataclasses import replace
from pathlib import Path

from workbench.files import sha256
from workbench.result_folder import folder_written_whole
from workbench.score.inputs import Inputs, gathered
from workbench.score.record import TOKENS, Record, of_run, write_record
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
        inputs = gathered([(request.spec, request.circuit)])
        card = score_tokens(replace(request, pictured=True), work)
        write_report(folder, card)
        write_record(folder, _record(request, inputs, card, work))
    return card


def _record(request: TokenRequest, inputs: Inputs, card: TokenCard, work: Work) -> Record:
    """The record for `workbench score --again`; prompts are made again from the seed."""
    text = sha256(request.text) if request.text else None
    host = {"name": card.host.name, "fingerprint": card.host.fingerprint}
    known_by = {"host": host, "text": text}
    options = {"seed": work.seed, "use_trained": list(request.use_trained)}
    return of_run(TOKENS, inputs, options, known_by, work.device, request.command)
