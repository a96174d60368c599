"""Visualised features: the table that a terminal shows, and the pictures side by side."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure
from rich.console import Group
from rich.text import Text

from workbench.report.conditions import number
from workbench.report.plain import plain_table
from workbench.score.visualise import HANDWRITTEN, TRAINED, Visualised

INCHES = 2.0


def visualised_table(found: Visualised) -> Group:
    """One line on what was made, and a row for each picture. Fits 80 columns."""
    said = (
        f"{found.spec['theory']} on {found.host['name']}:{found.circuit['site']}: pictures of {found.side_px} px after {found.steps} steps; what "
        f"units say to them, over their highest on {found.images['n']} images"
    )
    shown = plain_table()
    shown.add_column("\nunit", overflow="fold")
    shown.add_column("picture\nmade for", no_wrap=True)
    for title in ("trained\nunit", "handwritten\nunit", "other trained\nunits"):
        shown.add_column(title, justify="right", no_wrap=True)
    for each in found.made:
        shown.add_row(each.unit, each.by, number(each.trained, 2), number(each.handwritten, 2), number(each.others, 2))
    return Group(Text(said), shown)


def draw_visualised(found: Visualised, windows: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Figure:
    """A column for each unit: the picture made for the trained unit above the one made for the handwritten one. `windows` as `found.made`."""
    by_row = [[(each, window) for each, window in zip(found.made, windows, strict=True) if each.by == by] for by in (TRAINED, HANDWRITTEN)]
    count = len(by_row[0])
    figure = Figure(figsize=(max(INCHES * count, 4.0), 2 * INCHES + 0.9), layout="constrained")
    for line, row in zip(figure.subplots(2, count, squeeze=False), by_row, strict=True):
        for axes, (each, window) in zip(line, row, strict=True):
            axes.imshow(window, interpolation="bicubic")
            axes.set_axis_off()
            axes.set_title(f"{each.unit} {each.by}\ntrained unit says {number(each.trained, 2)}", fontsize=8)
    figure.supxlabel(f"over its highest on {found.images['n']} images; {found.host['name']}, {found.steps} steps", fontsize=7.5)
    return figure
