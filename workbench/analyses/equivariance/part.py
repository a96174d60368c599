"""The part of the full report about rotated copies."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.equivariance.figures import Equivariance
from workbench.analyses.equivariance.run import EquivarianceRequest, equivariance
from workbench.analyses.equivariance.table import equivariance_table
from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.report.conditions import number
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    asked = EquivarianceRequest(request.circuit_file, request.few, request.bound)
    result = equivariance(asked, folder, work)
    return PartResult(equivariance_table(result), tuple(open_questions(result)), verdict(result))


def verdict(result: Equivariance) -> Verdict | None:
    """In how many views the units are turned copies; None without a view."""
    checks = "kinds of evidence explain more in the right frames than in wrong ones"
    copies = sum(view.turned for view in result.views)
    return Verdict(copies, len(result.views), checks) if result.views else None


def open_questions(result: Equivariance) -> Iterator[str]:
    """Sentences about how far the units are from copies of one another."""
    for view in result.views:
        verdict = ", no more than in wrong frames." if not view.turned else "."
        yield (
            f"Whether the units are copies of one another, in {view.view}: the others, turned, "
            f"explain {number(view.explained.value, 2)} of each{verdict}"
        )
