"""The frontier as a picture: what survives against the handwritten share, and what steps gain."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.analyses.frontier.figures import Frontier
from workbench.analyses.frontier.measure import OTHERS, OWN, SPLICED
from workbench.analyses.frontier.table import TITLES
from workbench.report.ledger import COLOURS
from workbench.score.uncertainty import Figure as Estimate
from workbench.splice.conditions import ConditionKind

# condition -> its label, its colour, and its shift along the axis, as a share of it, which keeps
# intervals apart
LINES = {
    OTHERS: ("other units at their mean", COLOURS[ConditionKind.ABLATION], -0.008),
    SPLICED: ("other units trained", COLOURS[ConditionKind.HANDWRITTEN], 0.008),
}
MARKS = dict(zip(OWN, "osv^D", strict=True))


def draw_frontier(frontier: Frontier) -> Figure:
    """Draw KL and agreement over the handwritten share; at 0 the network is natural. Then gains."""
    figure = Figure(figsize=(10.5, 3.8), layout="constrained")
    panels = figure.subplots(1, 3)
    shares = [100 * step.share for step in frontier.steps]
    for name in LINES:
        for axes, quantity, natural in ((panels[0], "kl", 0.0), (panels[1], "top1_agreement", 1.0)):
            rows = [step.conditions[name][quantity] for step in frontier.steps]
            at_zero = [(0.0, Estimate(natural))] if name == SPLICED else []
            points = [*at_zero, *zip(shares, rows, strict=True)]
            _line(axes, [share for share, _ in points], [row for _, row in points], name)
    panels[0].set_yscale("symlog", linthresh=0.01)
    _gains(panels[2], frontier, shares)
    titles = (
        "KL(natural ‖ spliced), nats",
        "top-1 agreement with the natural network",
        "gain of each step in KL, nats",
    )
    for axes, title in zip(panels, titles, strict=True):
        _finish(axes, shares, title)
    panels[0].legend(frameon=False, fontsize=8)
    _name_steps(panels[1], [f"+ {step.spec['theory']}" for step in frontier.steps], shares)
    names = list(dict.fromkeys((next(iter(frontier.sites)), list(frontier.sites)[-1])))
    figure.supxlabel(
        f"handwritten, % of the {frontier.of:,} units of {' to '.join(names)}", fontsize=8
    )
    return figure


def _gains(axes: Axes, frontier: Frontier, shares: Sequence[float]) -> None:
    """Draw what each step gains over what else its units could be, side by side."""
    width = 0.015 * max(shares)
    for i, name in enumerate(OWN):
        at = [share + (i - len(OWN) // 2) * width for share in shares]
        gains = [step.gains[name] for step in frontier.steps]
        colour = "#444444" if name.startswith("ablated") else COLOURS[ConditionKind.CONTROL]
        values = [float("nan") if gain.value is None else gain.value for gain in gains]
        label = TITLES[name].replace("\n", " ")
        axes.plot(at, values, MARKS[name], color=colour, markersize=4, label=label)
        for share, gain in zip(at, gains, strict=True):
            if gain.ci95:
                axes.plot([share, share], gain.ci95, color=colour, linewidth=1.6, alpha=0.5)
    axes.axhline(0, color="#111111", linewidth=0.8)
    axes.set_yscale("symlog", linthresh=0.01)
    axes.legend(frameon=False, fontsize=7)


def _line(axes: Axes, shares: Sequence[float], rows: Sequence[Estimate], name: str) -> None:
    """Draw dots joined by a line, each with its interval; missing figures are left out."""
    label, colour, shift = LINES[name]
    known = [
        (share + (shift * max(shares) if share else 0), row.value, row.ci95)
        for share, row in zip(shares, rows, strict=True)
        if row.value is not None
    ]
    axes.plot(
        [share for share, _, _ in known],
        [value for _, value, _ in known],
        "-o",
        color=colour,
        markersize=4,
        label=label,
    )
    for share, value, ci95 in known:
        low, high = ci95 or (value, value)
        axes.plot([share, share], [low, high], color=colour, linewidth=2.2, alpha=0.4)


def _finish(axes: Axes, shares: Sequence[float], title: str) -> None:
    axes.set_title(title, fontsize=9, loc="left")
    for share in shares:
        axes.axvline(share, color="#dddddd", linewidth=0.7, zorder=0)
    axes.set_xlim(0, 1.06 * max(shares))
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def _name_steps(axes: Axes, names: Sequence[str], shares: Sequence[float]) -> None:
    """Write what each step adds, along its line at the bottom, since most values lie above."""
    for name, share in zip(names, shares, strict=True):
        place = axes.get_xaxis_transform()
        axes.text(
            share,
            0.02,
            name,
            transform=place,
            fontsize=6.5,
            rotation=90,
            ha="right",
            va="bottom",
            color="#555555",
        )
