"""The part of the full report that asks how much of each unit the theory accounts for."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.polysemanticity.figures import Polysemanticity
from workbench.analyses.polysemanticity.run import PolysemanticityRequest, polysemanticity
from workbench.analyses.polysemanticity.table import polysemanticity_table
from workbench.analyses.request import PartResult, ReportRequest
from workbench.matching.subject import SubjectFiles
from workbench.report.conditions import number
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file)
    asked = PolysemanticityRequest(files, request.few, request.calibration)
    result = polysemanticity(asked, folder, work)
    return PartResult(polysemanticity_table(result), tuple(open_questions(result)))


def open_questions(result: Polysemanticity) -> Iterator[str]:
    """A sentence about the activation that the theory does not account for."""
    yield (
        "What the rest of the units' activation is: the theory accounts for "
        f"{number(result.explained, 2)} of it, and {number(result.other, 2)} is left in clusters "
        "of other stimuli."
    )
