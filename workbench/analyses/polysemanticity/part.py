"""The part of the full report that asks how much of each unit the theory accounts for."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.polysemanticity.figures import Polysemanticity
from workbench.analyses.polysemanticity.run import PolysemanticityRequest, polysemanticity
from workbench.analyses.polysemanticity.table import polysemanticity_table
from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.matching.subject import SubjectFiles
from workbench.report.conditions import number
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file)
    asked = PolysemanticityRequest(files, request.few, request.calibration)
    result = polysemanticity(asked, folder, work)
    verdicts = {"polysemanticity": verdict(result)}
    return PartResult(polysemanticity_table(result), tuple(open_questions(result)), verdicts)


def verdict(result: Polysemanticity) -> Verdict:
    """Whether the theory accounts for each unit better than wrong ones; none if all are silent."""
    firing = [unit for unit in result.units if unit.explained.value is not None]
    better = [
        unit
        for unit in firing
        if unit.explained.ci95 is not None and unit.explained.ci95[0] > unit.permuted
    ]
    return Verdict(
        len(better) == len(firing) if firing else None,
        f"The theory accounts for {number(result.explained, 2)} of the units' activation, "
        f"theories of the circuit's other units for {number(result.permuted, 2)}; "
        f"{number(result.other, 2)} belongs to other stimuli. Clearly better in {len(better)} of "
        f"{len(firing)} units.",
        "In every unit that fires, the 95 % interval of what the theory accounts for is above what "
        "theories of the other units account for. A unit that also responds to other stimuli can "
        "pass.",
    )


def open_questions(result: Polysemanticity) -> Iterator[str]:
    """A sentence about the activation that the theory does not account for."""
    yield (
        "What the rest of the units' activation is: the theory accounts for "
        f"{number(result.explained, 2)} of it, and {number(result.other, 2)} is left in clusters "
        "of other stimuli."
    )
