"""Check a theory of tokens step by step: each alone, and one after the other."""

from pathlib import Path

import torch

from workbench.sequences.analyses.opened import Opened, analysed
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
    return analysed(request, output, work, "stepwise", _measured, to_json, draw_stepwise)


def _measured(start: Opened, work: Work) -> TokenStepwise:
    steps = steps_of(start.subject)
    parts = [part for step in steps for part in (step.alone, step.after) if part]
    rows = iter(start.evaluated(parts, work, with_temperatures=True))
    return TokenStepwise(
        start,
        [
            step_scores(step, next(rows), next(rows) if step.after else None, start)
            for step in steps
        ],
    )
