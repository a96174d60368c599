"""The part of the full report that makes the pictures that activate units most."""

from pathlib import Path

from workbench.analyses.request import PartResult, ReportRequest
from workbench.analyses.visualise.run import VisualiseRequest, visualise
from workbench.analyses.visualise.table import visualised_table
from workbench.matching.subject import SubjectFiles
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file)
    result = visualise(VisualiseRequest(files, request.few, request.calibration), folder, work)
    return PartResult(visualised_table(result))
