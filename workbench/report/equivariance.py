"""Equivariance -> the table that a terminal shows."""

from collections.abc import Iterator

from rich.console import Group
from rich.text import Text

from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table
from workbench.score.equivariance import Equivariance, View


def equivariance_table(found: Equivariance) -> Group:
    """One line on what was compared, and a row for each view and part of the group. Fits 80 columns."""
    circuit = found.circuit
    said = (
        f"{circuit['name']} on {found.host['name']}:{circuit['site']}, {circuit['units']} units, {found.images['n']} images: one prototype, "
        f"turned to each unit; a prototype must explain {found.tolerance:g} of each of its units"
    )
    shown = plain_table()
    shown.add_column("\nview", overflow="fold")
    shown.add_column("\ncopies under", overflow="fold")
    shown.add_column("ex-\nplained", justify="right", no_wrap=True)
    shown.add_column("\n95 %", no_wrap=True)
    for title in ("proto-\ntypes", "\nworth", "\nnumbers"):
        shown.add_column(title, justify="right", no_wrap=True)
    for view in found.views:
        for row in _rows(view):
            shown.add_row(*row)
    return Group(Text(said), shown, Text("\n".join(map(_summary, found.views))))


def _rows(view: View) -> Iterator[tuple[str, ...]]:
    for i, part in enumerate(view.parts):
        figures = number(part.explained.value, 2), interval(part.explained.ci95), str(part.prototypes), f"{number(part.worth, 1)}x"
        yield ("" if i else view.view, f"+ {part.parts[-1]}" if part.parts else "nothing", *figures, str(part.numbers))
    yield "", "permuted frames", number(view.permuted.value, 2), interval(view.permuted.ci95), "", "", f"p {view.p:.3f}"
    if view.turning:
        yield "", "turning alone", number(view.turning.value, 2), interval(view.turning.ci95), "", "", ""
    if view.raw:
        yield "", "of raw weights", number(view.raw.value, 2), "", "", "", f"p {view.raw.p:.3f}"


def _summary(view: View) -> str:
    largest = ", ".join(str(len(each)) for each in view.orbits[:4])
    more = ", ..." if len(view.orbits) > 4 else ""
    return (
        f"{view.view}: {number(view.simpler['units_each'], 1)} units to a prototype (orbits of {largest}{more}); {view.alone} numbers one by one, "
        f"{number(view.simpler['numbers'], 1)} times as many as with prototypes{'' if view.turned else '; NOT better than permuted frames'}"
    )
