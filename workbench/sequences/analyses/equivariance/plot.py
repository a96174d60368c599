"""Neurons of each frequency in their own frame: their mean, every one's curve, and the figures."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.sequences.analyses.equivariance.figures import TokenEquivariance
from workbench.sequences.analyses.equivariance.shifts import Circle

TRAINED, OTHERS = "#c8201e", "#888888"


def draw_equivariance(result: TokenEquivariance) -> Figure:
    """Draw a row for each frequency.

    Left the mean activation by the angles of both numbers in the neurons' own frame, in the middle
    every neuron as both numbers are shifted together, right what the other neurons explain.
    """
    circles = result.circles
    figure = Figure(figsize=(11.0, 2.8 * len(circles)), layout="constrained")
    for line, circle in zip(figure.subplots(len(circles), 3, squeeze=False), circles, strict=True):
        _prototype(line[0], circle)
        _curves(line[1], circle)
        _bars(line[2], circle)
    return figure


def _prototype(axes: Axes, circle: Circle) -> None:
    extent = (0, 360, 360, 0)
    axes.imshow(circle.prototype, extent=extent, cmap="Reds", interpolation="nearest")
    heading = f"frequency {circle.frequency}, {len(circle.neurons)} neurons: mean in their frame"
    axes.set_title(heading, fontsize=8)
    axes.set_xlabel("second number less the neuron's phase, degrees", fontsize=7)
    axes.set_ylabel("first number, the same", fontsize=7)
    axes.tick_params(labelsize=6)


def _curves(axes: Axes, circle: Circle) -> None:
    angles = 360 * np.arange(circle.diagonal.shape[1]) / circle.diagonal.shape[1]
    heights = np.maximum(circle.diagonal.max(1, keepdims=True), 1e-300)
    axes.plot(angles, (circle.diagonal / heights).T, color=TRAINED, alpha=0.15, linewidth=0.7)
    axes.set_title("every neuron, over its highest activation", fontsize=8)
    axes.set_xlabel("both numbers shifted together, degrees from its phase", fontsize=7)
    axes.tick_params(labelsize=6)


def _bars(axes: Axes, circle: Circle) -> None:
    values = {
        "its own phases": circle.mean,
        "not shifted": circle.unshifted,
        "permuted": circle.permuted,
        "best permuted": circle.best,
    }
    axes.barh(list(values), list(values.values()), color=[TRAINED, OTHERS, OTHERS, OTHERS])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of a neuron that the others explain", fontsize=7)
    axes.tick_params(labelsize=7)
