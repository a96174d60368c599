"""Feature use, as a table and as a picture."""

from matplotlib.figure import Figure
from rich.console import Group
from rich.text import Text

from workbench.evaluate.consumers import Consumers
from workbench.report import curves as colours
from workbench.report.conditions import number
from workbench.report.plain import plain_table

MOST = 12  # units of the next site that are named
CONDITIONS = {"spliced": "by hand", "control.permuted": "permuted", "ablated.mean": "their mean"}


def consumers_table(found: Consumers) -> Group:
    """The units that lean on the circuit most: what silence changes, and how much of that comes back."""
    shown = plain_table()
    shown.add_column("\nunit")
    for title in ("silence\nchanges", *(f"back:\n{said}" for said in CONDITIONS.values())):
        shown.add_column(title, justify="right", no_wrap=True)
    for unit in found.most(MOST):
        back = (number(float(found.recovered(condition)[unit]), 2) for condition in CONDITIONS)
        shown.add_row(f"{found.site}:{unit}", number(float(found.changed["ablated.zero"][unit]), 3), *back)
    said = "The mean square of what silence changes, over the unit's variance; and the share of that which the handwritten units give back."
    return Group(Text(said), shown)


def draw_consumers(found: Consumers) -> Figure:
    """For every unit of the next site, what silence changes against what handwritten and permuted units change; on the diagonal nothing is won."""
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    axes = figure.subplots()
    silent = found.changed["ablated.zero"]
    highest = float(silent.max()) or 1.0
    for (condition, said), colour in zip(CONDITIONS.items(), (colours.HANDWRITTEN, "0.6", "tab:blue"), strict=True):
        axes.scatter(silent, found.changed[condition], s=8, color=colour, label=said, alpha=0.7)
    axes.plot([0, highest], [0, highest], color="0.8", linewidth=1, zorder=0)
    axes.set(xlabel="silence changes", ylabel="the condition changes", title=f"units of {found.site}", xlim=(0, None), ylim=(0, None))
    axes.legend(fontsize=7, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
