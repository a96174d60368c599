"""The part of the full report about rotated copies."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.equivariance.figures import Equivariance
from workbench.analyses.equivariance.run import EquivarianceRequest, equivariance
from workbench.analyses.equivariance.table import equivariance_table
from workbench.analyses.equivariance.view import SIGNIFICANT
from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.report.conditions import number
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    asked = EquivarianceRequest(request.circuit_file, request.few, request.bound)
    result = equivariance(asked, folder, work)
    verdicts = {"joint": verdict(result)}
    return PartResult(equivariance_table(result), tuple(open_questions(result)), verdicts)


def verdict(result: Equivariance) -> Verdict:
    """Whether the units are turned copies in every view; no verdict without a view."""
    views = "; ".join(
        f"{view.view} {number(view.explained.value, 2)} (in wrong frames "
        f"{number(view.permuted.value, 2)}, p {number(view.p, 3)})"
        for view in result.views
    )
    return Verdict(
        all(view.turned for view in result.views) if result.views else None,
        f"Share of each unit that the others, turned, explain: {views or 'not measured'}.",
        "In every kind of evidence the units' own frames explain more than frames exchanged among "
        f"the units (p at most {SIGNIFICANT:g}).",
    )


def open_questions(result: Equivariance) -> Iterator[str]:
    """Sentences about how far the units are from copies of one another."""
    for view in result.views:
        verdict = ", no more than in wrong frames." if not view.turned else "."
        yield (
            f"Whether the units are copies of one another, in {view.view}: the others, turned, "
            f"explain {number(view.explained.value, 2)} of each{verdict}"
        )
