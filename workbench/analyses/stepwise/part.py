"""The part of the full report that checks the theory layer by layer."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.analyses.stepwise.figures import Stepwise
from workbench.analyses.stepwise.run import StepwiseRequest, stepwise
from workbench.analyses.stepwise.steps import FAILS, HOLDS
from workbench.analyses.stepwise.table import assumption, stepwise_table
from workbench.matching.subject import SubjectFiles
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file, request.bound)
    result = stepwise(StepwiseRequest(files, request.few, request.calibration), folder, work)
    return PartResult(stepwise_table(result), tuple(open_questions(result)), verdict(result))


def verdict(result: Stepwise) -> Verdict | None:
    """How many steps hold, over units and assumptions; None without steps."""
    steps = [step for claim in result.claims for unit in claim.units for step in unit.steps]
    held = sum(step.verdict == HOLDS for step in steps)
    return Verdict(held, len(steps), "steps of the proof hold") if steps else None


def open_questions(result: Stepwise) -> Iterator[str]:
    """Sentences about steps that do not hold in every unit."""
    for claim in result.claims:
        for k, first in enumerate(claim.units[0].steps):
            verdicts = [unit.steps[k].verdict for unit in claim.units]
            holds, fails = verdicts.count(HOLDS), verdicts.count(FAILS)
            if holds < len(verdicts):
                yield (
                    f"Whether {claim.family} at {claim.site} follows ({assumption(first)}): of "
                    f"{len(verdicts)} units {fails} fail and {len(verdicts) - holds - fails} are "
                    "unknown."
                )
