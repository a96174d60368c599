"""The table of `workbench explain` for a theory of tokens."""

from rich.console import Group
from rich.text import Text

from workbench.report.conditions import MISSING, number
from workbench.report.plain import plain_table
from workbench.sequences.analyses.explain.compare import Compared
from workbench.sequences.analyses.explain.figures import TokensExplained

NOTE = (
    "explained: share of the variance of the trained table that the rule explains, with one factor "
    "(of neurons one for each); rows right: tokens whose highest cell is their own"
)


def table(result: TokensExplained) -> Group:
    """A row for each table: its size, what the rule explains, and what the best control does."""
    title = f"{result.spec.theory.theory} on {result.host.name}: trained tables and the rule's"
    shown = plain_table()
    shown.add_column("\nfamily", overflow="fold")
    shown.add_column("\nunit", overflow="fold")
    shown.add_column("\ntable", overflow="fold")
    shown.add_column("\nsize", no_wrap=True, justify="right")
    shown.add_column("\nexplained", justify="right")
    shown.add_column("best\ncontrol", justify="right")
    shown.add_column("\nwhich", overflow="fold")
    shown.add_column("rows\nright", justify="right")
    for compared in result.tables:
        shown.add_row(*_cells(compared))
    left = [Text(f"{name}: {reason}", style="dim") for name, reason in result.left_out.items()]
    return Group(Text(title, style="bold"), Text(NOTE), shown, *left)


def _cells(table: Compared) -> tuple[str, ...]:
    best = table.best_control
    rows, columns = table.trained.shape
    return (
        table.family,
        table.unit,
        table.kind,
        f"{rows} x {columns}" if rows > 1 else str(columns),
        number(table.explained, 3),
        number(table.controls[best], 3) if best else MISSING,
        best.removeprefix("control.") if best else "",
        number(table.right, 2) if table.right is not None else "",
    )
