"""The table of `workbench equivariance`."""

from collections.abc import Iterator

from rich.console import Group
from rich.text import Text

from workbench.analyses.equivariance.figures import Equivariance
from workbench.analyses.equivariance.view import View
from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table


def equivariance_table(equivariance: Equivariance) -> Group:
    """One line on what was compared, and a row for each view and part of the group.

    Fits 80 columns.
    """
    facts = equivariance.header
    circuit = facts.circuit
    heading = (
        f"{circuit['name']} on {facts.host['name']}:{circuit['site']}, {circuit['units']} units, "
        f"{facts.images['n']} images: one prototype, turned to each unit; a prototype must explain "
        f"{equivariance.tolerance:g} of each of its units"
    )
    shown = plain_table()
    shown.add_column("\nview", overflow="fold")
    shown.add_column("\ncopies under", overflow="fold")
    shown.add_column("\nexplained", justify="right", no_wrap=True)
    shown.add_column("\n95 %", no_wrap=True)
    for title in ("\nprototypes", "\nworth", "\nnumbers"):
        shown.add_column(title, justify="right", no_wrap=True)
    for view in equivariance.views:
        for row in _rows(view):
            shown.add_row(*row)
    return Group(Text(heading), shown, Text("\n".join(map(_summary, equivariance.views))))


def _rows(view: View) -> Iterator[tuple[str, ...]]:
    for i, part in enumerate(view.parts):
        figures = (
            number(part.explained.value, 2),
            interval(part.explained.ci95),
            str(part.prototypes),
            f"{number(part.worth, 1)}x",
        )
        yield (
            "" if i else view.view,
            f"+ {part.parts[-1]}" if part.parts else "nothing",
            *figures,
            str(part.numbers),
        )
    yield (
        "",
        "permuted frames",
        number(view.permuted.value, 2),
        interval(view.permuted.ci95),
        "",
        "",
        f"p {view.p:.3f}",
    )
    if view.turning:
        yield (
            "",
            "turning alone",
            number(view.turning.value, 2),
            interval(view.turning.ci95),
            "",
            "",
            "",
        )
    if view.raw:
        yield "", "of raw weights", number(view.raw.value, 2), "", "", "", f"p {view.raw.p:.3f}"


def _summary(view: View) -> str:
    """One line on the orbits of a view, and on the numbers that they save."""
    largest = ", ".join(str(len(names)) for names in view.orbits[:4])
    more = ", ..." if len(view.orbits) > 4 else ""
    verdict = "" if view.turned else "; NOT better than permuted frames"
    return (
        f"{view.view}: {number(view.simpler['units_each'], 1)} units to a prototype (orbits of "
        f"{largest}{more}); {view.alone} numbers one by one, "
        f"{number(view.simpler['numbers'], 1)} times as many as with prototypes{verdict}"
    )
