"""Pictures of answers: logits by the right answer, and the loss along repeated strings."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from workbench.report.curves import HANDWRITTEN, TRAINED
from workbench.sequences.examples import AnswerTable
from workbench.sequences.report.patterns import TEXT

ABLATED = "#999999"


def draw_table(table: AnswerTable) -> Figure:
    """Mean centred logits, right answers down and tokens across, trained and handwritten."""
    figure = Figure(figsize=(7.2, 3.7), layout="constrained")
    pair = figure.subplots(1, 2, sharey=True)
    size = max(np.abs(table.trained).max(), np.abs(table.handwritten).max())
    for axes, name in zip(pair, ("trained", "handwritten"), strict=True):
        image = axes.imshow(
            getattr(table, name), cmap="RdBu_r", vmin=-size, vmax=size, interpolation="nearest"
        )
        axes.set_title(name, fontsize=TEXT)
        axes.set_xlabel("token", fontsize=TEXT)
        axes.tick_params(labelsize=TEXT - 1)
    pair[0].set_ylabel("right answer", fontsize=TEXT)
    figure.colorbar(image, ax=list(pair), shrink=0.7).ax.tick_params(labelsize=TEXT - 1)
    return figure


def draw_losses(
    losses: Mapping[str, Float[np.ndarray, "occurrence token"]], cheapest: str
) -> Figure:
    """The loss at each scored token of a string, a panel for each occurrence after the first."""
    count, length = losses["natural"].shape
    figure = Figure(figsize=(6.6, 2.4), layout="constrained")
    grid = figure.subplots(1, count, squeeze=False, sharey=True)[0]
    lines = {
        "natural": ("trained", TRAINED),
        "spliced": ("handwritten", HANDWRITTEN),
        cheapest: (cheapest, ABLATED),
    }
    for occurrence, axes in enumerate(grid):
        for name, (words, colour) in lines.items():
            label = f"{words}, occurrence {occurrence + 2}"
            curve = losses[name][occurrence]
            axes.plot(np.arange(length) + 3, curve, color=colour, linewidth=1.3, label=label)
        axes.set_title(f"occurrence {occurrence + 2}", fontsize=8)
        axes.set_ylim(bottom=0)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("token of the string that is to be answered", fontsize=8)
    figure.supylabel("loss (nats)", fontsize=8)
    return figure
