"""Pictures of attention: patterns as matrices, and mean attention by offset as lines."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workbench.report.curves import HANDWRITTEN, TRAINED
from workbench.sequences.examples import HeadExample

HALF = 4  # heads that have room in half of the page's width
WINDOW = 16  # places with words at them: more could not be read
TEXT = 9  # points, of pictures that are shown at 75 pixels an inch
SIDES = {
    "trained": LinearSegmentedColormap.from_list("trained", ["white", TRAINED]),
    "handwritten": LinearSegmentedColormap.from_list("handwritten", ["white", HANDWRITTEN]),
}
ROOT = 0.5  # shades are of the square root of attention, so that little of it can be seen


def draw_patterns(heads: Sequence[HeadExample], words: Sequence[str] | None) -> Figure:
    """The trained pattern of each head above the handwritten one, queries down and keys across.

    `words` are those at the first places, and no other place is drawn then.
    """
    side, margin = (2.2, 0.9) if len(heads) > HALF else (1.6, 0.7)
    size = (side * len(heads) + margin, side * 2 + margin)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(2, len(heads), squeeze=False, sharex=True, sharey=True)
    for row, (name, colours) in zip(grid, SIDES.items(), strict=True):
        row[0].set_ylabel(f"{name}: query", fontsize=TEXT)
        for axes, head in zip(row, heads, strict=True):
            pattern = getattr(head, name)
            shown = pattern[: len(words), : len(words)] if words else pattern
            norm = PowerNorm(ROOT, 0, 1)
            axes.imshow(shown, cmap=colours, norm=norm, interpolation="nearest")
            axes.tick_params(labelsize=TEXT - 1, length=1.5)
    for above, below, head in zip(*grid, heads, strict=True):
        above.set_title(f"head {head.name}", fontsize=TEXT)
        below.set_xlabel("key", fontsize=TEXT)
    if words:
        _label(grid, words)
    return figure


def _label(grid: np.ndarray, words: Sequence[str]) -> None:
    """Write the words at the places of the first column's queries and the last row's keys."""
    places = np.arange(len(words))
    for axes in grid[-1]:
        axes.set_xticks(places, words, rotation=90)
    for axes in grid[:, 0]:
        axes.set_yticks(places, words)
    for axes in grid.flat:
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_parse_math(False)  # a token may be a dollar sign


def draw_offsets(heads: Sequence[HeadExample]) -> Figure:
    """A small panel for each head: mean attention by offset, trained and handwritten."""
    across = len(heads) if len(heads) <= HALF else -(-len(heads) // 2)
    down = -(-len(heads) // across)
    figure = Figure(figsize=(6.6, 1.5 * down + 0.4), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False, sharex=True).ravel()
    for axes, head in zip(grid, heads, strict=False):
        means = head.by_offset
        if means is None:
            continue
        for name, colour in (("trained", TRAINED), ("handwritten", HANDWRITTEN)):
            axes.plot(
                means.offsets,
                getattr(means, name),
                marker="o",
                markersize=2.5,
                linewidth=1.2,
                color=colour,
                label=f"{head.name} {name}",
            )
        axes.set_title(f"head {head.name}", fontsize=8)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[len(heads) :]:
        axes.set_visible(False)
    figure.supxlabel("offset: query place − key place", fontsize=8)
    figure.supylabel("mean attention", fontsize=8)
    return figure
