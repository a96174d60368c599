"""The parts of the full report: the score, and each analysis with a section of the page."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Group
from rich.text import Text

from workbench.analyses.registry import ANALYSES
from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.rebuild import RebuildRequest, rebuild
from workbench.report import table
from workbench.report.conditions import NO_OUTPUT, compared_with, number, reaching
from workbench.report.limits import limits
from workbench.report.summary import best_baseline
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
    return PartResult(
        table(card), tuple(limits(card)), {"handwritten": verdict(card)}, headline(card).plain
    )


def verdict(card: Scorecard) -> Verdict:
    """Whether the handwritten units are clearly better than all ablations, controls and baselines.

    No verdict where the host's answers are not compared.
    """
    rivals = [name for name, figure in compared_with(card).items() if figure.value is not None]
    label, worse = card.headline_quantity.label, len(rivals) - len(reaching(card))
    best = best_baseline(card)
    baseline = (
        f", the best baseline without a theory ({best.removeprefix('baseline.')}) "
        f"{number(card.conditions[best].recovered.value, 2)}"
        if best
        else ""
    )
    return Verdict(
        worse == len(rivals) if rivals else None,
        f"The handwritten units recover {number(card.headline.value, 2)} of the {label}{baseline}. "
        f"{worse} of {len(rivals)} ablations, controls and baselines are clearly worse."
        if rivals
        else f"The host's answers are not compared ({NO_OUTPUT}).",
        f"Against every ablation, control and baseline, the 95 % interval of the {label} that the "
        "handwritten units recover is above 0.",
    )


def absent(reason: str) -> PartResult:
    """The result of a part that could not be made."""
    return PartResult(Group(Text(f"Not shown: {reason}")))
