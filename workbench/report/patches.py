"""Patches: a piece of a picture, and the trained and the handwritten unit's activation over it.

Both activations have one scale: transparent at 0, red at the higher peak of the two.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from workbench.vision.examples import Example

COLOURS = LinearSegmentedColormap.from_list("activation", ("#ffe14d", "#f08a24", "#c8201e"))
OPAQUE = 0.85  # of the highest activation, so that the picture is seen below it
LUMA = (0.299, 0.587, 0.114)  # of RGB, ITU-R BT.601
SIDE = 1.3  # inches
TITLES = {"best": "best agreement", "worst": "largest difference"}


def units_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """The units that have examples, in their order."""
    return tuple(dict.fromkeys(example.unit for example in examples))


def draw_patches(examples: Sequence[Example]) -> Figure:
    """Draw examples of one unit: the picture, and both activations laid over it in grey.

    There is a row for each kind of example. Raises ValueError without examples.
    """
    kinds = [kind for kind in TITLES if any(example.kind == kind for example in examples)]
    if not kinds:
        raise ValueError("no examples to draw")
    rows = [[example for example in examples if example.kind == kind] for kind in kinds]
    columns = 3 * max(map(len, rows))
    figure = Figure(figsize=(SIDE * columns, (SIDE + 0.35) * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes in grid.flatten():
        axes.set_axis_off()
    for line, kind, row in zip(grid, kinds, rows, strict=True):
        for i, example in enumerate(row):
            _draw(line[3 * i : 3 * i + 3], example, TITLES[kind])
    return figure


def highest_of(*activations: Float[np.ndarray, "h w"]) -> float:
    """The peak of several activations, which have one scale of colours; 1 where all are silent."""
    return max([0.0, *(float(values.max()) for values in activations)]) or 1.0


def in_grey(rgb: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """A picture in grey, to lay an activation over."""
    return np.repeat((rgb @ np.array(LUMA)).astype(np.uint8)[:, :, None], 3, 2)


def laid_over(values: Float[np.ndarray, "h w"], highest: float) -> Float[np.ndarray, "h w 4"]:
    """Colours (RGBA from 0 to 1) of an activation: transparent at 0, red at `highest`."""
    colours = COLOURS(np.clip(values / highest, 0, 1))
    colours[..., 3] = opacity(values, highest)
    return colours


def opacity(values: Float[np.ndarray, "h w"], highest: float) -> Float[np.ndarray, "h w"]:
    """The opacity of an activation, from 0 where it is silent to OPAQUE at `highest`."""
    return OPAQUE * np.clip(values / highest, 0, 1)


def _draw(axes: Sequence[Axes], example: Example, title: str) -> None:
    highest = highest_of(example.trained, example.handwritten)
    height, width, _ = example.rgb.shape
    extent = (0, width, height, 0)
    axes[0].imshow(example.rgb, extent=extent)
    axes[0].set_title(title, fontsize=7)
    grey = in_grey(example.rgb)
    for place, name, values in (
        (axes[1], "trained", example.trained),
        (axes[2], "handwritten", example.handwritten),
    ):
        place.imshow(grey, extent=extent)
        place.imshow(
            values,
            cmap=COLOURS,
            vmin=0,
            vmax=highest,
            alpha=opacity(values, highest),
            extent=extent,
            interpolation="nearest",
        )
        place.set_title(f"{name}, peak {float(values.max()):.3g}", fontsize=7)
