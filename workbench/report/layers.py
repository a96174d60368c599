"""Layers -> the table that a terminal shows."""

from rich.console import Group
from rich.text import Text

from workbench.report.conditions import MISSING, interval, number
from workbench.report.plain import plain_table
from workbench.score.layers import Layers, LayerScore, Pair


def layers_table(layers: Layers) -> Group:
    """One line on what was compared, and a row for each family and site. Fits 80 columns; a long name is folded."""
    names = list(dict.fromkeys((next(iter(layers.sites)), list(layers.sites)[-1])))
    where = f"{layers.spec['theory']} on {layers.host['name']}, {' to '.join(names)}"
    least = ", ".join(f"{name} {least:g}" for name, least in layers.thresholds.items())
    said = f"{where}: units matched on drawn stimuli ({least}) and compared on {layers.images['n']} images"
    shown = plain_table()
    shown.add_column("\nfamily", overflow="fold")
    shown.add_column("\nsite", overflow="fold")
    for title in ("\nunits", "share\n(%)", "mean\nPearson"):
        shown.add_column(title, justify="right", no_wrap=True)
    shown.add_column("\n95 %", no_wrap=True)
    shown.add_column("per-\nmuted", justify="right", no_wrap=True)
    shown.add_column("\nbest", no_wrap=True)
    shown.add_column("\nworst", no_wrap=True)
    for family in layers.families:
        rows = [row for row in layers.layers if row.family == family]
        for i, row in enumerate(rows):
            shown.add_row("" if i else family, *_cells(row))
        if not rows:
            shown.add_row(family, MISSING, "0")
    return Group(Text(said), shown)


def _cells(row: LayerScore) -> tuple[str, ...]:
    figures = number(row.pearson.value, 2), interval(row.pearson.ci95), number(row.permuted.value, 2)
    return (row.site, str(row.units), number(100 * row.share, 1), *figures, _pair(row.best), _pair(row.worst))


def _pair(pair: Pair) -> str:
    """The channel, and its correlation."""
    return f"{pair.unit.partition(':')[2]}: {number(pair.pearson, 2)}"
