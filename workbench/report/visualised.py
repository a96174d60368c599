"""Visualisations: the picture made for a trained unit next to that for the handwritten one."""

from matplotlib.figure import Figure

from workbench.report.conditions import number
from workbench.vision.visualise.units import Visualised

SIDE = 1.75  # inches


def draw_visualised(made: Visualised) -> Figure:
    """Draw a pair of pictures for each unit. Raises ValueError where there are none."""
    if made.trained is None or made.handwritten is None:
        raise ValueError("no pictures to draw")
    count = len(made.units)
    figure = Figure(figsize=(2 * SIDE * count, SIDE + 0.3), layout="constrained")
    line = figure.subplots(1, 2 * count, squeeze=False)[0]
    for i, unit in enumerate(made.units):
        share = f"handwritten, {number(made.shares[i], 2)}"
        for axes, picture, title in (
            (line[2 * i], made.trained[i], f"{unit} trained"),
            (line[2 * i + 1], made.handwritten[i], share),
        ):
            axes.imshow(picture, interpolation="bicubic")
            axes.set_axis_off()
            axes.set_title(title, fontsize=7)
    return figure
