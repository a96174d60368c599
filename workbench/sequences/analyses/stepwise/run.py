"""Check a theory of tokens step by step: each alone, and one after the other."""

from pathlib import Path

import torch

from workbench.files import write_whole
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.sequences.analyses.opened import opened
from workbench.sequences.analyses.stepwise.figures import TokenStepwise, step_scores, to_json
from workbench.sequences.analyses.stepwise.plot import draw_stepwise
from workbench.sequences.analyses.stepwise.steps import steps_of
from workbench.sequences.score import TokenRequest
from workbench.work import Work


@torch.no_grad()
def run(
    request: TokenRequest,
    output: Path,
    work: Work = Work(),  # noqa: B008 (frozen)
) -> TokenStepwise:
    """Measure every step and write stepwise.json and stepwise.png to the folder `output`.

    Raises WorkbenchError.
    """
    start = opened(request, work.seed)
    with folder_written_whole(output) as folder:
        steps = steps_of(start.subject)
        parts = [part for step in steps for part in (step.alone, step.after) if part]
        rows = iter(start.evaluated(parts, work))
        scores = [
            step_scores(step, next(rows), next(rows) if step.after else None, start)
            for step in steps
        ]
        result = TokenStepwise(start, scores)
        write_whole(folder / "stepwise.json", to_json(result))
        write_whole(folder / "stepwise.png", png(draw_stepwise(result)))
    return result
