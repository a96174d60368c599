"""Frontier -> the tables that a terminal shows."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from workbench.analyses.frontier.figures import Frontier, FrontierStep
from workbench.analyses.frontier.measure import OTHERS, OWN, SPLICED
from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table

TITLES = {
    "ablated.mean": "mean",
    "ablated.resample": "resample",
    "control.permuted": "wrong\nposes",
    "baseline.affine": "one\nunit",
    "baseline.regression": "regression",
}


def frontier_table(frontier: Frontier) -> Group:
    """How much is handwritten and what survives, then what each step gains over its rivals."""
    names = list(frontier.sites)
    sites = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    host, images = frontier.header.host or {}, frontier.header.images or {}
    title = (
        f"{host['name']}, {images['n']} images: share of the {frontier.of:,} units of {sites} "
        "that is handwritten; the others trained, or at their mean"
    )
    gains = (
        "Gain of each step: KL with its own units at their mean, resampled, at wrong poses, or "
        "predicted without a theory, less the KL with them handwritten. Above 0 the theory is "
        "better; better: with an interval above 0."
    )
    return Group(Text(title), _survives(frontier), Text(), Text(gains), _gains(frontier))


def _survives(frontier: Frontier) -> Table:
    shown = plain_table()
    shown.add_column("\n+ theory", overflow="fold")
    titles = ("\nunits", "\n%", "\nKL", "\n95 %", "\nagree", "\n95 %", "mean:\nKL", "\nagree")
    for column in titles:
        shown.add_column(column, justify="right", no_wrap=True)
    for step in frontier.steps:
        written, others = step.conditions[SPLICED], step.conditions[OTHERS]
        shown.add_row(
            step.spec["theory"],
            str(step.units),
            number(100 * step.share, 1),
            number(written["kl"].value, 3),
            interval(written["kl"].ci95),
            number(written["top1_agreement"].value, 2),
            interval(written["top1_agreement"].ci95),
            number(others["kl"].value, 2),
            number(others["top1_agreement"].value, 2),
        )
    return shown


def _gains(frontier: Frontier) -> Table:
    shown = plain_table()
    shown.add_column("\n+ theory", overflow="fold")
    for name in OWN:
        title = TITLES[name]
        shown.add_column(title if "\n" in title else f"\n{title}", justify="right", no_wrap=True)
    shown.add_column("\nbetter", no_wrap=True)
    for step in frontier.steps:
        shown.add_row(*_gain_cells(step))
    return shown


def _gain_cells(step: FrontierStep) -> tuple[str, ...]:
    gains = (number(step.gains[name].value, 3) for name in OWN)
    return step.spec["theory"], *gains, f"{step.beaten} of {len(OWN)}"
