"""families.png: for each family its matched units by pose and agreement, and tuning curves."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workbench.analyses.families.figures import Families, LayerScore, MatchedUnit
from workbench.compiler.circuit import HandwrittenCircuit, Layer
from workbench.matching.nearest import Answers
from workbench.report.conditions import number
from workbench.report.curves import HANDWRITTEN, TRAINED, over_peak
from workbench.report.glyphs import draw_glyph
from workbench.report.kernels import frame_axis
from workbench.score.facts import header_facts
from workbench.theory.poses import CENTRE

BEST = 3  # pairs whose tuning curves are drawn
ROW_INCHES, WIDE_INCHES, PANEL_INCHES = 2.0, 4.6, 1.9
LOWEST = -0.15  # Pearson correlation; what is below is drawn at the edge
PALETTE = "plasma"  # of the sites, from the first to the deepest
DARKEST, LIGHTEST = 0.0, 0.85  # of the palette: its yellow cannot be seen on white


def draw_families(families: Families, circuit: HandwrittenCircuit, answers: Answers) -> Figure:
    """Draw a row for each family: its matched units, then the tuning curves of the BEST.

    Each matched unit is drawn as its pose, against its Pearson correlation, coloured by site.
    """
    count = len(circuit.layers)
    figure = Figure(
        figsize=(WIDE_INCHES + BEST * PANEL_INCHES, ROW_INCHES * count + 0.9), layout="constrained"
    )
    grid = figure.subplots(
        count, 1 + BEST, width_ratios=(WIDE_INCHES, *[PANEL_INCHES] * BEST), squeeze=False
    )
    colours = site_colours(list(families.sites))
    for line, layer in zip(grid, circuit.layers, strict=True):
        rows = [row for row in families.layers if row.family == layer.family]
        _poses(line[0], layer, rows, colours)
        pairs = sorted(
            (pair for row in rows for pair in row.pairs), key=lambda pair: -pair.pearson
        )[:BEST]
        for axes in line[1:]:
            axes.set_axis_off()
        for axes, pair in zip(line[1:], pairs, strict=False):
            axes.set_axis_on()
            _curves(axes, layer, pair, answers)
    _legend(figure, colours, families)
    return figure


def site_colours(sites: Sequence[str]) -> dict[str, str]:
    """A colour for each site, darker for earlier ones."""
    shades = np.linspace(DARKEST, LIGHTEST, len(sites))
    return {
        site: matplotlib.colors.to_hex(matplotlib.colormaps[PALETTE](shade))
        for site, shade in zip(sites, shades, strict=True)
    }


def _poses(
    axes: Axes, layer: Layer, rows: Sequence[LayerScore], colours: Mapping[str, str]
) -> None:
    """Draw each matched unit as the glyph of its pose.

    The dashed line is the mean of the permuted control.
    """
    axis = frame_axis(layer.units)
    turn_deg, where = (360, "centre of curvature") if axis == CENTRE else (180, "orientation")
    axes.set(xlim=(-0.03 * turn_deg, 1.03 * turn_deg), ylim=(LOWEST, 1.0), yticks=(0, 0.5, 1))
    axes.set_xticks(np.linspace(0, turn_deg, 5))
    axes.axhline(0, color="#dddddd", linewidth=0.8, zorder=0)
    matched = sum(row.units for row in rows)
    axes.set_title(
        f"{layer.family}: {matched or 'no'} trained unit{'' if matched == 1 else 's'}",
        fontsize=9,
        loc="left",
        weight="bold",
    )
    axes.set_xlabel(f"{where} of the matched pose (°)", fontsize=7)
    axes.set_ylabel("Pearson on pictures", fontsize=7)
    for row in rows:
        for pair in row.pairs:
            at_deg = pair.pose_deg if axis == CENTRE else (pair.pose_deg - 90) % 180
            draw_glyph(
                axes,
                (axis, at_deg),
                (at_deg, max(pair.pearson, LOWEST)),
                (0, 0),
                ink=colours[row.site],
            )
    wrong = [pair.permuted for row in rows for pair in row.pairs if pair.permuted is not None]
    if wrong:
        axes.axhline(float(np.mean(wrong)), color="#999999", linewidth=1, linestyle="--", zorder=0)
    _finish(axes)


def _curves(axes: Axes, layer: Layer, pair: MatchedUnit, answers: Answers) -> None:
    """Draw the responses of both units, over their peaks, in every direction.

    The stimuli are of the kind to which the trained unit responds most.
    """
    site, _, unit = pair.unit.partition(":")
    trained = over_peak(answers.sites[site][:, int(unit)])
    handwritten = over_peak(answers.families[layer.family][:, layer.units.names.index(pair.pose)])
    best = int(trained.argmax())
    group, rows = next(
        (group, rows) for group, rows in answers.of_groups.items() if rows.start <= best < rows.stop
    )
    for curve, colour in ((trained, TRAINED), (handwritten, HANDWRITTEN)):
        axes.plot(
            group.normals_deg, curve[rows], color=colour, linewidth=1.3, marker="o", markersize=1.8
        )
    axes.set(ylim=(0, 1.05), yticks=(0, 1))
    axes.set_xticks(
        np.linspace(
            group.normals_deg[0],
            group.normals_deg[0] + (180 if len(group.normals_deg) <= 12 else 360),
            3,
        )
    )
    axes.set_title(
        f"{pair.unit}, Pearson {number(pair.pearson, 2)}\n{group.name}", fontsize=7, loc="left"
    )
    axes.set_xlabel("direction of its normal (°)", fontsize=6.5)
    _finish(axes)


def _finish(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=6.5)


def _legend(figure: Figure, colours: Mapping[str, str], families: Families) -> None:
    marks = [
        Line2D([], [], color=colour, linewidth=3, label=site) for site, colour in colours.items()
    ]
    marks += [
        Line2D([], [], color="#999999", linestyle="--", label="wrong poses, mean"),
        Line2D([], [], color=TRAINED, label="trained"),
        Line2D([], [], color=HANDWRITTEN, label="handwritten"),
    ]
    figure.legend(
        handles=marks, loc="outside upper center", ncols=len(marks), frameon=False, fontsize=7.5
    )
    facts = header_facts(families.header)
    where = f"{facts['spec']['theory']} on {facts['host']['name']}, {facts['images']['n']} images"
    figure.supxlabel(f"{where}; each curve over its own peak over all stimuli", fontsize=7.5)
