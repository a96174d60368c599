"""The part of the full report that tests a theory's claims."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.claims.figures import Claims
from workbench.analyses.claims.run import ClaimsRequest, claims
from workbench.analyses.claims.table import EDITS_OF_INPUT, claims_table
from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.matching.subject import SubjectFiles
from workbench.spec.language import INPUT
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file, request.bound)
    result = claims(ClaimsRequest(files, request.calibration), folder, work)
    return PartResult(
        claims_table(result), tuple(open_questions(result)), {"claims": verdict(result)}
    )


def verdict(result: Claims) -> Verdict:
    """Whether every claim came true in both networks; no verdict where none was tested there."""
    sides = {
        "trained network": [row.trained for row in result.claims if row.trained],
        "handwritten circuit": [row.handwritten for row in result.claims],
    }
    tested = {name: [row.came_true for row in rows] for name, rows in sides.items() if rows}
    counts = (f"{sum(true)} of {len(true)} in the {name}" for name, true in tested.items())
    return Verdict(
        all(map(all, tested.values())) if "trained network" in tested else None,
        f"Claims that came true: {' and '.join(counts) or 'none was tested'}.",
        "Every claim that was tested comes true. A claim compares a figure after an edit with the "
        "same figure before it, or with a bound that the theory states.",
    )


def open_questions(result: Claims) -> Iterator[str]:
    """Sentences about claims that did not come true, or were not tested."""
    for outcome in result.claims:
        if outcome.trained is None:
            families = ", ".join(family for family in outcome.unbound if family != INPUT)
            remedy = (
                f"name the trained units of {families} with --use-trained to test it"
                if families
                else EDITS_OF_INPUT
            )
            yield f"The claim {outcome.claim} of the trained network: {remedy}."
        for side, measured in (
            ("in the trained network", outcome.trained),
            ("in the handwritten circuit", outcome.handwritten),
        ):
            if measured is not None and not measured.came_true:
                yield f"The claim {outcome.claim}: it did not come true {side}."
