"""The part of the full report that shows which pictures and which next units use the circuit."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group
from rich.text import Text

from workbench.analyses.request import PartResult, ReportRequest
from workbench.analyses.usage.consumers_table import consumers_table
from workbench.analyses.usage.figures import Usage
from workbench.analyses.usage.readers_table import readers_table, unknown
from workbench.analyses.usage.run import UsageRequest, usage
from workbench.matching.subject import SubjectFiles
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file)
    result = usage(UsageRequest(files, request.few, request.calibration), folder, work)
    tables = Group(consumers_table(result.consumers), Text(""), readers_table(result.readers))
    return PartResult(tables, tuple(open_questions(result)))


def open_questions(result: Usage) -> Iterator[str]:
    """A sentence about units whose weights are not known."""
    if result.readers.known < result.readers.channels:
        yield unknown(result.readers)
