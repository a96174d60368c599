"""unexplained.png: what each candidate explains, and patches for each direction."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workbench.analyses.unexplained.figures import Unexplained
from workbench.analyses.unexplained.table import suggestion, title
from workbench.report.conditions import number

SHOWN = 8  # patches of a direction
INCHES = 1.25
COLOURS = {True: "#1a3fbf", False: "#c8201e"}


def draw_unexplained(result: Unexplained, patches: Sequence[Sequence[NDArray[np.uint8]]]) -> Figure:
    """Draw bars of the candidates, then a row of patches for each direction.

    `patches` are in the order of the directions.
    """
    bars = 0.24 * len(result.candidates) + 0.9
    rows = (INCHES + 0.3) * len(patches)
    figure = Figure(figsize=(INCHES * SHOWN + 1.0, bars + rows), layout="constrained")
    heights = (bars, max(0.1, rows))
    above, below = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    _bars(above.subplots(), result)
    grid = below.subplots(max(1, len(patches)), SHOWN, squeeze=False)
    for axes in grid.flatten():
        axes.set_axis_off()
    by_name = {candidate.name: candidate for candidate in result.candidates}
    for k, (line, shown) in enumerate(zip(grid, patches, strict=False)):
        candidate = by_name[f"direction {k + 1}"]
        first = candidate.units[0] if candidate.units else ""
        heading = f"{title(candidate)}; {first}, {len(candidate.units)} units"
        line[0].set_title(heading, fontsize=7, loc="left")
        for axes, patch in zip(line, shown, strict=False):
            axes.imshow(patch)
    figure.suptitle(suggestion(result), fontsize=8)
    return figure


def _bars(axes: Axes, result: Unexplained) -> None:
    for row, candidate in enumerate(result.candidates):
        axes.barh(row, candidate.explained, color=COLOURS[candidate.read], height=0.6)
        axes.plot((candidate.random, candidate.needed), (row, row), color="black", linewidth=1.2)
        axes.plot(candidate.random, row, "|", color="black", markersize=8)
    titles = [title(candidate) for candidate in result.candidates]
    axes.set_yticks(range(len(titles)), titles, fontsize=6.5)
    axes.invert_yaxis()
    left = number(float(np.mean(list(result.left.values()))), 2)
    legend = "blue: read already, red: not read; black: from chance to what a suggestion needs"
    axes.set_xlabel(
        f"share of what is left ({left} of the variance) on unseen pictures; {legend}", fontsize=7
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=6.5)
