"""Rivals -> the table that a terminal shows."""

from rich.console import Group
from rich.text import Text

from workbench.analyses.rivals.figures import Rivals, Row
from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table
from workbench.score.facts import header_facts


def rivals_table(result: Rivals) -> Group:
    """A line on what was compared, a row for each theory and rival, and the comparison in words."""
    facts = header_facts(result.header)
    title = (
        f"{facts['spec']['theory']} on {facts['host']['name']}, {facts['images']['n']} images: "
        f"the rivals read trained units of {result.reads}, the theory what it states"
    )
    shown = plain_table()
    shown.add_column("theory or rival", overflow="fold")
    for column in ("bits", result.headline.upper(), "95 %", "recovered", "Pearson"):
        shown.add_column(column, justify="right", no_wrap=True)
    for rows in result.ways.values():
        for row in rows:
            shown.add_row(*_cells(row, result.headline))
    return Group(Text(title), shown, *map(Text, sentences(result)))


def _cells(row: Row, headline: str) -> tuple[str, ...]:
    left = row.quantities[headline]
    return (
        " ".join(filter(None, (row.way, row.setting))),
        f"{row.bits:,.0f}",
        number(left.value, 4),
        interval(left.ci95, 4),
        number(row.recovered.value, 2),
        number(row.pearson.value, 2),
    )


def sentences(result: Rivals) -> list[str]:
    """The comparison at equal bits, in words."""
    theory, name = result.theory, result.headline.upper()
    bits = f"{theory.bits:,.0f} bits"
    lines = []
    if result.best_at_bits is None:
        lines.append(f"No rival has a description of at most {bits}, the theory's.")
    else:
        best = result.row(result.best_at_bits)
        lines.append(
            f"At no more than {bits}, the theory's, the best rival is {named(best)}. Its {name} "
            f"less the theory's is {number(result.against.value, 4)} (95 %: "
            f"{interval(result.against.ci95, 4)}); above 0 the theory is better."
        )
    if result.fewest_as_good is None:
        lines.append(f"No rival here has a {name} as low as the theory's.")
    else:
        rival = result.row(result.fewest_as_good)
        lines.append(
            f"The rival of fewest bits whose {name} is as low as the theory's is {named(rival)}: "
            f"{rival.bits:,.0f} bits."
        )
    return lines


def named(row: Row) -> str:
    """A row in words."""
    return f"{row.way} ({row.setting})" if row.setting else row.way
