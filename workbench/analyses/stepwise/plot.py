"""stepwise.png: every unit's correlation under each assumption, coloured by the verdict."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workbench.analyses.stepwise.figures import ClaimSteps, Stepwise
from workbench.analyses.stepwise.steps import FAILS, HOLDS, UNKNOWN, Step
from workbench.analyses.stepwise.table import mean
from workbench.score.facts import header_facts

ACROSS = 4  # panels in a row
INCHES = (3.0, 2.1)
COLOURS = {HOLDS: "#1a7f37", FAILS: "#c8201e", UNKNOWN: "#b58900"}
WRONG, NATURAL = "#888888", "#1a3fbf"
SPREAD = 0.3  # width of the units of one step
LOWEST = -0.3  # what is below is drawn at the edge


def draw_stepwise(result: Stepwise) -> Figure:
    """Draw a panel for each family and site, in the order of the network.

    From left to right one assumption after another is removed.
    """
    rows = -(-len(result.claims) // ACROSS)
    figure = Figure(figsize=(INCHES[0] * ACROSS, INCHES[1] * rows + 0.8), layout="constrained")
    panels = figure.subplots(rows, ACROSS, squeeze=False).flatten()
    for axes in panels[len(result.claims) :]:
        axes.set_axis_off()
    for axes, claim in zip(panels, result.claims, strict=False):
        _panel(axes, claim, result.tolerances["pictures"])
    marks = [
        Line2D([], [], marker="o", linestyle="", color=colour, label=verdict)
        for verdict, colour in COLOURS.items()
    ]
    marks += [
        Line2D([], [], color=WRONG, linewidth=2, label="wrong poses, mean"),
        Line2D([], [], color=NATURAL, linewidth=2, label="all other channels natural, mean"),
        Line2D([], [], color="#bbbbbb", linestyle="--", label="tolerance"),
    ]
    figure.legend(
        handles=marks, loc="outside upper center", ncols=len(marks), frameon=False, fontsize=8
    )
    facts = header_facts(result.header)
    figure.supxlabel(
        f"what is assumed to be as {facts['spec']['theory']} claims; right of the line, the "
        f"handwritten family on trained inputs; {facts['images']['n']} images",
        fontsize=8,
    )
    figure.supylabel(
        "correlation with what is claimed (handwritten: with the trained unit)", fontsize=8
    )
    return figure


def _panel(axes: Axes, claim: ClaimSteps, least: float) -> None:
    columns: list[Sequence[Step]] = list(zip(*(unit.steps for unit in claim.units), strict=True))
    labels = [steps[0].assumes for steps in columns]
    handwritten = [unit.handwritten for unit in claim.units if unit.handwritten]
    if handwritten:
        axes.axvline(len(columns) - 0.5, color="#dddddd", linewidth=0.8)
        columns.append(handwritten)
        labels.append("handwritten")
    for x, steps in enumerate(columns):
        across = x + SPREAD * np.linspace(-1, 1, len(steps) + 2)[1:-1]
        for place, step in zip(across, steps, strict=True):
            if (value := step.pearson.value) is not None:
                axes.plot(place, max(value, LOWEST), "o", color=COLOURS[step.verdict], markersize=3)
        for level, colour in (
            (mean([step.wrong for step in steps]), WRONG),
            (mean([step.natural for step in steps]), NATURAL),
        ):
            if level is not None:
                axes.plot(
                    (x - SPREAD, x + SPREAD), [max(level, LOWEST)] * 2, color=colour, linewidth=1.6
                )
    axes.axhline(least, color="#bbbbbb", linestyle="--", linewidth=0.8, zorder=0)
    axes.set(xlim=(-0.6, len(columns) - 0.4), ylim=(LOWEST - 0.05, 1.02), yticks=(0, 0.5, 1))
    axes.set_xticks(range(len(columns)), labels, fontsize=6.5)
    axes.set_title(
        f"{claim.family} at {claim.site}, {len(claim.units)}", fontsize=8, loc="left", weight="bold"
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=6.5)
