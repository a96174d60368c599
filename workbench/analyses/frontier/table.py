"""Frontier -> the table that a terminal shows."""

from rich.console import Group
from rich.text import Text

from workbench.analyses.frontier.figures import CONTROL, Frontier, FrontierStep
from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table


def frontier_table(frontier: Frontier) -> Group:
    """One line on what was counted, and a row for each step; fits 80 columns.

    A long name is folded.
    """
    names = list(frontier.sites)
    sites = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    host, images = frontier.header.host or {}, frontier.header.images or {}
    title = (
        f"{host['name']}, {images['n']} images: share of the {frontier.of:,} units of {sites} "
        "that is handwritten"
    )
    shown = plain_table()
    shown.add_column("\n+ theory", overflow="fold")
    for column in (
        "\nunits",
        "\n%",
        "KL\nzero",
        "wrong\nposes",
        "KL\nspliced",
        "agree\nzero",
        "agree\nspliced",
        "recov.\nKL",
    ):
        shown.add_column(column, justify="right", no_wrap=True)
    shown.add_column("\n95 %", no_wrap=True)
    for step in frontier.steps:
        shown.add_row(*_cells(step))
    return Group(Text(title), shown)


def _cells(step: FrontierStep) -> tuple[str, ...]:
    kl = [
        number(step.conditions[name]["kl"].value, 3)
        for name in ("ablated.zero", CONTROL, "spliced")
    ]
    agreement = [
        number(step.conditions[name]["top1_agreement"].value, 3)
        for name in ("ablated.zero", "spliced")
    ]
    recovered = step.recovered["kl"]
    share = number(100 * step.share, 1)
    return (
        step.spec["theory"],
        str(step.units),
        share,
        *kl,
        *agreement,
        number(recovered.value, 2),
        interval(recovered.ci95),
    )
