"""site.png: the ways to predict a site's units, and the poses of the families round the circle."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from workbench.analyses.propose.site.controls import TERMS
from workbench.analyses.propose.site.figures import FamilyRow, SiteProposal
from workbench.report.curves import HANDWRITTEN
from workbench.report.ledger import COLOURS
from workbench.score.facts import header_facts
from workbench.splice.conditions import ConditionKind

DIALS = 24  # families at most that are drawn
COLUMNS = 6
LETTERS = 20  # of a family's name


def draw_site(result: SiteProposal) -> Figure:
    """Draw every way with its interval, and a dial for each family."""
    dials = result.families[:DIALS]
    rows = math.ceil(len(dials) / COLUMNS)
    figure = Figure(figsize=(9.6, 2.8 + 1.9 * rows), layout="constrained")
    grid = figure.add_gridspec(1 + rows, COLUMNS, height_ratios=[2.4, *[1.9] * rows])
    _ways(figure.add_subplot(grid[0, :]), result)
    for i, family in enumerate(dials):
        place = grid[1 + i // COLUMNS, i % COLUMNS]
        axes = figure.add_subplot(place, projection="polar")
        if isinstance(axes, PolarAxes):
            _dial(axes, family, result.site)
    return figure


def _ways(axes: Axes, result: SiteProposal) -> None:
    rows = result.rows[::-1]
    values = [row.pearson.value or 0.0 for row in rows]
    ends = [row.pearson.ci95 or (row.pearson.value or 0.0,) * 2 for row in rows]
    reach = np.abs(np.array(ends) - np.array(values)[:, None]).T
    control = COLOURS[ConditionKind.CONTROL]
    colours = [HANDWRITTEN if row.name == TERMS else control for row in rows]
    axes.barh([row.name for row in rows], values, color=colours, xerr=reach, height=0.6)
    facts = header_facts(result.header)
    axes.set_title(
        f"{result.site} of {facts['host']['name']}, {len(result.units)} units that read "
        f"{result.reads}",
        fontsize=9,
        loc="left",
    )
    axes.set_xlabel("mean Pearson on pictures that nothing was fitted on", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def _dial(axes: PolarAxes, family: FamilyRow, site: str) -> None:
    """Every unit at the direction of its normal, the further out the better it is predicted."""
    angles = [math.radians(family.poses[unit]) for unit in family.pearson]
    axes.scatter(angles, list(family.pearson.values()), s=14, color=HANDWRITTEN)
    axes.set_theta_direction(-1)  # y points down in pictures
    axes.set_ylim(0, 1)
    axes.set_xticklabels([])
    axes.set_yticks([0.5, 1], labels=["", ""])
    name = family.name.removeprefix(f"{site}-")
    axes.set_title(
        f"{name[:LETTERS]}\n{len(family.poses)} units, {family.saved:.0f} bits", fontsize=7
    )
