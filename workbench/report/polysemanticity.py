"""Polysemanticity -> the table that a terminal shows."""

from rich.console import Group
from rich.text import Text

from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table
from workbench.score.meaning import UnitMeaning
from workbench.score.polysemanticity import Polysemanticity


def polysemanticity_table(found: Polysemanticity) -> Group:
    """One line on what was asked, a row for each unit, the most polysemantic first, and the means. Fits 80 columns."""
    said = (
        f"{found.spec['theory']} on {found.host['name']}:{found.circuit['site']}, {found.images['n']} images: parts of each unit's expected value. "
        f"A cluster is of other stimuli as far as wrong theories explain it as well as this, which explains {found.level:.2f} of the middle unit"
    )
    shown = plain_table()
    shown.add_column("\nunit", overflow="fold")
    for title in (
        "ex-\nplained",
        "\n95 %",
        "of\nunit",
        "of\ntheory",
        "left,\nown",
        "left,\nother",
        "\n95 %",
        "permuted:\nexplained",
        "\nother",
    ):
        shown.add_column(title, justify="left" if "%" in title else "right", no_wrap=True)
    for unit in sorted(found.units, key=lambda unit: -(unit.other.value or 0)):
        shown.add_row(*_row(unit))
    permuted = number(found.permuted, 2), number(found.permuted_other, 2)
    means = (number(each, 2) for each in (found.of_unit, found.of_theory))
    shown.add_row("mean", number(found.explained, 2), "", *means, "", number(found.other, 2), "", *permuted)
    return Group(Text(said), shown)


def _row(unit: UnitMeaning) -> tuple[str, ...]:
    explained, other = ((number(each.value, 2), interval(each.ci95)) for each in (unit.explained, unit.other))
    middle = (number(each, 2) for each in (unit.of_unit, unit.of_theory, unit.own))
    permuted = number(unit.permuted, 2), number(unit.permuted_other, 2)
    return unit.unit.partition(":")[2], *explained, *middle, *other, *permuted
