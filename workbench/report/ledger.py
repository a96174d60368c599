"""The ledger: what each condition recovers, with its interval, as a picture."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.report.conditions import number, ordered
from workbench.score.scorecard import Scorecard
from workbench.score.uncertainty import Figure as Estimate

LOWEST = -1.0  # what recovers less is drawn at the edge, with its number
COLOURS = {"spliced": "#c8201e", "as_written": "#e58a7f", "ablated": "#999999", "control": "#1a3fbf", "natural": "#111111"}


def draw_ledger(card: Scorecard) -> Figure:
    """Recovered KL of every condition, and top-5 accuracy where the pictures are labelled."""
    names = [name for name in ordered(card) if name != "natural"]
    labelled = card.conditions["natural"].top5.value is not None
    columns = 2 if labelled else 1
    figure = Figure(figsize=(8.6 if labelled else 6.4, 0.3 * len(names) + 0.9), layout="constrained")
    grid = figure.subplots(1, columns, sharey=True, squeeze=False)[0]
    _bars(grid[0], names, [card.conditions[name].recovered_kl for name in names], LOWEST)
    grid[0].axvline(1, color="#111111", linewidth=0.8)
    grid[0].axvline(0, color="#999999", linewidth=0.8, linestyle=":")
    grid[0].set_xlabel("recovered KL: 0 as if ablated, 1 as if untouched", fontsize=8)
    if labelled:
        _bars(grid[1], names, [card.conditions[name].top5 for name in names], None)
        grid[1].axvline(card.conditions["natural"].top5.value, color="#111111", linewidth=0.8)
        grid[1].set_xlabel("top-5 accuracy; the line is the untouched network", fontsize=8)
    return figure


def _bars(axes: Axes, names: Sequence[str], figures: Sequence[Estimate], lowest: float | None) -> None:
    """A dot and an interval for each condition, its number at the right; no dot where there is no figure."""
    for row, (name, figure) in enumerate(zip(names, figures, strict=True)):
        colour = COLOURS.get(name.split(".")[0], "#555555")
        axes.text(
            1.02,
            row,
            number(figure.value, 2 if lowest is not None else 3),
            transform=axes.get_yaxis_transform(),
            fontsize=7.5,
            va="center",
            color=colour,
        )
        if figure.value is None:
            continue
        low, high = figure.ci95 or (figure.value, figure.value)
        inside = [x if lowest is None else max(x, lowest) for x in (low, figure.value, high)]
        axes.plot([inside[0], inside[2]], [row, row], color=colour, linewidth=2.2, alpha=0.45, solid_capstyle="butt")
        axes.plot(inside[1], row, marker="o" if inside[1] == figure.value else "<", color=colour, markersize=5)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0, labelsize=8)
