"""The part of the full report that compares trained weights with the theory's."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.explain.figures import Explained
from workbench.analyses.explain.run import ExplainRequest, explain
from workbench.analyses.explain.table import SIGNIFICANT, explain_table
from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.matching.subject import SubjectFiles
from workbench.report.conditions import number
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file, request.bound)
    result = explain(ExplainRequest(files), folder, work)
    verdicts = {"implementation": verdict(result)}
    return PartResult(explain_table(result), tuple(open_questions(result)), verdicts)


def verdict(result: Explained) -> Verdict:
    """Whether the theory explains every two families' weights; no verdict without weights."""
    pairs = {pair.families: pair.theory["explained"] for pair in result.pairs}
    passed = {name: figure.value > 0 and figure.p < SIGNIFICANT for name, figure in pairs.items()}
    order = sorted(pairs, key=lambda name: pairs[name].value)
    ends = " to ".join(
        f"{number(pairs[down, up].value, 2)} from {up} to {down} (poses permuted "
        f"{number(pairs[down, up].permuted, 2)})"
        for down, up in (*order[:1], *order[1:][-1:])
    )
    return Verdict(
        all(passed.values()) if passed else None,
        f"In {sum(passed.values())} of {len(pairs)} pairs of families the theory explains the "
        f"trained weights. Explained variance: {ends or 'not measured'}.",
        "In every two families the theory's weights, times one scale, explain more than 0 of the "
        f"trained weights' variance, and more than with permuted poses (p below {SIGNIFICANT:g}).",
    )


def open_questions(result: Explained) -> Iterator[str]:
    """Sentences about the variance of the weights that the theory does not explain."""
    for pair in result.pairs:
        downstream, upstream = pair.families
        explained = number(pair.theory["explained"].value, 2)
        yield (
            f"Why the weights from {upstream} to {downstream} are as they are: the theory explains "
            f"{explained} of their variance."
        )
    for name, why in result.left_out.items():
        yield f"The weights to {name} were not compared: {why}"
