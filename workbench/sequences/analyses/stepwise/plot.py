"""The picture of `workbench stepwise` for a theory of tokens."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.report.curves import HANDWRITTEN, TRAINED
from workbench.sequences.analyses.stepwise.figures import StepScores, TokenStepwise

SIDES = {"alone": (TRAINED, -0.12), "after": (HANDWRITTEN, 0.12)}
OTHER, LOWEST = "#888888", -1.0  # what is below is drawn at the edge


def draw_stepwise(result: TokenStepwise) -> Figure:
    """Draw what each step recovers, alone and after the earlier ones, and what controls do."""
    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    label = result.opened.host.output.headline.label
    _panel(left, result.steps, f"recovered {label}")
    for side, (colour, shift) in SIDES.items():
        places = [(i, step) for i, s in enumerate(result.steps) if (step := getattr(s, side))]
        values = [step.score.row("spliced").quantities[result.judged] for _, step in places]
        right.plot([i + shift for i, _ in places], values, "o-", color=colour, label=side)
    right.set_title(f"{result.judged} of the handwritten step", fontsize=8, loc="left")
    right.set_ylim(min(0.0, max(LOWEST, right.get_ylim()[0])), None)
    for axes in (left, right):
        axes.set_xticks(range(len(result.steps)), [s.name for s in result.steps], fontsize=7)
        axes.tick_params(axis="y", labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=7)
    return figure


def _panel(axes: Axes, steps: Sequence[StepScores], title: str) -> None:
    for side, (colour, shift) in SIDES.items():
        placed = [(i + shift, step) for i, s in enumerate(steps) if (step := getattr(s, side))]
        rows = [step.score.row("spliced").recovered for _, step in placed]
        places = [at for at, _ in placed]
        axes.plot(places, [_at_least(row.value) for row in rows], "o", color=colour, label=side)
        for at, row in zip(places, rows, strict=True):
            ends = [_at_least(end) for end in row.ci95 or (row.value, row.value)]
            axes.plot([at, at], ends, color=colour, linewidth=3)
        for at, step in placed:
            if step.score.rival:
                rival = step.score.row(step.score.rival).recovered.value
                axes.plot(at, _at_least(rival), "x", color=OTHER)
    axes.axhline(0, color=OTHER, linewidth=0.8)
    axes.set_title(f"{title}, of the step's ablation; cross: nearest control", fontsize=8)
    axes.set_ylim(LOWEST - 0.05, 1.05)


def _at_least(value: float | None) -> float:
    return LOWEST if value is None else max(value, LOWEST)
