"""The layout of a figure that is about to be saved, made once.

`savefig` lays a figure out within a draw that is thrown away, which takes nearly as long as the
real one. A figure that is laid out before is drawn once, with the same bytes.
"""

from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure


def lay_out(figure: Figure, canvas: type[FigureCanvasBase], dots_per_inch: float) -> None:
    """Lay a figure out for the canvas and the resolution at which it is saved.

    A figure without a layout engine, or without axes, stays as it is.
    """
    engine = figure.get_layout_engine()
    if engine is None or not figure.axes:
        return
    canvas(figure)
    figure.set_dpi(dots_per_inch)
    engine.execute(figure)
    # "none" would leave a placeholder, for which savefig draws twice
    figure.set_layout_engine(None)
