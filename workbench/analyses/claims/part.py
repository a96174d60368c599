"""The part of the full report that tests a theory's claims."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.claims.figures import Claims
from workbench.analyses.claims.run import ClaimsRequest, claims
from workbench.analyses.claims.table import claims_table
from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.matching.subject import SubjectFiles
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file, request.bound)
    result = claims(ClaimsRequest(files, request.calibration), folder, work)
    return PartResult(claims_table(result), tuple(open_questions(result)), verdict(result))


def verdict(result: Claims) -> Verdict | None:
    """How many claims came true; None where none was tested."""
    sides = [side for row in result.claims for side in (row.trained, row.handwritten) if side]
    checks = "claims came true, of the trained network and of the handwritten circuit"
    return Verdict(sum(side.came_true for side in sides), len(sides), checks) if sides else None


def open_questions(result: Claims) -> Iterator[str]:
    """Sentences about claims that did not come true, or were not tested."""
    for outcome in result.claims:
        if outcome.trained is None:
            families = ", ".join(outcome.unbound)
            yield (
                f"The claim {outcome.claim} of the trained network: name the trained units of "
                f"{families} with --use-trained to test it."
            )
        for side, measured in (
            ("in the trained network", outcome.trained),
            ("in the handwritten circuit", outcome.handwritten),
        ):
            if measured is not None and not measured.came_true:
                yield f"The claim {outcome.claim}: it did not come true {side}."
