"""The frontier as a picture: KL, top-1 agreement and recovered KL against the handwritten share."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.analyses.frontier.figures import CONTROL, Frontier
from workbench.report.ledger import COLOURS
from workbench.score.uncertainty import Figure as Estimate
from workbench.splice.conditions import ConditionKind

# condition -> its label, its colour, and its shift along the axis, as a share of it, which keeps
# intervals apart
LINES = {
    "ablated.zero": ("ablated", COLOURS[ConditionKind.ABLATION], -0.008),
    CONTROL: ("permuted", COLOURS[ConditionKind.CONTROL], 0.008),
    "spliced": ("handwritten", COLOURS[ConditionKind.HANDWRITTEN], 0.0),
}
LOWEST = -1.0  # recovered KL below it is drawn at the edge


def draw_frontier(frontier: Frontier) -> Figure:
    """Draw three panels over one axis of shares; at share 0 the network is natural."""
    figure = Figure(figsize=(10.5, 3.8), layout="constrained")
    panels = figure.subplots(1, 3)
    shares = [100 * step.share for step in frontier.steps]
    for name in LINES:
        for axes, quantity, natural in ((panels[0], "kl", 0.0), (panels[1], "top1_agreement", 1.0)):
            rows = [step.conditions[name][quantity] for step in frontier.steps]
            _line(axes, [0.0, *shares], [Estimate(natural), *rows], name)
    _line(panels[2], shares, [step.recovered["kl"] for step in frontier.steps], "spliced")
    _line(panels[2], shares, [step.control["kl"] for step in frontier.steps], CONTROL)
    panels[2].axhline(1, color="#111111", linewidth=0.8)
    panels[2].axhline(0, color="#999999", linewidth=0.8, linestyle=":")
    titles = (
        "KL(natural ‖ spliced), nats",
        "top-1 agreement with the natural network",
        "recovered KL",
    )
    for axes, title in zip(panels, titles, strict=True):
        _finish(axes, shares, title)
    panels[0].legend(frameon=False, fontsize=8)
    _name_steps(panels[2], [f"+ {step.spec['theory']}" for step in frontier.steps], shares)
    names = list(dict.fromkeys((next(iter(frontier.sites)), list(frontier.sites)[-1])))
    figure.supxlabel(
        f"handwritten, % of the {frontier.of:,} units of {' to '.join(names)}", fontsize=8
    )
    return figure


def _line(axes: Axes, shares: Sequence[float], rows: Sequence[Estimate], name: str) -> None:
    """Draw dots joined by a line, each with its interval; missing figures are left out."""
    label, colour, shift = LINES[name]
    known = [
        (share + (shift * max(shares) if share else 0), row)
        for share, row in zip(shares, rows, strict=True)
        if row.value is not None
    ]
    axes.plot(
        [share for share, _ in known],
        [_inside(row.value) for _, row in known],
        "-o",
        color=colour,
        markersize=4,
        label=label,
    )
    for share, row in known:
        low, high = row.ci95 or (row.value, row.value)
        axes.plot(
            [share, share], [_inside(low), _inside(high)], color=colour, linewidth=2.2, alpha=0.4
        )


def _inside(value: float | None) -> float:
    return max(float("nan") if value is None else value, LOWEST)


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
