"""The table of `workbench equivariance` for neurons of numbers."""

from rich.console import Group
from rich.text import Text

from workbench.report.conditions import number
from workbench.report.plain import plain_table
from workbench.sequences.analyses.equivariance.figures import TokenEquivariance
from workbench.sequences.analyses.equivariance.shifts import PERMUTATIONS, TOLERANCE

NOTE = (
    "explained: share of a neuron's variance over all pairs that the mean of all other neurons "
    "explains, each shifted by its phases; a mean over neurons"
)


def equivariance_table(result: TokenEquivariance) -> Group:
    """A row for each frequency: true frames, none, and those of other neurons."""
    title = f"{result.circuit.circuit} of {result.host.name}: numbers modulo {result.modulus}"
    shown = plain_table()
    for name in ("\nfrequency", "\nneurons", f"explained\nto {TOLERANCE:g}", "\nexplained"):
        shown.add_column(name, justify="right")
    for name in ("not\nshifted", "phases\npermuted", "best\npermuted", "\np"):
        shown.add_column(name, justify="right")
    for circle in result.circles:
        figures = (circle.mean, circle.unshifted, circle.permuted, circle.best, circle.p)
        counts = (circle.frequency, len(circle.neurons), circle.copies)
        shown.add_row(*map(str, counts), *(number(figure, 3) for figure in figures))
    permuted = f"permuted: every neuron with another's phases, {PERMUTATIONS} permutations"
    return Group(Text(title, style="bold"), Text(NOTE), shown, Text(permuted))
