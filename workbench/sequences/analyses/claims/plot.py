"""The picture of `workbench claims` for a theory of tokens: figures before and after each edit."""

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.report import curves as colours
from workbench.sequences.analyses.claims.edits import HANDWRITTEN, TRAINED
from workbench.sequences.analyses.claims.figures import OF_CHANGE, Measured, TokenClaims
from workbench.sequences.analyses.claims.table import claim_text
from workbench.sequences.changes import TokenClaim

LETTERS = 110  # of a line above a claim
HIGH = 0.95  # inches of a claim
COLOURS = {TRAINED: colours.TRAINED, HANDWRITTEN: colours.HANDWRITTEN}
BOUND, RIVAL = "#111111", "#888888"


def draw_claims(result: TokenClaims) -> Figure:
    """Draw a row for each claim, with a line for each side.

    A hollow dot is the figure before the edit, a full one that after it with its interval, a cross
    that of a rival, and the dashed line the bound.
    """
    outcomes = result.outcomes
    figure = Figure(figsize=(9.0, HIGH * len(outcomes) + 0.5), layout="constrained")
    grid = figure.subplots(len(outcomes), 1, squeeze=False)[:, 0]
    for axes, outcome in zip(grid, outcomes, strict=True):
        for row, (side, measured) in enumerate(outcome.sides.items()):
            _line(axes, row, side, measured)
            _bound(axes, row, outcome.claim, measured)
        words = [f"{side} {measured.outcome}" for side, measured in outcome.sides.items()]
        heading = f"{claim_text(outcome)}: {', '.join(words)}"
        axes.set_title(textwrap.fill(heading, LETTERS), fontsize=8, loc="left")
        axes.set_yticks(range(len(outcome.sides)), list(outcome.sides), fontsize=7)
        axes.set_ylim(len(outcome.sides) - 0.5, -0.5)
        axes.tick_params(axis="x", labelsize=6.5)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(
        "hollow: before the edit; full: after it, with its interval; cross: a rival; dashed: the "
        "bound of the claim",
        fontsize=8,
    )
    return figure


def _line(axes: Axes, row: int, side: str, measured: Measured) -> None:
    colour = COLOURS[side]
    before, after = measured.before.value, measured.after.value
    if before is None or after is None:
        return
    axes.plot([before, after], [row, row], color=colour, linewidth=0.8, alpha=0.5)
    axes.plot(before, row, "o", markerfacecolor="white", color=colour, markersize=5)
    axes.plot(after, row, "o", color=colour, markersize=5)
    if measured.after.ci95:
        axes.plot(measured.after.ci95, [row, row], color=colour, linewidth=3, alpha=0.5)
    for name, rival in measured.rivals.items():
        if rival.figure is not None and name.startswith("ablated"):
            axes.plot(rival.figure, row, "x", color=RIVAL, markersize=5)


def _bound(axes: Axes, row: int, claim: TokenClaim, measured: Measured) -> None:
    """A dashed line at the figure that the claim names, for a change counted from before."""
    comparison, bound = claim.expect.comparison
    if measured.before.value is None:
        return
    signed = -bound if comparison == "falls_by" else bound
    at = measured.before.value + signed if comparison in OF_CHANGE else bound
    axes.plot([at, at], [row - 0.4, row + 0.4], "--", color=BOUND, linewidth=1)
