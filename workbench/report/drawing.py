"""A picture of a report, with its description and caption."""

import io
from dataclasses import dataclass

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Figure  # offered to those who only name its type

from workbench.report.layout import lay_out
from workbench.report.svg import svg

DOTS_PER_INCH = 150


@dataclass(frozen=True)
class Drawing:
    """A picture of one section of the page.

    `name` is that of its file without ending, `alt` describes it for readers who cannot see it.
    `curves`: it consists of lines, and is written as SVG with their data.
    """

    name: str
    section: str
    figure: Figure
    alt: str
    caption: str
    curves: bool = False

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}.svg" if self.curves else f"{self.name}.png"

    def content(self) -> bytes:
        """The bytes of its file, the same each time."""
        return svg(self.figure, self.name) if self.curves else png(self.figure)


def png(figure: Figure) -> bytes:
    """The figure as PNG, the same bytes each time."""
    buffer = io.BytesIO()
    lay_out(figure, FigureCanvasAgg, DOTS_PER_INCH)
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()
