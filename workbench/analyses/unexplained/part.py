"""The part of the full report that shows what the theory leaves unexplained."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.analyses.unexplained.figures import Unexplained
from workbench.analyses.unexplained.run import UnexplainedRequest, unexplained
from workbench.analyses.unexplained.table import suggestion, unexplained_table
from workbench.matching.subject import SubjectFiles
from workbench.report.conditions import number
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file, request.bound)
    result = unexplained(UnexplainedRequest(files, request.calibration), folder, work)
    verdicts = {"unexplained": verdict(result)}
    return PartResult(unexplained_table(result), tuple(open_questions(result)), verdicts)


def verdict(result: Unexplained) -> Verdict:
    """Whether the site before holds nothing more that would explain the units."""
    right, wrong = (
        sum(shares.values()) / len(shares) for shares in (result.left, result.left_wrong)
    )
    return Verdict(
        result.suggestion is None and right < wrong,
        f"The residual is {number(right, 2)} times the units' variance, with the handwritten units "
        f"shuffled among each other {number(wrong, 2)}. Next: {suggestion(result)}.",
        "The residual is smaller than that of shuffled units, and no unit of the layer before "
        "explains clearly more of it than chance.",
    )


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
