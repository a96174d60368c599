"""The table of visualised features for a terminal, and the pictures side by side."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure
from rich.console import Group
from rich.text import Text

from workbench.analyses.visualise.figures import HANDWRITTEN, TRAINED, Visualised
from workbench.report.conditions import number
from workbench.report.plain import plain_table

INCHES = 2.0


def visualised_table(result: Visualised) -> Group:
    """A line on what was made, and a row for each picture; fits 80 columns."""
    header = result.header
    summary = (
        f"{header.spec['theory']} on {header.host['name']}:{header.circuit['site']}: pictures of "
        f"{result.side_px} px after {result.steps} steps; responses to them, over each unit's "
        f"highest on {header.images['n']} images"
    )
    shown = plain_table()
    shown.add_column("\nunit", overflow="fold")
    shown.add_column("picture\nmade for", no_wrap=True)
    for title in ("trained\nunit", "handwritten\nunit", "other trained\nunits"):
        shown.add_column(title, justify="right", no_wrap=True)
    for picture in result.made:
        figures = (picture.trained, picture.handwritten, picture.others)
        shown.add_row(picture.unit, picture.by, *(number(value, 2) for value in figures))
    return Group(Text(summary), shown)


def draw_visualised(result: Visualised, windows: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Figure:
    """A column for each unit: the picture made for the trained unit above the handwritten one's.

    `windows` are in the order of `result.made`.
    """
    by_row = [
        [
            (picture, window)
            for picture, window in zip(result.made, windows, strict=True)
            if picture.by == by
        ]
        for by in (TRAINED, HANDWRITTEN)
    ]
    count = len(by_row[0])
    figure = Figure(figsize=(max(INCHES * count, 4.0), 2 * INCHES + 0.9), layout="constrained")
    for line, row in zip(figure.subplots(2, count, squeeze=False), by_row, strict=True):
        for axes, (picture, window) in zip(line, row, strict=True):
            axes.imshow(window, interpolation="bicubic")
            axes.set_axis_off()
            response = f"trained unit's response {number(picture.trained, 2)}"
            axes.set_title(f"{picture.unit} {picture.by}\n{response}", fontsize=8)
    header = result.header
    figure.supxlabel(
        f"over its highest on {header.images['n']} images; {header.host['name']}, "
        f"{result.steps} steps",
        fontsize=7.5,
    )
    return figure
