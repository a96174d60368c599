"""Write more and more of a network by a theory of tokens, and measure what survives."""

from pathlib import Path

import torch

from workbench.hosts.transformer_host import shape_of
from workbench.sequences.analyses.frontier.figures import (
    TokenFrontier,
    frontier_point,
    to_json,
)
from workbench.sequences.analyses.frontier.plot import draw_frontier
from workbench.sequences.analyses.frontier.points import points_of
from workbench.sequences.analyses.opened import Opened, analysed
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
    return analysed(request, output, work, "frontier", _measured, to_json, draw_frontier)


def _measured(start: Opened, work: Work) -> TokenFrontier:
    start.refuse_without_heads()
    points = points_of(start.subject)
    statistics = start.evaluated([point.part for point in points], work)
    shape = shape_of(start.host)
    made = [
        frontier_point(point, rows, start) for point, rows in zip(points, statistics, strict=True)
    ]
    return TokenFrontier(start, shape.layers * shape.heads, made)
