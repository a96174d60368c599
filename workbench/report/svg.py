"""Figures of lines as SVG: text stays text, and the file holds the data of its lines."""

import csv
import io

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from workbench.report.layout import lay_out

DOTS_PER_INCH = 72  # matplotlib draws every SVG at this resolution


def svg(figure: Figure, name: str) -> bytes:
    """The figure as SVG, the same bytes each time; `name` tells its ids from another figure's.

    Its texts are text, and its description is `data_of`.
    """
    buffer = io.BytesIO()
    facts = {"Date": None, "Creator": None, "Description": data_of(figure)}
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        lay_out(figure, FigureCanvasSVG, DOTS_PER_INCH)
        figure.savefig(buffer, format="svg", transparent=True, metadata=facts)
    return buffer.getvalue()


def data_of(figure: Figure) -> str:
    """The points of the figure's labelled lines, as CSV: label, x and y."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("line", "x", "y"))
    for line in (line for axes in figure.axes for line in axes.lines):
        if not str(line.get_label()).startswith("_"):  # matplotlib's label of lines without one
            for x, y in np.asarray(line.get_xydata()):
                rows.writerow((line.get_label(), f"{x:.6g}", f"{y:.6g}"))
    return text.getvalue()
