"""The part of the full report that shows what the theory leaves unexplained."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.request import PartResult, ReportRequest
from workbench.analyses.unexplained.figures import Unexplained
from workbench.analyses.unexplained.run import UnexplainedRequest, unexplained
from workbench.analyses.unexplained.table import unexplained_table
from workbench.matching.subject import SubjectFiles
from workbench.report.conditions import number
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file, request.bound)
    result = unexplained(UnexplainedRequest(files, request.calibration), folder, work)
    return PartResult(unexplained_table(result), tuple(open_questions(result)))


def open_questions(result: Unexplained) -> Iterator[str]:
    """A sentence about what is left of the units, and what the theory might read."""
    left = sum(result.left.values()) / len(result.left)
    size = number(left, 2)
    suggested = (
        f"the theory might read {result.suggestion.name}"
        if result.suggestion
        else "no unit of the layer before explains more than chance"
    )
    if left > 1:
        yield (
            f"Why trained and handwritten units differ on pictures, by {size} times the units' "
            f"variance: {suggested}."
        )
    else:
        yield f"Why {size} of the units' variance on pictures is left: {suggested}."
