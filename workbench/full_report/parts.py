"""The parts of the full report: the score, and each analysis with a section of the page."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Group
from rich.text import Text

from workbench.analyses.registry import ANALYSES
from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.rebuild import RebuildRequest, rebuild
from workbench.report import table
from workbench.report.conditions import compared_with, reaching
from workbench.report.limits import limits
from workbench.report.table import headline
from workbench.score.scorecard import Scorecard
from workbench.work import Work

PartFunction = Callable[[ReportRequest, Path, Work], PartResult]
SCORE = "score"


def parts() -> dict[str, PartFunction]:
    """Each part by its name: the score first, since without it there is no page."""
    rows = [row for row in ANALYSES if row.sections]
    return {SCORE: score_part, **{row.name: row.module("part").part for row in rows}}


def score_part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Score the theory on all pictures, into `folder`."""
    card = rebuild(
        RebuildRequest(
            files=[(request.spec_file, request.circuit_file)],
            pictures=request.pictures,
            calibration=request.calibration,
            bound_files=request.bound,
            compare_files=request.compare_with,
            command=request.command,
        ),
        folder,
        work,
    )
    return PartResult(table(card), tuple(limits(card)), verdict(card), headline(card).plain)


def verdict(card: Scorecard) -> Verdict | None:
    """How many ablations, controls and baselines the handwritten units are clearly better than.

    None where the host's answers are not compared.
    """
    rivals = [name for name, figure in compared_with(card).items() if figure.value is not None]
    checks = "ablations, controls and baselines are clearly worse than the handwritten units"
    return Verdict(len(rivals) - len(reaching(card)), len(rivals), checks) if rivals else None


def absent(reason: str) -> PartResult:
    """The result of a part that could not be made."""
    return PartResult(Group(Text(f"Not shown: {reason}")))
