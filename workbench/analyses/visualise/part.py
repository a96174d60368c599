"""The part of the full report that makes the pictures that activate units most."""

from pathlib import Path

import numpy as np

from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.analyses.visualise.figures import HANDWRITTEN, Visualised
from workbench.analyses.visualise.run import VisualiseRequest, visualise
from workbench.analyses.visualise.table import visualised_table
from workbench.matching.subject import SubjectFiles
from workbench.report.conditions import number
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file)
    result = visualise(VisualiseRequest(files, request.few, request.calibration), folder, work)
    return PartResult(visualised_table(result), verdicts={"visualisation": verdict(result)})


def verdict(result: Visualised) -> Verdict:
    """Whether the handwritten units' pictures activate their trained units more than others."""
    made = [picture for picture in result.of(HANDWRITTEN) if np.isfinite(picture.others)]
    better = sum(picture.trained > picture.others for picture in made)
    same, others = (
        number(float(np.mean(values)) if values else None, 2)
        for values in (
            [picture.trained for picture in made],
            [picture.others for picture in made],
        )
    )
    return Verdict(
        better == len(made) if made else None,
        f"Pictures made for handwritten units activate their trained units to {same} of the "
        f"highest on photographs, the circuit's other trained units to {others} on average; "
        f"{better} of {len(made)} activate their own unit more.",
        "Every picture that is made for a handwritten unit activates its trained unit more than "
        "the circuit's other trained units on average.",
    )
