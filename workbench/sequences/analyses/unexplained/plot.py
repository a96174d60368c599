"""The picture of `workbench unexplained` for a theory of tokens."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.report.curves import HANDWRITTEN, TRAINED
from workbench.score.uncertainty import Figure as Estimate
from workbench.sequences.analyses.unexplained.figures import HeadLeft, TokenUnexplained
from workbench.sequences.analyses.unexplained.table import MOST, suggestion

SHOWN = 3  # heads whose residual is drawn, those that lose most
HIGH = 99.5  # percentile of absolute values at which colours are full
OTHER = "#888888"


def draw_unexplained(result: TokenUnexplained) -> Figure:
    """Draw bars of heads, terms and units outside; then residuals of the heads that lose most."""
    shown = result.heads[:SHOWN]
    tables = [head for head in shown if head.residual.by_token is not None]
    figure = Figure(figsize=(11.0, 7.0 if tables else 5.0), layout="constrained")
    heights = (1.2, 0.8, 1.2) if tables else (1.2, 0.8)
    rows = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    heads, terms, outside = rows[0].subplots(1, 3)
    label = result.opened.host.output.headline.label
    lost = [(f"{h.family} {h.head}", h.lost, h.uniform) for h in result.heads[:MOST]]
    lost += [(f"{n.family} {n.frequency}", n.lost, n.ablated) for n in result.neurons[:MOST]]
    _bars(heads, lost, f"{label} lost: the rule (red), uniform or ablated (grey)")
    gains = [(f"{t.family}: {t.words}", t.gain_in_overlap, None) for t in result.terms[:MOST]]
    _bars(terms, gains, "overlap that a further term adds")
    units = [(u.name, u.restores, u.without) for u in result.outside[:MOST]]
    _bars(outside, units, f"{label}: restored alone (red), lost alone (grey)")
    for axes, head in zip(rows[1].subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        _offsets(axes, head)
    if tables:
        for axes, head in zip(
            rows[2].subplots(1, len(tables), squeeze=False)[0], tables, strict=True
        ):
            _tokens(axes, head)
    figure.suptitle(suggestion(result), fontsize=8)
    return figure


def _bars(axes: Axes, rows: Sequence[tuple[str, Estimate, Estimate | None]], label: str) -> None:
    for row, (_, figure, other) in enumerate(rows):
        if other is not None and other.value is not None:
            axes.barh(row, other.value, color=OTHER, height=0.7, alpha=0.5)
        axes.barh(row, figure.value or 0.0, color=HANDWRITTEN, height=0.4)
        if figure.ci95:
            axes.plot(figure.ci95, (row, row), color=TRAINED, linewidth=1)
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows], fontsize=6)
    axes.invert_yaxis()
    axes.set_xlabel(label, fontsize=7)
    axes.tick_params(axis="x", labelsize=6)
    axes.spines[["top", "right"]].set_visible(False)


def _offsets(axes: Axes, head: HeadLeft) -> None:
    means = head.residual.by_offset
    axes.plot(means.offsets, means.trained, "o-", color=TRAINED, markersize=3, linewidth=1)
    axes.plot(means.offsets, means.handwritten, "o-", color=HANDWRITTEN, markersize=3, linewidth=1)
    axes.set_title(f"{head.family} {head.head}: trained (black), handwritten (red)", fontsize=7)
    axes.set_xlabel("offset, query place - key place", fontsize=7)
    axes.set_ylabel("mean attention", fontsize=7)
    axes.tick_params(labelsize=6)
    axes.spines[["top", "right"]].set_visible(False)


def _tokens(axes: Axes, head: HeadLeft) -> None:
    table = np.asarray(head.residual.by_token)
    limit = float(np.percentile(np.abs(table), HIGH)) or 1.0
    axes.imshow(table, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    axes.set_title(f"{head.head}: attention beyond the rule, up to {limit:.2f}", fontsize=7)
    axes.set_xlabel("token of the key", fontsize=7)
    axes.set_ylabel("token of the query", fontsize=7)
    axes.tick_params(labelsize=6)
