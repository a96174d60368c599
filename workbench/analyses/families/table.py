"""Families -> the table that a terminal shows."""

from rich.console import Group
from rich.text import Text

from workbench.analyses.families.figures import Families, LayerScore, MatchedUnit
from workbench.report.conditions import MISSING, interval, number
from workbench.report.plain import plain_table
from workbench.score.facts import header_facts


def families_table(families: Families) -> Group:
    """Return a line on what was compared, and a row for each family and site.

    Fits 80 columns; a long name is folded.
    """
    names = list(dict.fromkeys((next(iter(families.sites)), list(families.sites)[-1])))
    facts = header_facts(families.header)
    where = f"{facts['spec']['theory']} on {facts['host']['name']}, {' to '.join(names)}"
    least = ", ".join(f"{name} {least:g}" for name, least in families.thresholds.items())
    lead = (
        f"{where}: units matched on drawn stimuli ({least}) and compared on "
        f"{facts['images']['n']} images"
    )
    shown = plain_table()
    shown.add_column("\nfamily", overflow="fold")
    shown.add_column("\nsite", overflow="fold")
    for title in ("\nunits", "share\n(%)", "mean\nPearson"):
        shown.add_column(title, justify="right", no_wrap=True)
    shown.add_column("\n95 %", no_wrap=True)
    shown.add_column("wrong\nposes", justify="right", no_wrap=True)
    shown.add_column("\nbest", no_wrap=True)
    shown.add_column("\nworst", no_wrap=True)
    for family in families.families:
        rows = [row for row in families.layers if row.family == family]
        for i, row in enumerate(rows):
            shown.add_row("" if i else family, *_cells(row))
        if not rows:
            shown.add_row(family, MISSING, "0")
    return Group(Text(lead), shown)


def _cells(row: LayerScore) -> tuple[str, ...]:
    figures = (
        number(row.pearson.value, 2),
        interval(row.pearson.ci95),
        number(row.permuted.value, 2),
    )
    return (
        row.site,
        str(row.units),
        number(100 * row.share, 1),
        *figures,
        _unit(row.best),
        _unit(row.worst),
    )


def _unit(unit: MatchedUnit) -> str:
    """The channel, and its correlation."""
    return f"{unit.unit.partition(':')[2]}: {number(unit.pearson, 2)}"
