"""The part of the full report that checks the theory layer by layer."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.analyses.stepwise.figures import Stepwise
from workbench.analyses.stepwise.run import StepwiseRequest, stepwise
from workbench.analyses.stepwise.steps import FAILS, HOLDS, TOLERANCES
from workbench.analyses.stepwise.table import assumption, stepwise_table
from workbench.matching.subject import SubjectFiles
from workbench.report.conditions import number
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file, request.bound)
    result = stepwise(StepwiseRequest(files, request.few, request.calibration), folder, work)
    return PartResult(
        stepwise_table(result), tuple(open_questions(result)), {"stepwise": verdict(result)}
    )


def verdict(result: Stepwise) -> Verdict:
    """Whether every step holds; no verdict without steps."""
    steps = [step for claim in result.claims for unit in claim.units for step in unit.steps]
    verdicts = [step.verdict for step in steps]
    right, wrong = (
        number(float(np.mean(values)) if values else None, 2)
        for values in (
            [step.pearson.value for step in steps if step.pearson.value is not None],
            [step.wrong for step in steps if step.wrong is not None],
        )
    )
    return Verdict(
        set(verdicts) == {HOLDS} if steps else None,
        f"{verdicts.count(HOLDS)} of {len(steps)} steps hold and {verdicts.count(FAILS)} fail, the "
        f"others are unknown. Mean correlation {right}, with wrong poses {wrong}.",
        "Every step holds: the 95 % interval of its correlation reaches "
        f"{TOLERANCES['pictures']:g} on pictures, its correlation {TOLERANCES['drawn']:g} on drawn "
        "stimuli, and wrong poses, or the site without the claimed units, do clearly worse.",
    )


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
