"""propose.png: correlation on held-out pictures by the number of atoms, next to the controls."""

from matplotlib.figure import Figure

from workbench.analyses.propose.figures import Proposal
from workbench.report.curves import HANDWRITTEN
from workbench.report.ledger import COLOURS
from workbench.score.facts import header_facts
from workbench.splice.conditions import ConditionKind


def draw_proposal(result: Proposal) -> Figure:
    """Draw a line for the search and for each control, and the theory as it was."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    control = COLOURS[ConditionKind.CONTROL]
    lines = (
        (result.pearson, "proposed terms", HANDWRITTEN, "-"),
        (result.labels_permuted, "the same search, upstream units permuted", control, "--"),
        (result.poses_permuted, "the same search, poses permuted", control, ":"),
    )
    for values, label, colour, style in lines:
        axes.plot(range(1, len(values) + 1), values, style, color=colour, label=label)
    axes.plot([result.atoms], [result.pearson[result.atoms - 1]], "o", color=HANDWRITTEN)
    axes.axhline(result.before, color="#111111", linewidth=0.8, label="the theory as it was")
    facts = header_facts(result.header)
    axes.set_title(
        f"{facts['spec']['theory']} on {facts['host']['name']}, {result.candidates:,} candidates",
        fontsize=9,
        loc="left",
    )
    axes.set_xlabel(
        f"atoms; the dot: those taken; {result.paying} pay for themselves in bits",
        fontsize=8,
    )
    axes.set_ylabel("mean Pearson on held-out pictures", fontsize=8)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure
