"""The parts of the full report: the score, and each analysis with a section of the page."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Group
from rich.text import Text

from workbench.analyses.registry import ANALYSES
from workbench.analyses.request import PartResult, ReportRequest
from workbench.rebuild import RebuildRequest, rebuild
from workbench.report import table
from workbench.report.limits import limits
from workbench.work import Work

PartFunction = Callable[[ReportRequest, Path, Work], PartResult]
SCORE = "score"


def parts() -> dict[str, PartFunction]:
    """Each part by its name: the score first, since without it there is no page."""
    rows = [row for row in ANALYSES if row.sections]
    return {SCORE: score_part, **{row.name: row.module("part").part for row in rows}}


def score_part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Score the theory on all pictures, into `folder`."""
    card = rebuild(
        RebuildRequest(
            files=[(request.spec_file, request.circuit_file)],
            pictures=request.pictures,
            calibration=request.calibration,
            bound_files=request.bound,
            compare_files=request.compare_with,
            command=request.command,
        ),
        folder,
        work,
    )
    return PartResult(table(card), tuple(limits(card)))


def absent(reason: str) -> PartResult:
    """The result of a part that could not be made."""
    return PartResult(Group(Text(f"Not shown: {reason}")), (reason,))
