"""The frontier of a theory of tokens: what is lost against heads, and against bits."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workbench.report.ledger import COLOURS
from workbench.sequences.analyses.frontier.figures import SPLICED, FrontierPoint, TokenFrontier
from workbench.sequences.head_parts import MEAN_PATTERN
from workbench.splice.conditions import ConditionKind

# condition -> its label, its colour and its marker
LINES = {
    SPLICED: ("the theory", COLOURS[ConditionKind.HANDWRITTEN], "o-"),
    MEAN_PATTERN: ("mean patterns", COLOURS[ConditionKind.BASELINE], "s-"),
    "control.shifted": ("the wrong places", COLOURS[ConditionKind.CONTROL], "^:"),
    "ablated.uniform": ("uniform attention", COLOURS[ConditionKind.ABLATION], "o-"),
    "ablated.mean": ("heads at their mean", COLOURS[ConditionKind.ABLATION], "s:"),
}


def draw_frontier(result: TokenFrontier) -> Figure:
    """Draw the headline quantity over heads and over bits, and the judged one over heads.

    Parts that write answers stand alone: stars for the theory, crosses for their baselines.
    """
    figure = Figure(figsize=(11.0, 3.6), layout="constrained")
    heads, judged, over_bits = figure.subplots(1, 3)
    label = result.opened.host.output.headline.label
    patterns = [point for point in result.points if MEAN_PATTERN in point.lines]
    answers = [point for point in result.points if point not in patterns]
    for name, (words, colour, marker) in LINES.items():
        rows = [(p.heads, p.lines[name]) for p in patterns]
        counts = [count for count, _ in rows]
        style = {"color": colour, "markersize": 3, "label": words}
        for axes, quantity in ((heads, "lost"), (judged, "judged")):
            estimates = [getattr(line, quantity) for _, line in rows]
            axes.plot(counts, [estimate.value for estimate in estimates], marker, **style)
            for count, at in zip(counts, estimates, strict=True):
                axes.plot([count] * 2, at.ci95 or [at.value] * 2, color=colour, alpha=0.4)
        if name in (SPLICED, MEAN_PATTERN):
            bits = [line.bits for _, line in rows]
            over_bits.plot(bits, [line.lost.value for _, line in rows], marker, **style)
    for point in answers:
        _answers(over_bits, point)
    heads.set_yscale("symlog", linthresh=0.01)
    over_bits.set_yscale("symlog", linthresh=0.01)
    over_bits.set_xscale("log")
    judged.set_ylim(max(-1.0, judged.get_ylim()[0]), 1.02)
    for axes, title, below in (
        (heads, f"{label} lost", f"handwritten heads, of {result.of}"),
        (judged, result.judged, f"handwritten heads, of {result.of}"),
        (over_bits, f"{label} lost", "bits"),
    ):
        axes.set_title(title, fontsize=8, loc="left")
        axes.set_xlabel(below, fontsize=7)
        axes.tick_params(labelsize=6.5)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in (heads, judged):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(
        *heads.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=5,
        frameon=False,
        fontsize=7,
    )
    return figure


def _answers(axes: Axes, point: FrontierPoint) -> None:
    """Mark a part that writes answers and its baselines by bits."""
    for name, line in point.lines.items():
        if line.bits is None or line.lost.value is None:
            continue
        kind = ConditionKind.HANDWRITTEN if name == SPLICED else ConditionKind.BASELINE
        axes.plot(line.bits, line.lost.value, "*" if name == SPLICED else "x", color=COLOURS[kind])
        words = point.name if name == SPLICED else f"{point.name}: {name.partition('.')[2]}"
        axes.annotate(
            words,
            (line.bits, line.lost.value),
            fontsize=6,
            xytext=(3, 3),
            textcoords="offset points",
        )
