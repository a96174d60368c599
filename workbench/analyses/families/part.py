"""The part of the full report that matches families with trained units."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.families.figures import Families
from workbench.analyses.families.run import FamiliesRequest, families
from workbench.analyses.families.table import families_table
from workbench.analyses.request import PartResult, ReportRequest
from workbench.matching.subject import SubjectFiles
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file)
    result = families(FamiliesRequest(files, request.few), folder, work)
    return PartResult(families_table(result), tuple(open_questions(result)))


def open_questions(result: Families) -> Iterator[str]:
    """Sentences about families that no trained unit matches."""
    for family in result.families:
        if not any(row.family == family for row in result.layers):
            yield (
                f"Whether the network has anything like the theory's family {family}: no trained "
                "unit corresponds to one of its units."
            )
