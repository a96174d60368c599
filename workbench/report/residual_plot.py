"""What remains as a picture: for each direction the patches where it is what differs, and what each candidate explains."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from workbench.report.conditions import number
from workbench.report.residual import suggestion, title
from workbench.score.residual import Residual

SHOWN = 8  # patches of a direction
INCHES = 1.25
COLOURS = {True: "#1a3fbf", False: "#c8201e"}


def draw_residual(residual: Residual, patches: Sequence[Sequence[NDArray[np.uint8]]]) -> Figure:
    """Bars of the candidates on top, then a row of patches for each direction; `patches` in the order of the directions."""
    count = len(residual.candidates)
    bars = 0.24 * count + 0.9
    figure = Figure(figsize=(INCHES * SHOWN + 1.0, bars + (INCHES + 0.3) * len(patches)), layout="constrained")
    heights = (bars, max(0.1, (INCHES + 0.3) * len(patches)))
    above, below = figure.subfigures(2, 1, height_ratios=heights, squeeze=False)[:, 0]
    _bars(above.subplots(), residual)
    grid = below.subplots(max(1, len(patches)), SHOWN, squeeze=False)
    for axes in grid.flatten():
        axes.set_axis_off()
    by_name = {each.name: each for each in residual.candidates}
    for k, (line, own) in enumerate(zip(grid, patches, strict=False)):
        each = by_name[f"direction {k + 1}"]
        line[0].set_title(f"{title(each)}; {each.units[0] if each.units else ''}, {len(each.units)} units", fontsize=7, loc="left")
        for axes, patch in zip(line, own, strict=False):
            axes.imshow(patch)
    figure.suptitle(suggestion(residual), fontsize=8)
    return figure


def _bars(axes: Axes, residual: Residual) -> None:
    for row, each in enumerate(residual.candidates):
        axes.barh(row, each.explained, color=COLOURS[each.read], height=0.6)
        axes.plot((each.random, each.needed), (row, row), color="black", linewidth=1.2)
        axes.plot(each.random, row, "|", color="black", markersize=8)
    axes.set_yticks(range(len(residual.candidates)), [title(each) for each in residual.candidates], fontsize=6.5)
    axes.invert_yaxis()
    left = number(float(np.mean(list(residual.left.values()))), 2)
    said = "blue read already, red not read; black: by chance, to what a suggestion needs"
    axes.set_xlabel(f"share of what is left ({left} of the variance) on unseen pictures; {said}", fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=6.5)
