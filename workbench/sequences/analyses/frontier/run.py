"""Write more and more of a network by a theory of tokens, and measure what survives."""

from pathlib import Path

import torch

from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts.transformer_host import shape_of
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.sequences.analyses.frontier.figures import (
    TokenFrontier,
    frontier_point,
    to_json,
)
from workbench.sequences.analyses.frontier.plot import draw_frontier
from workbench.sequences.analyses.frontier.points import points_of
from workbench.sequences.analyses.opened import opened
from workbench.sequences.score import TokenRequest
from workbench.work import Work


@torch.no_grad()
def run(
    request: TokenRequest,
    output: Path,
    work: Work = Work(),  # noqa: B008 (frozen)
) -> TokenFrontier:
    """Measure every point and write frontier.json and frontier.png to the folder `output`.

    Raises WorkbenchError, also for a theory without heads.
    """
    start = opened(request, work.seed)
    if not start.subject.written.heads:
        raise WorkbenchError(str(request.spec), "no family of heads", "a theory with units: heads")
    with folder_written_whole(output) as folder:
        points = points_of(start.subject)
        statistics = start.evaluated([point.part for point in points], work)
        shape = shape_of(start.host)
        made = [
            frontier_point(point, rows, start)
            for point, rows in zip(points, statistics, strict=True)
        ]
        result = TokenFrontier(start, shape.layers * shape.heads, made)
        write_whole(folder / "frontier.json", to_json(result))
        write_whole(folder / "frontier.png", png(draw_frontier(result)))
    return result
