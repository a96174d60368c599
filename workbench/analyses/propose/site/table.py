"""Site proposal -> the lines that a terminal shows."""

from rich.console import Group, RenderableType
from rich.text import Text

from workbench.analyses.propose.site.figures import SiteProposal
from workbench.report.conditions import number
from workbench.report.plain import plain_table
from workbench.score.facts import header_facts
from workbench.score.uncertainty import Figure


def site_table(result: SiteProposal) -> Group:
    """The rows of all ways to predict the site's units, and what stays unexplained."""
    facts = header_facts(result.header)
    lead = (
        f"{result.site} of {facts['host']['name']}: {len(result.units)} units that read "
        f"{result.reads}, {result.candidates:,} candidate terms; mean Pearson of units on "
        f"{facts['images']['n']} other pictures, with 95 % intervals:"
    )
    shown = plain_table()
    shown.add_column("")
    for column in ("Pearson", "interval", "terms a unit", "bits a unit", "above 0.7"):
        shown.add_column(column, justify="right")
    for row in result.rows:
        shown.add_row(
            row.name,
            number(row.pearson.value, 3),
            _interval(row.pearson),
            f"{row.terms:.1f}",
            f"{row.bits:.0f}",
            f"{row.above['0.7']:.2f}",
        )
    parts: list[RenderableType] = [Text(lead), shown]
    if result.families:
        parts += [Text("\nfamilies that pay for themselves in bits:"), _families(result)]
    units = ", ".join(map(str, result.unexplained)) or "none"
    parts.append(Text(f"\nunexplained, as no term pays for itself: {units}"))
    return Group(*parts)


def _families(result: SiteProposal) -> RenderableType:
    shown = plain_table()
    shown.add_column("family", overflow="fold")
    for column in ("units", "terms", "Pearson", "bits saved", "poses permuted"):
        shown.add_column(column, justify="right")
    for family in result.families:
        shown.add_row(
            family.name,
            str(len(family.poses)),
            str(len(family.terms)),
            number(sum(family.pearson.values()) / len(family.pearson), 2),
            f"{family.saved:.0f}",
            f"{family.deranged:.0f}",
        )
    return shown


def _interval(figure: Figure) -> str:
    return "–" if figure.ci95 is None else " to ".join(number(end, 3) for end in figure.ci95)
