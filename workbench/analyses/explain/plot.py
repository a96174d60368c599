"""Trained and handwritten weights between families, as heat maps.

After those of "Curve Circuits" (distill.pub/2020/circuits/curve-circuits).
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from workbench.analyses.explain.figures import Explained
from workbench.analyses.explain.table import rows, title
from workbench.matching.agreement import Weights
from workbench.matching.prediction import BY_TURNS, fitted, turned
from workbench.matching.weights import FamilyWeights
from workbench.report.conditions import number
from workbench.report.kernels import Panel, by_pose, draw_panel, frame_axis
from workbench.theory.poses import Units

PANEL_INCHES = 6.0  # a panel's width
KERNEL_INCHES, LEAST_INCHES = 0.24, 1.2  # a kernel's height, and the height around all kernels
TITLES = {
    "trained": "trained",
    "theory": "the theory, one scale: explained {}",
    f"fitted {BY_TURNS}": "the theory, constants of every other unit: explained {}",
    BY_TURNS: "trained weights of every other unit, turned: explained {}",
}


def draw_explained(explained: Explained, weights: Sequence[FamilyWeights]) -> Figure:
    """A row of panels for each two families.

    The panels are the trained weights, the theory's, and those predicted from the trained weights
    of other units, by the theory fitted to them and by turning. Downstream units are in columns and
    upstream ones in rows, both by their direction. Each panel has its own scale of colours, in its
    title.
    """
    heights = [LEAST_INCHES + KERNEL_INCHES * len(pair.upstream) for pair in weights]
    figure = Figure(figsize=(PANEL_INCHES * len(TITLES), sum(heights) or 1.0), layout="constrained")
    if not weights:
        return figure
    grid = figure.subplots(len(weights), len(TITLES), height_ratios=heights, squeeze=False)
    for line, pair, score in zip(grid, weights, explained.pairs, strict=True):
        unpermuted = np.arange(len(pair.downstream))[None]
        known = {
            "trained": pair.trained,
            "theory": score.scale * pair.theory,
            f"fitted {BY_TURNS}": fitted(pair, unpermuted)[BY_TURNS][0],
        }
        if pair.turns:
            known[BY_TURNS] = turned(pair, unpermuted)[BY_TURNS][0]
        for axes, (kind, text) in zip(line, TITLES.items(), strict=True):
            if kind not in known:
                axes.set_axis_off()
                continue
            figure_of = "" if kind == "trained" else number(rows(score)[kind]["explained"].value, 2)
            draw_panel(axes, _panel(f"{title(score)}\n{text.format(figure_of)}", pair, known[kind]))
    return figure


def _panel(heading: str, pair: FamilyWeights, values: Weights) -> Panel:
    down, up = (by_pose(units, range(len(units))) for units in (pair.downstream, pair.upstream))
    kernels = values[np.ix_(down, up)].transpose(1, 0, 2, 3)
    rows, columns = _labels(pair.upstream, up), _labels(pair.downstream, down)
    return Panel(
        heading, kernels, rows, columns, _poses(pair.upstream, up), _poses(pair.downstream, down)
    )


def _labels(units: Units, chosen: Sequence[int]) -> tuple[str, ...]:
    return tuple(units.names[i].rpartition(":")[2] for i in chosen)


def _poses(units: Units, chosen: Sequence[int]) -> tuple[tuple[str, float], ...]:
    axis = frame_axis(units)
    return tuple((axis, float(units.column(axis)[i])) for i in chosen)
