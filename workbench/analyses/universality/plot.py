"""Universality as a picture: every host's units around the circle, and the transfer matrices."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from workbench.analyses.universality.figures import SCORES, HostRow, Universality
from workbench.analyses.universality.table import NOT_AVAILABLE, TITLES
from workbench.report.conditions import number

FURTHEST_PX = 50.0  # radius at the rim of a circle
COLOUR = "#c8201e"


def draw_universality(result: Universality) -> Figure:
    """Draw a circle for each host, and below, the matrices of mean Pearson and recovered KL.

    A dot in a circle is a unit, at its pose and its preferred radius.
    """
    rows = len(result.matrix_rows)
    figure = Figure(
        figsize=(max(2.5 * len(result.rows), 9.0), 3.6 + 0.34 * rows), layout="constrained"
    )
    circles, matrices = figure.subfigures(
        2, 1, squeeze=False, height_ratios=(2.7, 1.2 + 0.34 * rows)
    )[:, 0]
    for i, row in enumerate(result.rows):
        _circle(circles.add_subplot(1, len(result.rows), i + 1, projection="polar"), row)
    for axes, name in zip(matrices.subplots(1, 2, sharey=True), SCORES, strict=True):
        _matrix(axes, result, name)
    return figure


def _circle(axes: PolarAxes, row: HostRow) -> None:
    where = (
        f"{row.site}, every {row.stride_px} px, field {number(row.field_px, 0)} px\n"
        f"{row.units} units of {row.of}"
        if row.units
        else "no units"
    )
    axes.set_title(f"{row.host}\n{where}", fontsize=7)
    axes.set_theta_direction(-1)  # angles grow towards +y, which is down
    if row.radii_px:
        axes.scatter(np.radians(row.poses_deg), row.radii_px, s=22, color=COLOUR)
    axes.set_rlim(0, max(FURTHEST_PX, *row.radii_px) if row.radii_px else FURTHEST_PX)
    axes.set_rticks([25, 50], ["25 px", "50 px"], fontsize=5)
    axes.set_xticks(np.radians([0, 90, 180, 270]), ["0°", "90°", "180°", "270°"], fontsize=6)
    axes.tick_params(pad=-2)


def _matrix(axes: Axes, result: Universality, name: str) -> None:
    columns = [row for row in result.rows if row.units]
    if not columns:
        axes.set_axis_off()
        return
    cells = [
        [row.theories[theory][name]["value"] for row in columns] for theory in result.matrix_rows
    ]
    values = np.array(
        [[np.nan if value is None else value for value in line] for line in cells], dtype=float
    ).reshape(len(cells), -1)
    axes.imshow(values, vmin=0, vmax=1, cmap="Reds", aspect="auto")
    for i, (theory, line) in enumerate(zip(result.matrix_rows, values, strict=True)):
        for j, (row, value) in enumerate(zip(columns, line, strict=True)):
            text = (
                NOT_AVAILABLE if name == "recovered_kl" and not row.has_output else number(value, 2)
            )
            tuned_here = row.host in result.theories.get(theory, ())
            axes.text(
                j,
                i,
                text,
                ha="center",
                va="center",
                fontsize=8,
                weight="bold" if tuned_here else "normal",
                color="white" if value > 0.6 else "black",
            )
    axes.set_title(
        f"{TITLES[name]}: tuned on the row, tried on the column; bold: tuned there too",
        fontsize=7.5,
        loc="left",
    )
    axes.set_xticks(
        range(len(columns)), [row.host.replace("_", "\n", 1) for row in columns], fontsize=6.5
    )
    axes.set_yticks(
        range(len(cells)),
        ["\n".join(hosts) or theory for theory, hosts in result.matrix_rows.items()],
        fontsize=7,
    )
    axes.tick_params(length=0)
