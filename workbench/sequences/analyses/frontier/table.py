"""The table of `workbench frontier` for a theory of tokens."""

from rich.console import Group
from rich.text import Text

from workbench.report.conditions import MISSING, interval, number
from workbench.report.plain import plain_table
from workbench.sequences.analyses.frontier.figures import SPLICED, FrontierPoint, TokenFrontier
from workbench.sequences.head_parts import MEAN_PATTERN


def table(result: TokenFrontier) -> Group:
    """A row for each point: its numbers and bits, what is lost, and what its rivals lose."""
    label = result.opened.host.output.headline.label
    note = (
        f"{label} of the network with more and more of its {result.of} heads handwritten, in the "
        "order of the network; the others are trained. Gain: how much more the best rival loses "
        "than the theory, on the same prompts."
    )
    shown = plain_table()
    shown.add_column("\nup to", overflow="fold")
    for title in ("\nheads", "\nbits", f"\n{label}", "\nuniform"):
        shown.add_column(title, no_wrap=True, justify="right")
    shown.add_column("mean\npattern", no_wrap=True, justify="right")
    shown.add_column("\nits bits", no_wrap=True, justify="right")
    shown.add_column("\nbest rival", overflow="fold")
    shown.add_column("\ngain, 95 %", no_wrap=True)
    for point in result.points:
        shown.add_row(*_cells(point))
    return Group(Text(result.opened.title, "bold"), Text(note), shown)


def _cells(point: FrontierPoint) -> tuple[str, ...]:
    theory, best = point.lines[SPLICED], point.best_rival
    behind = point.lines[best].behind
    gain = interval(behind.ci95) if behind else MISSING
    uniform, pattern = (point.lines.get(name) for name in ("ablated.uniform", MEAN_PATTERN))
    return (
        point.name.removeprefix("heads up to "),
        str(point.heads),
        f"{theory.bits:,}",
        number(theory.lost.value, 3),
        number(uniform.lost.value, 3) if uniform else MISSING,
        number(pattern.lost.value, 3) if pattern else MISSING,
        f"{pattern.bits:,}" if pattern else MISSING,
        best.partition(".")[2],
        gain,
    )
