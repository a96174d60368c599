"""Which steps of a theory of tokens hold, alone and after earlier ones, and the document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.evaluate.statistics import Statistics
from workbench.score.recovery import gains
from workbench.score.uncertainty import Figure
from workbench.sequences.analyses.opened import Opened
from workbench.sequences.analyses.stepwise.steps import EARLIER, TokenStep
from workbench.sequences.document import figure_facts
from workbench.sequences.part import TokenPart
from workbench.sequences.part_score import PartScore, judged_by, part_score

FORMAT = 1
HOLDS, FAILS, UNCLEAR = "holds", "fails", "unclear"


@dataclass(frozen=True)
class StepScore:
    """A step, alone or after the earlier ones.

    score    of the part: its rows, its cheapest ablation, and the control that is nearest
    gains    for each ablation and control how much more of the headline quantity is lost with it
             than with the handwritten step, on the same prompts
    adds     how much more is lost than with the earlier steps handwritten and this one trained;
             None where there are no earlier ones
    """

    score: PartScore
    gains: Mapping[str, Figure]
    adds: Figure | None

    @property
    def verdict(self) -> str:
        """Whether the step does better than its ablations and controls."""
        if not self.score.works:
            return FAILS
        return HOLDS if self.score.rival is None or self.score.supported else UNCLEAR


@dataclass(frozen=True)
class StepScores:
    """A step of the theory; `after` is None for the first and for the whole."""

    name: str
    words: str
    alone: StepScore
    after: StepScore | None


@dataclass(frozen=True)
class TokenStepwise:
    """Every step of a theory, in its order."""

    opened: Opened
    steps: Sequence[StepScores]

    @property
    def judged(self) -> str:
        """The key of the quantity that verdicts rest on besides the headline."""
        return judged_by(self.opened.host).key


def step_scores(
    step: TokenStep, alone: Statistics, after: Statistics | None, opened: Opened
) -> StepScores:
    """The scores of a step from the rows of its parts."""
    return StepScores(
        step.name,
        step.words,
        _score(step.alone, alone, opened),
        _score(step.after, after, opened) if step.after and after else None,
    )


def _score(part: TokenPart, rows: Statistics, opened: Opened) -> StepScore:
    host, seed = opened.host, opened.seed
    headline = host.output.headline.name
    others = [
        condition.facts.name
        for condition in part.conditions
        if condition.facts.name not in ("spliced", EARLIER)
    ]
    return StepScore(
        part_score(part, rows, host, seed),
        {name: gains(rows, "spliced", name, headline, seed) for name in others},
        gains(rows, EARLIER, "spliced", headline, seed) if EARLIER in rows.rows else None,
    )


def to_json(result: TokenStepwise) -> str:
    """The text of stepwise.json (docs/sequences.md)."""
    steps = [
        {
            "step": step.name,
            "words": step.words,
            "alone": _side(step.alone),
            "after": _side(step.after) if step.after else None,
        }
        for step in result.steps
    ]
    headline = result.opened.host.output.headline.key
    return result.opened.document(FORMAT, headline=headline, judged=result.judged, steps=steps)


def _side(side: StepScore) -> dict[str, Any]:
    score = side.score
    return {
        "verdict": side.verdict,
        **score.row("spliced").quantities,
        "cheapest_ablation": score.cheapest,
        "nearest_control": score.rival,
        "recovered_by": {name: figure_facts(figure) for name, figure in score.by_ablation.items()},
        "gains": {name: figure_facts(figure) for name, figure in side.gains.items()},
        "adds": figure_facts(side.adds) if side.adds else None,
    }
