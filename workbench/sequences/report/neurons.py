"""Pictures of neurons that read numbers: circles of phases, and waves over a circle."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from workbench.report.curves import HANDWRITTEN, TRAINED
from workbench.sequences.examples import NeuronExample


def draw_circles(neurons: Sequence[NeuronExample]) -> Figure:
    """A circle for each frequency: phases of handwritten neurons on it, of trained ones inside."""
    figure = Figure(figsize=(6.6, 1.75), layout="constrained")
    grid = figure.subplots(1, len(neurons), squeeze=False)[0]
    for axes, of_circle in zip(grid, neurons, strict=True):
        turn = np.linspace(0, 2 * np.pi, 181)
        axes.plot(np.cos(turn), np.sin(turn), color="#bbbbbb", linewidth=0.8)
        for name, degrees, radius, style in (
            ("trained", of_circle.trained_deg, 0.8, {"color": TRAINED, "markersize": 2}),
            ("handwritten", of_circle.phases_deg, 1.0, {"color": HANDWRITTEN, "markersize": 5}),
        ):
            phase = np.deg2rad(degrees)
            label = f"frequency {of_circle.frequency} {name}"
            at = radius * np.cos(phase), radius * np.sin(phase)
            axes.plot(*at, "o", label=label, markeredgewidth=0, **style)
        axes.text(0, 0, str(of_circle.frequency), ha="center", va="center", fontsize=9)
        axes.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal")
        axes.axis("off")
    return figure


def draw_waves(neurons: Sequence[NeuronExample]) -> Figure:
    """For each frequency the trained neuron nearest to a wave, and its handwritten neighbour."""
    figure = Figure(figsize=(6.6, 1.75), layout="constrained")
    grid = figure.subplots(1, len(neurons), squeeze=False, sharey=True)[0]
    for axes, pair in zip(grid, neurons, strict=True):
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
