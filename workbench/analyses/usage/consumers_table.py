"""The table and the picture of a circuit's consumers."""

from matplotlib.figure import Figure
from rich.console import Group
from rich.text import Text

from workbench.analyses.usage.consumers import Consumers
from workbench.report import curves as colours
from workbench.report.conditions import number
from workbench.report.plain import plain_table

MOST = 12  # units of the next site that are named
CONDITIONS = {
    "spliced": "handwritten",
    "control.permuted": "permuted",
    "ablated.mean": "their mean",
}


def consumers_table(result: Consumers) -> Group:
    """The units that depend most on the circuit.

    For each: how much zero ablation changes it, and which share of that each condition restores.
    """
    shown = plain_table()
    shown.add_column("\nunit", overflow="fold")
    restored = (f"restored:\n{label}" for label in CONDITIONS.values())
    for title in ("changed by\nablation", *restored):
        shown.add_column(title, justify="right", no_wrap=True)
    for unit in result.most(MOST):
        shares = (number(float(result.recovered(condition)[unit]), 2) for condition in CONDITIONS)
        change = number(float(result.changed["ablated.zero"][unit]), 3)
        shown.add_row(f"{result.site}:{unit}", change, *shares)
    legend = (
        "The mean square change of a unit when the circuit is ablated to zero, over the unit's "
        "variance; and the share of it that the handwritten units, the same permuted, and the "
        "units' means restore."
    )
    return Group(Text(legend), shown)


def draw_consumers(result: Consumers) -> Figure:
    """The change by zero ablation against the change by each condition, for every next unit.

    On the diagonal a condition restores nothing.
    """
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.subplots()
    ablated = result.changed["ablated.zero"]
    highest = float(ablated.max()) or 1.0
    for (condition, label), colour in zip(
        CONDITIONS.items(), (colours.HANDWRITTEN, "0.6", "tab:blue"), strict=True
    ):
        axes.scatter(ablated, result.changed[condition], s=8, color=colour, label=label, alpha=0.7)
    axes.plot([0, highest], [0, highest], color="0.8", linewidth=1, zorder=0)
    axes.set(
        xlabel="change by zero ablation",
        ylabel="change by the condition",
        title=f"units of {result.site}",
        xlim=(0, None),
        ylim=(0, None),
    )
    axes.legend(fontsize=7, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
