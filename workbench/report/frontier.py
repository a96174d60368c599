"""Frontier -> the table that a terminal shows."""

from rich.console import Group
from rich.text import Text

from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table
from workbench.score.frontier import CONTROL, Frontier, FrontierStep


def frontier_table(frontier: Frontier) -> Group:
    """One line on what was counted, and a row for each step. Fits 80 columns; a long name is folded."""
    names = list(frontier.sites)
    sites = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    said = f"{frontier.host['name']}, {frontier.images['n']} images: share of the {frontier.of:,} units of {sites} that is handwritten"
    shown = plain_table()
    shown.add_column("\n+ theory", overflow="fold")
    for title in ("\nunits", "share\n(%)", "KL\nsilent", "per-\nmuted", "by\nhand", "agree\nsilent", "by\nhand", "recov.\nKL"):
        shown.add_column(title, justify="right", no_wrap=True)
    shown.add_column("\n95 % interval", no_wrap=True)
    for step in frontier.steps:
        shown.add_row(*_cells(step))
    return Group(Text(said), shown)


def _cells(step: FrontierStep) -> tuple[str, ...]:
    kl = [number(step.conditions[name]["kl"].value, 3) for name in ("ablated.zero", CONTROL, "spliced")]
    agreement = [number(step.conditions[name]["top1_agreement"].value, 3) for name in ("ablated.zero", "spliced")]
    recovered = step.recovered["kl"]
    share = number(100 * step.share, 1)
    return (step.spec["theory"], str(step.units), share, *kl, *agreement, number(recovered.value, 2), interval(recovered.ci95))
