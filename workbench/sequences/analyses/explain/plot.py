"""Trained tables and the rule's side by side, as heat maps, and what wrong rules explain."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.report.conditions import number
from workbench.sequences.analyses.explain.compare import Array, Compared
from workbench.sequences.analyses.explain.figures import TokensExplained

MOST = 24  # tables that are drawn: a page of more cannot be read
HIGH_ROW, LOW_ROW = 2.6, 1.1  # inches
HIGH = 99.5  # percentile of absolute values at which colours are full
RULE, WRONG = "#c8201e", "#888888"


def draw_explained(result: TokensExplained) -> Figure:
    """Draw a row for each table, at most MOST: the trained one, the rule's, and the bars.

    Both maps of a row have one scale of colours.
    """
    tables = result.tables[:MOST]
    heights = [HIGH_ROW if len(table.trained) > 1 else LOW_ROW for table in tables]
    figure = Figure(figsize=(11.0, sum(heights)), layout="constrained")
    grid = figure.subplots(len(tables), 3, squeeze=False, height_ratios=heights)
    for (trained, rule, bars), table in zip(grid, tables, strict=True):
        limit = float(np.percentile(np.abs(table.trained), HIGH)) or 1.0
        _map(trained, table, table.trained, limit)
        _map(rule, table, table.rule, limit)
        trained.set_title(f"{table.family} {table.unit}, {table.kind}: trained", fontsize=8)
        rule.set_title(f"the rule: explained {number(table.explained, 2)}", fontsize=8)
        _bars(bars, table)
    return figure


def _map(axes: Axes, table: Compared, values: Array, limit: float) -> None:
    rows, columns = values.shape
    extent = (table.first_column - 0.5, table.first_column + columns - 0.5, rows - 0.5, -0.5)
    axes.imshow(
        values,
        aspect="auto",
        extent=extent,
        cmap="RdBu_r",
        vmin=-limit,
        vmax=limit,
        interpolation="nearest",
    )
    axes.set_ylabel(table.words[0], fontsize=7)
    axes.set_xlabel(table.words[1], fontsize=7)
    axes.tick_params(labelsize=6)
    if rows == 1:
        axes.set_yticks([])


def _bars(axes: Axes, table: Compared) -> None:
    names = ["the rule", *(name.removeprefix("control.") for name in table.controls)]
    values = [table.explained, *table.controls.values()]
    colours = [RULE, *[WRONG] * len(table.controls)]
    axes.barh(np.arange(len(names)), values, color=colours)
    axes.set_yticks(np.arange(len(names)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlim(min(0.0, *values), 1)
    axes.tick_params(axis="x", labelsize=6)
    axes.set_xlabel("share of the trained variance explained", fontsize=7)
