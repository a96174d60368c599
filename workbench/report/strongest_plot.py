"""Dataset examples: the patches that units answer to most, bright where the answer hangs on the pixels; trained above, by hand below."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from workbench.evaluate.strongest import SIDES, Strongest

SIDE = 1.15  # inches
DIM = 0.35  # of a pixel on which nothing hangs
SMOOTH_PX = 2.0  # of the gradient, which speckles


def draw_strongest(examples: Sequence[Strongest]) -> Figure:
    """A row for each unit and side, a column for each example. Raises ValueError without examples."""
    rows = [(unit, side) for unit in dict.fromkeys(each.unit for each in examples) for side in SIDES]
    if not rows:
        raise ValueError("no examples to draw")
    of = {row: [each for each in examples if (each.unit, each.side) == row] for row in rows}
    columns = max(map(len, of.values()))
    figure = Figure(figsize=(SIDE * columns + 0.9, (SIDE + 0.18) * len(rows)), layout="constrained")
    for line, row in zip(figure.subplots(len(rows), columns, squeeze=False), rows, strict=True):
        for axes in line:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        line[0].set_ylabel("\n".join(row), fontsize=7)
        for axes, example in zip(line, of[row], strict=False):
            _draw(axes, example)
    return figure


def _draw(axes: Axes, example: Strongest) -> None:
    axes.imshow(lit(example))
    axes.set_title(f"{example.response:.3g}", fontsize=6.5)


def lit(example: Strongest) -> Float[np.ndarray, "h w 3"]:
    """The patch, 0..1, its pixels dimmed the less the response hangs on them."""
    smooth = gaussian_filter(example.saliency, SMOOTH_PX)
    share = np.sqrt(smooth / max(float(smooth.max()), np.finfo(np.float32).tiny))
    return example.rgb / 255 * (DIM + (1 - DIM) * share)[:, :, None]
