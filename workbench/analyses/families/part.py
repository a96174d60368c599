"""The part of the full report that matches families with trained units."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.families.figures import Families, LayerScore
from workbench.analyses.families.run import FamiliesRequest, families
from workbench.analyses.families.table import families_table
from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.matching.subject import SubjectFiles
from workbench.report.conditions import number
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file)
    result = families(FamiliesRequest(files, request.few), folder, work)
    verdicts = {"synthetic": verdict(result)}
    return PartResult(families_table(result), tuple(open_questions(result)), verdicts)


def verdict(result: Families) -> Verdict:
    """Whether every family has trained units that are nearer to it than to its wrong poses."""
    matched = {row.family for row in result.layers}
    better = [row for row in result.layers if _above_wrong(row)]
    ends = sorted(result.layers, key=lambda row: row.pearson.value or 0)
    shown = " to ".join(
        f"{number(row.pearson.value, 2)} of {row.family} at {row.site} (wrong poses "
        f"{number(row.permuted.value, 2)})"
        for row in (*ends[:1], *ends[1:][-1:])
    )
    return Verdict(
        len(matched) == len(result.families) and len(better) == len(result.layers),
        f"{len(matched)} of {len(result.families)} families have trained units. Mean Pearson "
        f"correlation on pictures: {shown or 'not measured'}.",
        "Every family has trained units that correspond to it on drawn stimuli, and on pictures "
        "the 95 % interval of their mean correlation is above that with wrong poses.",
    )


def _above_wrong(row: LayerScore) -> bool:
    """Whether units are clearly nearer to their own poses; true of a family with one pose."""
    if row.permuted.value is None:
        return True
    return row.pearson.ci95 is not None and row.pearson.ci95[0] > row.permuted.value


def open_questions(result: Families) -> Iterator[str]:
    """Sentences about families that no trained unit matches."""
    for family in result.families:
        if not any(row.family == family for row in result.layers):
            yield (
                f"Whether the network has anything like the theory's family {family}: no trained "
                "unit corresponds to one of its units."
            )
