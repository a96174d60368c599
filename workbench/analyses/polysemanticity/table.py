"""Polysemanticity -> the table that a terminal shows."""

from rich.console import Group
from rich.text import Text

from workbench.analyses.polysemanticity.figures import Polysemanticity
from workbench.analyses.polysemanticity.meaning import UnitMeaning
from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table


def polysemanticity_table(result: Polysemanticity) -> Group:
    """One line on what was asked, a row for each unit, the most polysemantic first, and the means.

    Fits 80 columns.
    """
    shown = plain_table()
    shown.add_column("\nunit", overflow="fold")
    for column in (
        "theory\nexplains",
        "\n95 %",
        "of\nunit",
        "of\ntheory",
        "left,\nown",
        "left,\nother",
        "\n95 %",
        "permuted\nexplains",
        "\nother",
    ):
        shown.add_column(column, justify="left" if "%" in column else "right", no_wrap=True)
    for unit in sorted(result.units, key=lambda unit: -(unit.other.value or 0)):
        shown.add_row(*_row(unit))
    permuted = number(result.permuted, 2), number(result.permuted_other, 2)
    means = number(result.of_unit, 2), number(result.of_theory, 2)
    explained, other = number(result.explained, 2), number(result.other, 2)
    mean = f"mean, {result.silent} silent" if result.silent else "mean"
    shown.add_row(mean, explained, "", *means, "", other, "", *permuted)
    return Group(Text(_title(result)), shown)


def _title(result: Polysemanticity) -> str:
    header = result.header
    spec, host, circuit = header.spec or {}, header.host or {}, header.circuit or {}
    return (
        f"{spec['theory']} on {host['name']}:{circuit['site']}, {(header.images or {})['n']} "
        "images: parts of each unit's expected value. A cluster counts as other stimuli as far as "
        "wrong theories explain it as well as this theory, which explains "
        f"{result.level:.2f} of the middle unit"
    )


def _row(unit: UnitMeaning) -> tuple[str, ...]:
    explained, other = (
        (number(figure.value, 2), interval(figure.ci95)) for figure in (unit.explained, unit.other)
    )
    middle = (number(share, 2) for share in (unit.of_unit, unit.of_theory, unit.inexact))
    permuted = number(unit.permuted, 2), number(unit.permuted_other, 2)
    return unit.unit.partition(":")[2], *explained, *middle, *other, *permuted
