"""The fit as a picture: mean Pearson correlation by step."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from workbench.report.curves import FAINT, HANDWRITTEN

SMOOTHED = 15  # steps of the running mean: the pictures of a single step are few


def draw_history(history: Sequence[float]) -> Figure:
    """Draw the mean Pearson correlation of each step's pictures, and its running mean."""
    words = "mean Pearson correlation\nof handwritten and trained units"
    return _draw(history, "pictures", words, "lower right")


def draw_loss(history: Sequence[float]) -> Figure:
    """Draw the KL divergence on each step's prompts, and its running mean."""
    return _draw(history, "prompts", "KL at the scored places, nats", "upper right")


def _draw(
    history: Sequence[float],
    items: str,
    words: str,
    corner: Literal["lower right", "upper right"],
) -> Figure:
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    axes = figure.subplots()
    steps = range(1, len(history) + 1)
    axes.plot(steps, history, color=FAINT, linewidth=0.9, label=f"{items} of one step")
    label = f"running mean over {SMOOTHED} steps"
    axes.plot(steps, running_mean(history), color=HANDWRITTEN, linewidth=1.6, label=label)
    axes.set_xlabel("step of gradient descent", fontsize=8)
    axes.set_ylabel(words, fontsize=8)
    axes.legend(frameon=False, fontsize=8, loc=corner)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure


def running_mean(values: Sequence[float]) -> Float[np.ndarray, " step"]:
    """The mean over SMOOTHED values around each; near both ends over those that are there."""
    half = SMOOTHED // 2
    return np.array([np.mean(values[max(0, i - half) : i + half + 1]) for i in range(len(values))])
