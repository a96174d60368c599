"""Whether the claims of a theory of tokens hold, and what predicts as much without the theory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from workbench.errors import WorkbenchError
from workbench.evaluate.statistics import Statistics
from workbench.hosts.host import Host
from workbench.score.recovery import loses, mean_over, recovered
from workbench.score.score import mean_figure
from workbench.score.uncertainty import Figure
from workbench.sequences.analyses.claims.edits import AFTER, BEFORE
from workbench.sequences.analyses.opened import Opened
from workbench.sequences.changes import OVERLAP_FIGURE, RECOVERED_FIGURE, TokenClaim, TokenExpect
from workbench.sequences.document import figure_facts
from workbench.sequences.evaluate import NATURAL, OVERLAP
from workbench.sequences.part_score import nearest_to_network
from workbench.spec.changes import HOLDS
from workbench.splice.conditions import ConditionKind

FORMAT = 1
HELD, FAILED, UNDECIDED = "held", "failed", "undecided"
OF_CHANGE = ("rises_by", "falls_by")  # comparisons of a change; the others are of the figure after
UNCHANGED = "unchanged"  # the rival that predicts that an edit does nothing


@dataclass(frozen=True)
class Rival:
    """A prediction without the theory: the figure, and whether it fulfils the claim too."""

    figure: float | None
    fulfils: bool


@dataclass(frozen=True)
class Measured:
    """A claim's figure on one side.

    change   after less before, on the same prompts
    outcome  held: the claim is true over the whole interval; failed: nowhere in it; else undecided
    rivals   by name: `unchanged`, that the edit does nothing, and of a part that is spliced the
             ablation that loses least
    """

    before: Figure
    after: Figure
    change: Figure
    outcome: str
    rivals: Mapping[str, Rival]

    @property
    def distinguishes(self) -> bool:
        """Whether the claim held, and a rival does not fulfil it."""
        return self.outcome == HELD and not all(rival.fulfils for rival in self.rivals.values())


@dataclass(frozen=True)
class TokenOutcome:
    """A claim and its outcomes, by side; a side where no edit is made has none."""

    name: str
    claim: TokenClaim
    sides: Mapping[str, Measured] = field(default_factory=dict)

    @property
    def agree(self) -> bool | None:
        """Whether both sides have one outcome; None for one side."""
        outcomes = {measured.outcome for measured in self.sides.values()}
        return len(outcomes) == 1 if len(self.sides) > 1 else None


@dataclass(frozen=True)
class TokenClaims:
    """Every claim of a theory of tokens, in its order."""

    opened: Opened
    outcomes: tuple[TokenOutcome, ...]


def measured(expect: TokenExpect, rows: Statistics, host: Host, seed: int) -> Measured:
    """The figure of a claim before and after its edit, whether it holds, and its rivals.

    Raises WorkbenchError for a figure that the network's answers do not have.
    """
    before, after, change = _figures(expect.figure, rows, host, seed)
    comparison, bound = expect.comparison
    judged = change if comparison in OF_CHANGE else after
    start = 0.0 if comparison in OF_CHANGE else before.value
    ends = judged.ci95 or (judged.value, judged.value)
    true = {bool(HOLDS[comparison](start, end, bound)) for end in ends if end is not None}
    outcome = UNDECIDED if len(true) != 1 else HELD if true.pop() else FAILED
    rivals = {UNCHANGED: before.value, **_ablated(expect.figure, rows, host, seed)}
    return Measured(
        before,
        after,
        change,
        outcome,
        {
            name: Rival(
                value,
                value is not None and bool(HOLDS[comparison](before.value, value, bound)),
            )
            for name, value in rivals.items()
        },
    )


def _figures(figure: str, rows: Statistics, host: Host, seed: int) -> tuple[Figure, Figure, Figure]:
    """The figure before and after, and its change."""
    first = BEFORE if BEFORE in rows.rows else NATURAL.name
    if figure == RECOVERED_FIGURE:
        worse, headline = _cheapest(rows, host), host.output.headline.name
        pair = [recovered(rows, name, worse, headline, seed=seed) for name in (first, AFTER)]
        return pair[0], pair[1], loses(rows, first, headline, seed, worse=worse, than=AFTER)
    before, after = (_row(figure, rows, name, host) for name in (first, AFTER))
    known = np.isfinite(before) & np.isfinite(after)
    if not known.any():
        return Figure(None), Figure(None), Figure(None)
    both = {"before": before, "after": after}
    change = mean_over(rows, both, known, lambda means: means["after"] - means["before"], seed)
    return mean_figure(rows, before, seed), mean_figure(rows, after, seed), change


def _row(figure: str, rows: Statistics, name: str, host: Host) -> Float[np.ndarray, " prompt"]:
    """A figure of every prompt under a condition."""
    of_condition = rows.rows[name]
    if figure == OVERLAP_FIGURE:
        return of_condition.get(OVERLAP, np.ones(len(rows.names)))
    keys = {quantity.key: quantity.name for quantity in host.output.quantities}
    if figure not in keys:
        raise WorkbenchError(f"figure {figure}", f"{host.name} has none", " or ".join(keys))
    return of_condition[keys[figure]]


def _ablated(figure: str, rows: Statistics, host: Host, seed: int) -> dict[str, float | None]:
    """The figure under the ablation that loses least, where a part is spliced."""
    name = _cheapest(rows, host)
    if not name or figure == OVERLAP_FIGURE:
        return {}
    if figure == RECOVERED_FIGURE:
        return {name: 0.0}
    return {name: mean_figure(rows, _row(figure, rows, name, host), seed).value}


def _cheapest(rows: Statistics, host: Host) -> str:
    """The ablation that loses least of the headline quantity; empty without one."""
    headline = host.output.headline.name
    ablations = [
        name
        for name, facts in rows.conditions.items()
        if facts.kind is ConditionKind.ABLATION and name != AFTER
    ]
    return nearest_to_network(rows, ablations, headline) if ablations else ""


def to_json(result: TokenClaims) -> str:
    """The text of claims.json (docs/sequences.md)."""
    claims = [_outcome(outcome) for outcome in result.outcomes]
    return result.opened.document(FORMAT, claims=claims)


def _outcome(outcome: TokenOutcome) -> dict[str, Any]:
    claim = outcome.claim
    return {
        "claim": outcome.name,
        "about": claim.about,
        "edit": claim.edit.model_dump(exclude_none=True),
        "expect": claim.expect.model_dump(exclude_none=True),
        "agree": outcome.agree,
        **{side: _side(measured) for side, measured in outcome.sides.items()},
    }


def _side(measured: Measured) -> dict[str, Any]:
    figures = {name: getattr(measured, name) for name in ("before", "after", "change")}
    return {
        "outcome": measured.outcome,
        **{name: figure_facts(figure) for name, figure in figures.items()},
        "rivals": {
            name: {"figure": rival.figure, "fulfils": rival.fulfils}
            for name, rival in measured.rivals.items()
        },
        "distinguishes": measured.distinguishes,
    }


def counts(outcomes: Sequence[TokenOutcome], side: str) -> dict[str, int]:
    """How many claims of a side held, failed and are undecided."""
    of_side = [outcome.sides[side].outcome for outcome in outcomes if side in outcome.sides]
    return {word: of_side.count(word) for word in (HELD, FAILED, UNDECIDED)}
