"""The picture of dataset examples, bright where the response depends on the pixels.

Examples of the trained unit are above those of the handwritten one.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from workbench.analyses.usage.examples import SIDES, Strongest

SIDE = 1.15  # inches
DIM = 0.35  # brightness of a pixel on which the response does not depend
SMOOTH_PX = 2.0  # width of the filter that smooths the noisy gradient


def draw_strongest(examples: Sequence[Strongest]) -> Figure:
    """A row for each unit and side, a column for each example.

    Raises ValueError without examples.
    """
    rows = [
        (unit, side)
        for unit in dict.fromkeys(example.unit for example in examples)
        for side in SIDES
    ]
    if not rows:
        raise ValueError("no examples to draw")
    by_row = {
        row: [example for example in examples if (example.unit, example.side) == row]
        for row in rows
    }
    columns = max(map(len, by_row.values()))
    figure = Figure(figsize=(SIDE * columns + 0.9, (SIDE + 0.18) * len(rows)), layout="constrained")
    for line, row in zip(figure.subplots(len(rows), columns, squeeze=False), rows, strict=True):
        for axes in line:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        line[0].set_ylabel("\n".join(row), fontsize=7)
        for axes, example in zip(line, by_row[row], strict=False):
            _draw(axes, example)
    return figure


def _draw(axes: Axes, example: Strongest) -> None:
    axes.imshow(lit(example))
    axes.set_title(f"{example.response:.3g}", fontsize=6.5)


def lit(example: Strongest) -> Float[np.ndarray, "h w 3"]:
    """The patch, 0..1; the less the response depends on a pixel, the darker the pixel."""
    smooth = gaussian_filter(example.saliency, SMOOTH_PX)
    share = np.sqrt(smooth / max(float(smooth.max()), np.finfo(np.float32).tiny))
    return example.rgb / 255 * (DIM + (1 - DIM) * share)[:, :, None]
