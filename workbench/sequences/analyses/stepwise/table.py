"""The table of `workbench stepwise` for a theory of tokens."""

from rich.console import Group
from rich.text import Text

from workbench.report.conditions import MISSING, interval, number
from workbench.report.plain import plain_table
from workbench.sequences.analyses.stepwise.figures import HOLDS, StepScore, TokenStepwise
from workbench.sequences.analyses.stepwise.steps import WHOLE

NOTE = (
    "Each step alone in the trained network, then after all earlier steps; whole leaves nothing "
    "trained. Recovered: of the "
    "ablation of the step's own units that loses least. Holds: better than every ablation and "
    "control; fails: no better than an ablation; unclear: a control does as well."
)


def table(result: TokenStepwise) -> Group:
    """A row for each step alone and after the others, and a sentence on the first that fails."""
    host = result.opened.host
    shown = plain_table()
    shown.add_column("\nstep", overflow="fold")
    shown.add_column("\nwhere", no_wrap=True)
    titles = (
        host.output.headline.label,
        *([result.judged] if result.judged != host.output.headline.key else []),
        "recovered",
        "95 %",
        "nearest\ncontrol",
    )
    for title in titles:
        above = title if "\n" in title else f"\n{title}"
        shown.add_column(above, no_wrap=True, justify="right")
    shown.add_column("\nverdict", no_wrap=True)
    for step in result.steps:
        where = "all" if step.name == WHOLE else "alone"
        shown.add_row(step.name, where, *_cells(result, step.alone))
        if step.after:
            shown.add_row("", "after", *_cells(result, step.after))
    return Group(
        Text(result.opened.title, "bold"), Text(NOTE), shown, Text(summary(result), "bold")
    )


def _cells(result: TokenStepwise, step: StepScore) -> tuple[str, ...]:
    row, headline = step.score.row("spliced"), result.opened.host.output.headline.key
    judged = [] if result.judged == headline else [number(row.quantities[result.judged], 3)]
    rival = step.score.row(step.score.rival).recovered.value if step.score.rival else None
    return (
        number(row.quantities[headline], 4),
        *judged,
        number(row.recovered.value, 3),
        interval(row.recovered.ci95),
        number(rival, 3) if step.score.rival else MISSING,
        step.verdict,
    )


def summary(result: TokenStepwise) -> str:
    """A sentence on where the chain of steps breaks, and on the step that adds most."""
    chain = [(step.name, step.after or step.alone) for step in result.steps]
    broken = next((name for name, step in chain if step.verdict != HOLDS), None)
    after = [
        (step.adds.value, name) for name, step in chain if step.adds and step.adds.value is not None
    ]
    label = result.opened.host.output.headline.label
    words = "every step holds after the earlier ones" if broken is None else f"breaks at {broken}"
    if not after:
        return words
    added, name = max(after)
    return f"{words}; {name} adds most, {number(added, 3)} of {label}"
