"""Weights family by family as heat maps, trained beside handwritten, after those of "Curve Circuits" (distill.pub/2020/circuits/curve-circuits)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from workbench.evaluate.foretold import BY_TURNS, fitted, turned
from workbench.evaluate.weights import Between
from workbench.report.conditions import number
from workbench.report.explain import rows, title
from workbench.report.kernels import Panel, by_pose, draw_panel, frame_axis
from workbench.score.explain import Explained, Weights
from workbench.theory.poses import Units

PANEL_INCHES, KERNEL_INCHES, LEAST_INCHES = 6.0, 0.24, 1.2  # a panel's width; a kernel's height, and what is around them
TITLES = {
    "trained": "trained",
    "theory": "the theory, one scale: explained {}",
    f"fitted {BY_TURNS}": "the theory, constants of every other unit: explained {}",
    BY_TURNS: "trained weights of every other unit, turned: explained {}",
}


def draw_explained(explained: Explained, found: Sequence[Between]) -> Figure:
    """A row for each pair: its trained weights, the theory's, and what the trained weights of other units foretell by the theory fitted to them
    and by turning; downstream units in columns and upstream ones in rows, both by their direction. Each panel has its own scale of colours, in
    its title."""
    heights = [LEAST_INCHES + KERNEL_INCHES * len(pair.upstream) for pair in found]
    figure = Figure(figsize=(PANEL_INCHES * len(TITLES), sum(heights) or 1.0), layout="constrained")
    if not found:
        return figure
    grid = figure.subplots(len(found), len(TITLES), height_ratios=heights, squeeze=False)
    for line, pair, score in zip(grid, found, explained.pairs, strict=True):
        as_they_are = np.arange(len(pair.downstream))[None]
        fit, turn = (way(pair, as_they_are)[BY_TURNS][0] for way in (fitted, turned))
        known = {"trained": pair.trained, "theory": score.scale * pair.theory, f"fitted {BY_TURNS}": fit, BY_TURNS: turn}
        for axes, (kind, said) in zip(line, TITLES.items(), strict=True):
            figure_of = "" if kind == "trained" else number(rows(score)[kind]["explained"].value, 2)
            draw_panel(axes, _panel(f"{title(score)}\n{said.format(figure_of)}", pair, known[kind]))
    return figure


def _panel(said: str, pair: Between, weights: Weights) -> Panel:
    down, up = (by_pose(units, range(len(units))) for units in (pair.downstream, pair.upstream))
    kernels = weights[np.ix_(down, up)].transpose(1, 0, 2, 3)
    rows, columns = _labels(pair.upstream, up), _labels(pair.downstream, down)
    return Panel(said, kernels, rows, columns, _poses(pair.upstream, up), _poses(pair.downstream, down))


def _labels(units: Units, chosen: Sequence[int]) -> tuple[str, ...]:
    return tuple(units.names[i].rpartition(":")[2] for i in chosen)


def _poses(units: Units, chosen: Sequence[int]) -> tuple[tuple[str, float], ...]:
    axis = frame_axis(units)
    return tuple((axis, float(units.column(axis)[i])) for i in chosen)
