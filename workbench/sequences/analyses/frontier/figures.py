"""The answers that survive as more of a network is handwritten, beside rivals; the document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.evaluate.statistics import Statistics
from workbench.score.bits import CALIBRATED_BITS
from workbench.score.recovery import gains
from workbench.score.score import mean_figure
from workbench.score.uncertainty import Figure
from workbench.sequences.analyses.frontier.points import Point
from workbench.sequences.analyses.opened import Opened
from workbench.sequences.document import figure_facts
from workbench.sequences.evaluate import NATURAL
from workbench.sequences.part_score import bits, judged_by

FORMAT = 1
SPLICED = "spliced"


@dataclass(frozen=True)
class FrontierLine:
    """One condition at one point.

    lost     the headline quantity, which is 0 for the natural network
    judged   the quantity that verdicts rest on
    numbers, bits  of the handwritten heads, or of a baseline; None for an ablation or a control
    behind   how much more of the headline quantity is lost than with the handwritten units, on the
             same prompts; None for these
    """

    lost: Figure
    judged: Figure
    numbers: int | None
    bits: int | None
    behind: Figure | None


@dataclass(frozen=True)
class FrontierPoint:
    """A set of handwritten units; `lines` are by condition, the handwritten units among them."""

    name: str
    heads: int
    lines: Mapping[str, FrontierLine]

    @property
    def best_rival(self) -> str:
        """The condition that loses least besides the handwritten units."""
        others = {name: line for name, line in self.lines.items() if name != SPLICED}
        return min(others, key=lambda name: others[name].lost.value or 0.0)


@dataclass(frozen=True)
class TokenFrontier:
    """The points of a theory of tokens, the fewest heads first.

    of  how many heads the network has
    """

    opened: Opened
    of: int
    points: Sequence[FrontierPoint]

    @property
    def judged(self) -> str:
        """The key of the quantity that verdicts rest on."""
        return judged_by(self.opened.host).key


def frontier_point(point: Point, rows: Statistics, opened: Opened) -> FrontierPoint:
    """The figures of a point from the rows of its conditions."""
    host, seed = opened.host, opened.seed
    headline, judge = host.output.headline.name, judged_by(host).name
    fitted = {made.facts.name: made.numbers for made in point.part.conditions}
    lines = {}
    for name in (name for name in rows.rows if name != NATURAL.name):
        spliced = name == SPLICED
        numbers = point.part.numbers.total if spliced else fitted[name]
        cost = None if numbers is None else CALIBRATED_BITS * numbers
        lines[name] = FrontierLine(
            mean_figure(rows, rows.rows[name][headline], seed),
            mean_figure(rows, rows.rows[name][judge], seed),
            numbers,
            bits(point.part.numbers) if spliced else cost,
            None if spliced else gains(rows, SPLICED, name, headline, seed),
        )
    return FrontierPoint(point.name, point.heads, lines)


def to_json(result: TokenFrontier) -> str:
    """The text of frontier.json (docs/sequences.md)."""
    return result.opened.document(
        FORMAT,
        headline=result.opened.host.output.headline.key,
        judged=result.judged,
        of=result.of,
        points=[_point(point) for point in result.points],
    )


def _point(point: FrontierPoint) -> dict[str, Any]:
    return {
        "point": point.name,
        "heads": point.heads,
        "best_rival": point.best_rival,
        "conditions": {
            name: {
                "lost": figure_facts(line.lost),
                "judged": figure_facts(line.judged),
                "numbers": line.numbers,
                "bits": line.bits,
                "behind": figure_facts(line.behind) if line.behind else None,
            }
            for name, line in point.lines.items()
        },
    }
