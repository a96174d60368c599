"""Polysemanticity as a picture: parts of units' expected value by level, and their clusters."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.analyses.polysemanticity.figures import Polysemanticity
from workbench.analyses.polysemanticity.meaning import Cluster, UnitMeaning
from workbench.analyses.polysemanticity.measure import Firing
from workbench.analyses.polysemanticity.unit import LEVELS
from workbench.hosts.host import Host, Site
from workbench.vision.pictures import Picture

SHOWN = 4  # units: the most polysemantic, and the least
CLUSTERS = 6  # of each, those that are most another kind first
PATCH_PX = 80
ROW_INCHES, SPECTRUM_INCHES, PATCH_INCHES = 2.5, 3.2, 1.15
PARTS = {
    "explained": ("#333333", "explained"),
    "inexact": ("#bbbbbb", "left, own stimuli"),
    "other": ("#c8201e", "left, other stimuli"),
}


def draw_polysemanticity(
    result: Polysemanticity, host: Host, cells: Firing, pictures: Sequence[Picture]
) -> Figure:
    """Draw a row for each of SHOWN units: the parts of E[a] by level, then patches of clusters."""
    ordered = sorted(
        (unit for unit in result.units if unit.levels), key=lambda unit: -(unit.other.value or 0)
    )
    shown = list(dict.fromkeys([*ordered[: SHOWN - 1], *ordered[-1:]]))
    count = max(len(shown), 1)
    figure = Figure(
        figsize=(SPECTRUM_INCHES + CLUSTERS * PATCH_INCHES, ROW_INCHES * count + 0.4),
        layout="constrained",
    )
    widths = (SPECTRUM_INCHES, *[PATCH_INCHES] * CLUSTERS)
    grid = figure.add_gridspec(2 * count, 1 + CLUSTERS, width_ratios=widths)
    site = host.site((result.header.circuit or {})["site"])
    for row, unit in enumerate(shown):
        _spectrum(figure.add_subplot(grid[2 * row : 2 * row + 2, 0]), unit)
        for column, cluster in enumerate(unit.clusters[:CLUSTERS]):
            for i, at in enumerate(cluster.rows):
                axes = figure.add_subplot(grid[2 * row + i, 1 + column])
                picture, cell = pictures[cells.picture[at]], int(cells.cell[at])
                _patch(axes, host, site, picture, cell)
                axes.set_title("" if i else _title(cluster), fontsize=6)
    figure.supxlabel(_caption(result), fontsize=7.5)
    return figure


def _caption(result: Polysemanticity) -> str:
    spec, host = result.header.spec or {}, result.header.host or {}
    return (
        f"{spec['theory']} on {host['name']}, {(result.header.images or {})['n']} images; "
        f"a patch is {PATCH_PX} px about the cell"
    )


def _spectrum(axes: Axes, unit: UnitMeaning) -> None:
    bottom, above = np.zeros(LEVELS), np.array([level.above for level in unit.levels])
    for part, (colour, label) in PARTS.items():
        height = np.array([getattr(level, part) for level in unit.levels])
        axes.bar(above + 0.5 / LEVELS, height, 0.9 / LEVELS, bottom, color=colour, label=label)
        bottom += height
    explained, other = unit.explained.value or 0, unit.other.value or 0
    title = f"{unit.unit}: {explained:.2f} explained, {other:.2f} other"
    axes.set_title(title, fontsize=8, loc="left")
    axes.set_xlabel("activation over its peak", fontsize=7)
    axes.set_ylabel("part of the expected value", fontsize=7)
    axes.legend(frameon=False, fontsize=6.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=6.5)


def _title(cluster: Cluster) -> str:
    return f"{100 * cluster.share:.0f} %, other {cluster.other:.2f}"


def _patch(axes: Axes, host: Host, site: Site, picture: Picture, cell: int) -> None:
    """Draw the pixels about a cell; beyond the picture, the colour of the host's padding."""
    rgb = (
        host.input.decode(host.input.batch([picture]))[0]
        .permute(1, 2, 0)
        .round()
        .clamp(0, 255)
        .byte()
        .numpy()
    )
    half = PATCH_PX // 2
    ground = np.broadcast_to(
        np.array(host.picture_input.mean_rgb).round().astype(np.uint8),
        (*(size + 2 * half for size in rgb.shape[:2]), 3),
    ).copy()
    ground[half:-half, half:-half] = rgb
    y, x = (site.offset_px + site.stride_px * index for index in divmod(cell, site.width))
    axes.imshow(ground[y : y + PATCH_PX, x : x + PATCH_PX])
    axes.set_axis_off()
