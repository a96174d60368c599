"""Pictures of neurons that read numbers: circles of phases, and waves over a circle."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.report.curves import HANDWRITTEN, TRAINED
from workbench.sequences.examples import NeuronExample

ACROSS = 5  # panels in a row


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels in rows."""
    across = min(ACROSS, count)
    down = -(-count // across)
    figure = Figure(figsize=(6.6, 1.45 * down + 0.3), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False, sharey=True).ravel().tolist()
    for axes in grid[count:]:
        axes.set_visible(False)
    return figure, grid


def draw_circles(neurons: Sequence[NeuronExample]) -> Figure:
    """A circle for each frequency: phases of handwritten neurons on it, of trained ones inside."""
    figure, grid = _panels(len(neurons))
    for axes, of_circle in zip(grid, neurons, strict=False):
        turn = np.linspace(0, 2 * np.pi, 181)
        axes.plot(np.cos(turn), np.sin(turn), color="#bbbbbb", linewidth=0.8)
        for name, degrees, radius, colour, size in (
            ("trained", of_circle.trained_deg, 0.8, TRAINED, 2),
            ("handwritten", of_circle.phases_deg, 1.0, HANDWRITTEN, 5),
        ):
            phase = np.deg2rad(degrees)
            (dots,) = axes.plot(radius * np.cos(phase), radius * np.sin(phase), "o")
            dots.set(color=colour, markersize=size, markeredgewidth=0)
            dots.set_label(f"frequency {of_circle.frequency} {name}")
        axes.text(0, 0, str(of_circle.frequency), ha="center", va="center", fontsize=9)
        axes.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal")
        axes.axis("off")
    return figure


def draw_waves(neurons: Sequence[NeuronExample]) -> Figure:
    """For each frequency the trained neuron nearest to a wave, and its handwritten neighbour."""
    figure, grid = _panels(len(neurons))
    for axes, pair in zip(grid, neurons, strict=False):
        for name, colour in (("trained", TRAINED), ("handwritten", HANDWRITTEN)):
            label = f"frequency {pair.frequency} {name}"
            axes.plot(pair.angles_deg, getattr(pair, name), color=colour, lw=1.2, label=label)
        axes.set_title(f"{pair.frequency}: neuron {pair.neuron}", fontsize=7)
        axes.set(xlim=(0, 360), xticks=(0, 180, 360), yticks=(0, 1))
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("angle of the first number on the circle (degrees)", fontsize=8)
    figure.supylabel("activation", fontsize=8)
    return figure
