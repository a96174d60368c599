"""The part of the full report that compares the theory with rivals at equal description length."""

from collections.abc import Iterator
from pathlib import Path

from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.analyses.rivals.figures import Rivals
from workbench.analyses.rivals.run import RivalsRequest, rivals
from workbench.analyses.rivals.table import named, rivals_table, sentences
from workbench.matching.subject import SubjectFiles
from workbench.work import Work


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file)
    result = rivals(RivalsRequest(files, request.few, request.calibration), folder, work)
    verdicts = {"rivals": verdict(result)}
    return PartResult(rivals_table(result), tuple(open_questions(result)), verdicts)


def verdict(result: Rivals) -> Verdict:
    """Whether the theory beats the best rival of no more bits; no verdict without one."""
    needs = (
        f"No rival of at most as many bits has a {result.headline.upper()} as low: the difference "
        "from the best of them is above 0, with its whole interval."
    )
    ci95, passed = result.against.ci95, None
    if result.best_at_bits is not None and ci95 is not None:
        passed = ci95[0] > 0
    return Verdict(passed, sentences(result)[0], needs)


def open_questions(result: Rivals) -> Iterator[str]:
    """A sentence where a rival of fewer bits does as well."""
    if result.fewest_as_good is not None:
        rival = result.row(result.fewest_as_good)
        if rival.bits <= result.theory.bits:
            yield (
                f"Whether the theory is worth its numbers: {named(rival)} has as low a "
                f"{result.headline.upper()} with {rival.bits:,.0f} bits, where the theory takes "
                f"{result.theory.bits:,.0f}. The rivals read trained units of {result.reads}."
            )
