"""The ledger and its summary: each condition's recovered KL with its interval, on one axis."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.report.conditions import number, ordered, shown_quantities
from workbench.report.summary import summary
from workbench.score.scorecard import Scorecard
from workbench.score.uncertainty import Figure as Estimate
from workbench.splice.conditions import ConditionKind

PEARSON = "mean Pearson correlation with the trained units"
LOWEST = -1.0  # a lower figure is drawn at the edge, with its number
COLOURS = {
    ConditionKind.NATURAL: "#111111",
    ConditionKind.ABLATION: "#999999",
    ConditionKind.HANDWRITTEN: "#c8201e",
    ConditionKind.CONTROL: "#1a3fbf",
    ConditionKind.BASELINE: "#1a3fbf",
}
PREDICTORS = {  # those whose description length every score has
    "spliced": "theory",
    "ablated.mean": "mean",
    "baseline.affine": "one trained unit",
    "baseline.regression": "regression",
}
AS_WRITTEN = "#e58a7f"  # the handwritten units before tuning


def draw_ledger(card: Scorecard) -> Figure:
    """The recovered headline of every condition, and the last accuracy where there are labels."""
    names = [name for name in ordered(card) if name != "natural"]
    rows = [card.conditions[name] for name in names]
    accuracies = [quantity for quantity in shown_quantities(card) if quantity.needs_target][-1:]
    figure = Figure(
        figsize=(8.6 if accuracies else 6.4, 0.3 * len(names) + 0.9), layout="constrained"
    )
    grid = figure.subplots(1, 1 + len(accuracies), sharey=True, squeeze=False)[0]
    _recovered(grid[0], card, names)
    for axes, accuracy in zip(grid[1:], accuracies, strict=True):
        bars(axes, _kinds(card, names), [row.quantities[accuracy.key] for row in rows], None)
        untouched = card.conditions["natural"].quantities[accuracy.key].value
        axes.axvline(untouched, color="#111111", linewidth=0.8)
        axes.set_xlabel(f"{accuracy.label} accuracy; the line is the untouched network", fontsize=8)
    return figure


def draw_summary(card: Scorecard) -> Figure:
    """The recovered headline of the summary's rows: trained, silenced, handwritten, best baseline.

    Where the host's answers are not compared, it is the units' mean Pearson correlation.
    """
    rows = summary(card)
    figure = Figure(figsize=(5.0, 0.32 * len(rows) + 0.8), layout="constrained")
    axes = figure.subplots()
    _recovered(axes, card, [row.condition for row in rows])
    axes.set_yticks(range(len(rows)), [row.words for row in rows], fontsize=8)
    return figure


def draw_bits(card: Scorecard) -> Figure:
    """The headline quantity against description length, for the theory and its baselines.

    Without comparable answers, the units' mean Pearson correlation.
    """
    figure = Figure(figsize=(5.0, 2.9), layout="constrained")
    axes = figure.subplots()
    headline = card.headline_quantity
    for name, bits in card.bits.items():
        row = card.conditions.get(name)
        kept = row and (row.quantities[headline.key] if card.compared else row.pearson)
        if not row or not kept or kept.value is None:
            continue
        colour, words = COLOURS[row.kind], PREDICTORS[name]
        axes.plot([bits], [kept.value], "o", color=colour, markersize=6, label=words)
        if kept.ci95:
            axes.plot([bits, bits], kept.ci95, color=colour, linewidth=2, alpha=0.4)
        axes.annotate(
            words, (bits, kept.value), (6, 4), textcoords="offset points", fontsize=8, color=colour
        )
    axes.set_xscale("log")
    axes.margins(x=0.3, y=0.15)
    axes.set_xlabel("description length, bits", fontsize=8)
    axes.set_ylabel(headline.label if card.compared else "mean Pearson", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure


def _recovered(axes: Axes, card: Scorecard, names: Sequence[str]) -> None:
    """Draw the recovered headline, or the mean Pearson without comparable answers."""
    rows = [card.conditions[name] for name in names]
    figures = [row.recovered if card.compared else row.pearson for row in rows]
    bars(axes, _kinds(card, names), figures, LOWEST)
    label = f"recovered {card.headline_quantity.label}: 0 as if ablated, 1 as if untouched"
    mark_ends(axes, label if card.compared else PEARSON)


def _kinds(card: Scorecard, names: Sequence[str]) -> list[tuple[str, ConditionKind]]:
    return [(name, card.conditions[name].kind) for name in names]


def mark_ends(axes: Axes, label: str) -> None:
    """Mark 0 and 1 of an axis on which 1 is the untouched network."""
    axes.axvline(1, color="#111111", linewidth=0.8)
    axes.axvline(0, color="#999999", linewidth=0.8, linestyle=":")
    axes.set_xlabel(label, fontsize=8)


def bars(
    axes: Axes,
    names: Sequence[tuple[str, ConditionKind]],
    figures: Sequence[Estimate],
    lowest: float | None,
) -> None:
    """Draw a dot and an interval for each condition, with its number at the right.

    `names` are those of conditions with their kinds. A figure below `lowest` is at the edge.
    There is no dot where there is no figure.
    """
    for row, ((name, kind), figure) in enumerate(zip(names, figures, strict=True)):
        colour = AS_WRITTEN if name == "as_written" else COLOURS.get(kind, "#555555")
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
        axes.plot(
            [inside[0], inside[2]],
            [row, row],
            label=f"{name}, 95 % interval",
            color=colour,
            linewidth=2.2,
            alpha=0.45,
            solid_capstyle="butt",
        )
        axes.plot(
            inside[1],
            row,
            label=name,
            marker="o" if inside[1] == figure.value else "<",
            color=colour,
            markersize=5,
        )
    axes.set_yticks(range(len(names)), [name for name, _ in names], fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0, labelsize=8)
