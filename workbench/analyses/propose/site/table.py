"""Site proposal -> the lines that a terminal shows."""

from rich.console import Group, RenderableType
from rich.text import Text

from workbench.analyses.propose.site.figures import SiteProposal
from workbench.hosts.output import AGREEMENT
from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table
from workbench.score.facts import header_facts
from workbench.score.uncertainty import Figure


def site_table(result: SiteProposal) -> Group:
    """The rows of all ways to predict the site's units, and what stays unexplained."""
    facts = header_facts(result.header)
    written = len(result.units)
    count = f"{written} of {result.of}" if written < result.of else f"{written}"
    lead = (
        f"{result.site} of {facts['host']['name']}: {count} units that read "
        f"{result.reads}, {result.candidates:,} candidate terms; mean Pearson of units on "
        f"{facts['images']['n']} other pictures, with 95 % intervals:"
    )
    shown = plain_table()
    shown.add_column("")
    for column in ("Pearson", "interval", "terms a unit", "bits a unit", "numbers", "above 0.7"):
        shown.add_column(column, justify="right")
    for row in result.rows:
        shown.add_row(
            row.name,
            number(row.pearson.value, 3),
            interval(row.pearson.ci95, 3),
            f"{row.terms:.1f}",
            f"{row.bits:.0f}",
            f"{row.numbers:,}",
            f"{row.above['0.7']:.2f}",
        )
    parts: list[RenderableType] = [Text(lead), shown]
    if result.below:
        parts.append(_below(result))
    if result.groups:
        several = sorted((len(group.poses) for group in result.groups), reverse=True)
        text = f"\nfamilies: {len(several)}, of {several[-1]} to {several[0]} units"
        parts.append(Text(text))
    if result.hidden:
        lead = f"\nhidden: {len(result.hidden)} units in place of the bottleneck's, as written by:"
        parts += [Text(lead), _hidden(result)]
    if result.spliced:
        lead = (
            f"\nthese {len(result.units)} units put in place, on {result.spliced} pictures; ahead: "
            f"{result.headline.upper()} lower than with single weights by"
        )
        parts += [Text(lead), _answers(result)]
    if result.families:
        parts += [Text("\nfamilies that pay for themselves in bits:"), _families(result)]
    if any(row.pays is not None for row in result.units):
        units = ", ".join(map(str, result.unexplained)) or "none"
        parts.append(Text(f"\nunexplained, as no term pays for itself: {units}"))
    return Group(*parts)


def _below(result: SiteProposal) -> RenderableType:
    """The handwritten sites that are read, and the sums with each row of this site."""
    sites = ", ".join(f"{facts.site} ({facts.units}, {facts.row})" for facts in result.below)
    total = len(result.units) + sum(facts.units for facts in result.below)
    shown = plain_table()
    shown.add_column("all that is handwritten")
    for column in ("numbers", "kilobits"):
        shown.add_column(column, justify="right")
    for row in result.rows:
        numbers, bits = result.written(row.name)
        shown.add_row(row.name, f"{numbers:,}", f"{bits / 1000:.1f}")
    lead = f"\nread as handwritten, with the number of units: {sites}; with this site {total} units"
    return Group(Text(lead), shown)


def _hidden(result: SiteProposal) -> RenderableType:
    """The mean correlation of hidden units with the bottleneck's, by the way that writes them."""
    shown = plain_table()
    shown.add_column("")
    for column in ("Pearson", "interval"):
        shown.add_column(column, justify="right")
    for name, figure in result.hidden_pearson.items():
        shown.add_row(name, number(figure.value, 3), interval(figure.ci95, 3))
    return shown


def _answers(result: SiteProposal) -> RenderableType:
    """The network's answers by way: the headline quantity, and how often the first class stays."""
    shown, name = plain_table(), result.headline.upper()
    shown.add_column("", overflow="fold")
    for column in (name, "95 %", "agree", "95 %", "ahead", "95 %"):
        shown.add_column(column, justify="right")
    for row in (row for row in result.rows if row.answers.quantities):
        left, ahead = row.answers.quantities[result.headline], row.answers.ahead
        agreement = row.answers.quantities.get(AGREEMENT.key, Figure(None))
        cells = [(left, 3), (agreement, 2), (ahead, 3)]
        values = ((number(figure.value, n), interval(figure.ci95, n)) for figure, n in cells)
        shown.add_row(row.name, *(text for pair in values for text in pair))
    return shown


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
