"""One theory on many networks as a picture: its parts and the loss by step, and network by network.

A curve is of one ablation (`followed_ablation`). Bands and bars are 95 % intervals over prompts.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.sequences.analyses.universality.figures import NetworkRow, TokenUniversality

LOWEST = -0.3  # of what is recovered: before a mechanism is formed the share is of almost nothing
LOSS_COLOUR = "#555555"


def draw_universality(result: TokenUniversality) -> Figure:
    """Draw a panel for each training, by step, and one for all other networks."""
    trainings = list(result.trainings)
    others = [row for row in result.rows if row.parts and row.training not in trainings]
    panels = len(trainings) + bool(others)
    figure = Figure(figsize=(7.5, 4.2 * max(1, panels)), layout="constrained")
    if not panels:
        figure.text(0.5, 0.5, "no network has this mechanism", ha="center")
        return figure
    grid = figure.subplots(panels, 1, squeeze=False)[:, 0]
    for axes, training in zip(grid, trainings, strict=False):
        _by_step(axes, result, training)
    if others:
        _by_network(grid[-1], result, others)
    return figure


def _by_step(axes: Axes, result: TokenUniversality, training: str) -> None:
    rows = result.trainings[training]
    steps = [row.step or 0 for row in rows]
    for part in rows[-1].parts:
        ablation = result.followed_ablation(training, part)
        figures = [row.recovered(part, ablation) for row in rows]
        values = [np.nan if figure.value is None else figure.value for figure in figures]
        (line,) = axes.plot(steps, values, marker=".", label=f"{part}, of {ablation}")
        low, high = _band([figure.ci95 for figure in figures])
        axes.fill_between(steps, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    axes.set(ylim=(LOWEST, 1.03), xlabel="step", ylabel="recovered", title=_title(result, training))
    axes.axhline(0, color="#bbbbbb", linewidth=0.8)
    loss = axes.twinx()
    values = [np.nan if row.loss is None else row.loss for row in rows]
    loss.plot(steps, values, color=LOSS_COLOUR, linestyle="--", label="loss")
    loss.set(ylabel="loss at the scored places (dashed)", ylim=(0, None))
    axes.legend(fontsize=7, loc="center right")


def _title(result: TokenUniversality, training: str) -> str:
    return f"{result.spec.theory.theory} through the training of {training}"


def _by_network(axes: Axes, result: TokenUniversality, rows: Sequence[NetworkRow]) -> None:
    at = np.arange(len(rows))
    for i, part in enumerate(result.parts):
        figures = [row.recovered(part) for row in rows]
        values = np.array([np.nan if figure.value is None else figure.value for figure in figures])
        low, high = _band([figure.ci95 for figure in figures])
        bars = np.clip([values - low, high - values], 0, None)
        place = at + 0.6 * (i + 0.5) / len(result.parts) - 0.3
        axes.errorbar(place, values, bars, fmt="o", markersize=4, label=part)
    axes.set_xticks(at, [row.host for row in rows], fontsize=8)
    axes.set(ylim=(LOWEST, 1.03), ylabel="recovered of the cheapest ablation")
    axes.axhline(0, color="#bbbbbb", linewidth=0.8)
    axes.legend(fontsize=7)


def _band(intervals: Sequence[tuple[float, float] | None]) -> tuple[np.ndarray, np.ndarray]:
    ends = [(np.nan, np.nan) if interval is None else interval for interval in intervals]
    low, high = np.array(ends, float).T
    return low, high
