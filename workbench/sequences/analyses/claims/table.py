"""The table of `workbench claims` for a theory of tokens."""

from collections.abc import Iterator

from rich.console import Group
from rich.text import Text

from workbench.report.claims import bound_text
from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table
from workbench.score.uncertainty import Figure
from workbench.sequences.analyses.claims.edits import HANDWRITTEN, TRAINED
from workbench.sequences.analyses.claims.figures import (
    OF_CHANGE,
    Measured,
    TokenClaims,
    TokenOutcome,
    counts,
)
from workbench.sequences.changes import TokenClaim, TokenEdit, TokenExpect

NOTE = (
    "Below the figure after an edit stands its 95 % interval, or that of a rise or a fall. Also "
    "true of: what fulfils the claim without the theory, that nothing changes or an ablation."
)


def table(result: TokenClaims) -> Group:
    """A heading, a row for each claim and side, and how many held. Fits 80 columns."""
    shown = plain_table()
    shown.add_column("\nclaim", min_width=24, overflow="fold")
    for title in ("\nin", "\nbefore", "\nafter", "\noutcome"):
        shown.add_column(title, no_wrap=True)
    shown.add_column("also\ntrue of", overflow="fold")
    for outcome in result.outcomes:
        for i, (side, measured) in enumerate(outcome.sides.items()):
            words = claim_text(outcome) if i == 0 else ""
            shown.add_row(words, side, *_cells(outcome.claim, measured))
    return Group(Text(result.opened.title, "bold"), Text(NOTE), shown, *_summary(result))


def _cells(claim: TokenClaim, measured: Measured) -> tuple[str, ...]:
    fulfil = [name for name, rival in measured.rivals.items() if rival.fulfils]
    between = interval(judged(claim, measured).ci95)
    return (
        number(measured.before.value, 3),
        f"{number(measured.after.value, 3)}\n{between}".strip(),
        measured.outcome,
        ", ".join(fulfil).replace("ablated.", ""),
    )


def judged(claim: TokenClaim, measured: Measured) -> Figure:
    """The figure that a claim is judged by: that after the edit, or the change."""
    comparison, _ = claim.expect.comparison
    return measured.change if comparison in OF_CHANGE else measured.after


def _summary(result: TokenClaims) -> Iterator[Text]:
    for side in (TRAINED, HANDWRITTEN):
        of_side = counts(result.outcomes, side)
        if total := sum(of_side.values()):
            words = ", ".join(f"{count} {word}" for word, count in of_side.items() if count)
            sides = (outcome.sides.get(side) for outcome in result.outcomes)
            alone = sum(measured.distinguishes for measured in sides if measured)
            yield Text(
                f"{side}, {total} claims: {words}; {alone} held that a rival does not fulfil"
            )
    both = [outcome.agree for outcome in result.outcomes if outcome.agree is not None]
    if both:
        yield Text(f"the two sides have the same outcome for {sum(both)} of {len(both)} claims")


def claim_text(outcome: TokenOutcome) -> str:
    """`needs-previous: uniform previous; accuracy falls by more than 0.3`."""
    claim = outcome.claim
    return f"{outcome.name}: {edit_text(claim.edit)}; {expect_text(claim.expect)}"


def edit_text(edit: TokenEdit) -> str:
    """`uniform previous`, `splice whole of variant next-frequency`."""
    if edit.uniform:
        return f"uniform {' + '.join(edit.uniform)}"
    of = [f" of {kind} {name}" for kind in ("variant", "control") if (name := getattr(edit, kind))]
    return f"splice {edit.splice}{''.join(of)}"


def expect_text(expect: TokenExpect) -> str:
    """`accuracy falls by more than 0.3`."""
    of = f" of {expect.of}" if expect.of else ""
    return f"{expect.figure}{of} {bound_text(expect.model_dump())}"
