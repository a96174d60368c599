"""rivals.png: what is lost against description length, for the theory and its rivals."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.analyses.rivals.figures import Rivals, Row
from workbench.analyses.rivals.measure import THEORY, WRONG
from workbench.report.curves import HANDWRITTEN
from workbench.score.facts import header_facts

COLOURS = {
    WRONG: "#1a3fbf",
    "single weights": "#1b9e77",
    "low-rank regression": "#7570b3",
    "trained weights, pruned": "#e7298a",
    "trained weights, quantised": "#a6761d",
    "regression": "#666666",
    "one trained unit": "#66a61e",
    "mean": "#999999",
}


def draw_rivals(result: Rivals) -> Figure:
    """Draw two panels over bits: the headline quantity, and the correlation of units."""
    figure = Figure(figsize=(10.5, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for way, rows in result.ways.items():
        colour = HANDWRITTEN if way == THEORY else COLOURS[way]
        _line(left, rows, [row.quantities[result.headline] for row in rows], way, colour)
        _line(right, rows, [row.pearson for row in rows], way, colour)
    left.set_yscale("log")
    facts = header_facts(result.header)
    left.set_title(f"{result.headline.upper()} from the trained network", fontsize=9, loc="left")
    right.set_title("mean Pearson correlation of units", fontsize=9, loc="left")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("description length, bits", fontsize=8)
        axes.axvline(result.theory.bits, color="#cccccc", linewidth=0.8, zorder=0)
        axes.grid(color="#eeeeee")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    right.legend(frameon=False, fontsize=7.5)
    figure.suptitle(
        f"{facts['spec']['theory']} on {facts['host']['name']}, {facts['images']['n']} images: "
        f"the rivals read trained units of {result.reads}",
        fontsize=9,
    )
    return figure


def _line(axes: Axes, rows: list[Row], figures: list, label: str, colour: str) -> None:
    known = [
        (row.bits, figure)
        for row, figure in zip(rows, figures, strict=True)
        if figure.value is not None
    ]
    style = "-" if len(known) > 1 else ""
    axes.plot(
        [bits for bits, _ in known],
        [figure.value for _, figure in known],
        f"{style}o",
        color=colour,
        markersize=4,
        linewidth=2 if label == THEORY else 1.2,
        label=label,
        zorder=3 if label == THEORY else 2,
    )
    for bits, figure in known:
        if figure.ci95:
            axes.plot([bits, bits], figure.ci95, color=colour, linewidth=2, alpha=0.35)
