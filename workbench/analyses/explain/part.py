"""The part of the full report that compares trained weights with the theory's."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.explain.figures import Explained
from workbench.analyses.explain.run import ExplainRequest, explain
from workbench.analyses.explain.table import explain_table
from workbench.analyses.request import PartResult, ReportRequest
from workbench.matching.subject import SubjectFiles
from workbench.report.conditions import number
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file, request.bound)
    result = explain(ExplainRequest(files), folder, work)
    return PartResult(explain_table(result), tuple(open_questions(result)))


def open_questions(result: Explained) -> Iterator[str]:
    """Sentences about the variance of the weights that the theory does not explain."""
    for pair in result.pairs:
        downstream, upstream = pair.families
        explained = number(pair.theory["explained"].value, 2)
        yield (
            f"Why the weights from {upstream} to {downstream} are as they are: the theory explains "
            f"{explained} of their variance."
        )
    for name, why in result.left_out.items():
        yield f"The weights to {name} were not compared: {why}"
