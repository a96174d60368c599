"""The part of the full report that shows which pictures and which next units use the circuit."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Group
from rich.text import Text
from scipy.stats import hypergeom

from workbench.analyses.request import PartResult, ReportRequest, Verdict
from workbench.analyses.usage.consumers import Consumers
from workbench.analyses.usage.consumers_table import CONDITIONS, MOST, consumers_table
from workbench.analyses.usage.examples import SIDES, Strongest
from workbench.analyses.usage.figures import Usage
from workbench.analyses.usage.readers_table import readers_table, unknown
from workbench.analyses.usage.run import UsageRequest, usage
from workbench.matching.subject import SubjectFiles
from workbench.report.conditions import number
from workbench.work import Work

SIGNIFICANT = 0.05


def part(request: ReportRequest, folder: Path, work: Work) -> PartResult:
    """Run the analysis into `folder`."""
    files = SubjectFiles(request.spec_file, request.circuit_file)
    result = usage(UsageRequest(files, request.few, request.calibration), folder, work)
    tables = Group(consumers_table(result.consumers), Text(""), readers_table(result.readers))
    verdicts = {
        "examples": verdict_of_examples(result.examples, len(request.few)),
        "use": verdict_of_use(result.consumers),
    }
    return PartResult(tables, tuple(open_questions(result)), verdicts)


def verdict_of_examples(examples: Sequence[Strongest], pictures: int) -> Verdict:
    """Whether both units share more of their strongest pictures than chance.

    `pictures` is the number of pictures that the examples were chosen from.
    """
    chances, shared, of, expected = np.ones(1), 0, 0, 0.0
    for unit in dict.fromkeys(example.unit for example in examples):
        trained, handwritten = (
            {row.picture for row in examples if (row.unit, row.side) == (unit, side)}
            for side in SIDES
        )
        shared, of = shared + len(trained & handwritten), of + len(trained)
        expected += len(trained) * len(handwritten) / pictures
        draws = hypergeom(pictures, len(trained), len(handwritten))
        chances = np.convolve(chances, draws.pmf(np.arange(len(handwritten) + 1)))
    p = float(chances[shared:].sum())
    shown = number(p, 3) if p >= 0.001 else "below 0.001"
    return Verdict(
        p <= SIGNIFICANT if of and expected < of else None,
        f"{shared} of the trained units' {of} pictures with the strongest response are also among "
        f"the handwritten units'; by chance {number(expected, 1)} (p {shown}).",
        "The units share more of these pictures than sets drawn at random from the "
        f"{pictures} pictures (p at most {SIGNIFICANT:g}).",
    )


def verdict_of_use(used: Consumers) -> Verdict:
    """Whether the handwritten units restore more of the next units than what needs no theory."""
    most = used.most(MOST)
    ablated = float(used.changed["ablated.zero"][most].sum())
    shares = {
        name: 1 - float(used.changed[name][most].sum()) / ablated for name in CONDITIONS if ablated
    }
    shown = {name: number(shares.get(name), 2) for name in CONDITIONS}
    handwritten = shares.pop("spliced", None)
    return Verdict(
        None if handwritten is None else handwritten > max(shares.values()),
        f"The handwritten units restore {shown['spliced']} of the change in the {len(most)} units "
        f"of {used.site} that depend most on the circuit, their means {shown['ablated.mean']}, the "
        f"handwritten units with permuted poses {shown['control.permuted']}.",
        "The handwritten units restore more than the units' means and than permuted units.",
    )


def open_questions(result: Usage) -> Iterator[str]:
    """A sentence about units whose weights are not known."""
    if result.readers.known < result.readers.channels:
        yield unknown(result.readers)
