"""The table of a scorecard in a terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from workbench.hosts.output import Quantity
from workbench.report.conditions import (
    LEANS,
    NO_OUTPUT,
    against,
    interval,
    left_out,
    number,
    ordered,
    reaching,
    shown_quantities,
    strangely_bound,
    warnings,
)
from workbench.report.plain import plain_table
from workbench.report.summary import cells, summary
from workbench.score.scorecard import Scorecard
from workbench.score.uncertainty import Figure

WIDTH = 100  # columns that everything fits in; 80 columns wrap the sentences only


def table(card: Scorecard) -> Group:
    """The headline in four rows, the table of conditions, warnings about controls, and the cost.

    It fits in 80 columns.
    """
    warned = (
        Text(f"warning: {message}", style="bold yellow")
        for message in (*strangely_bound(card), *warnings(card))
    )
    return Group(
        headline(card),
        *_theories(card),
        _summary(card),
        _best_rival(card),
        Text(),
        _conditions(card),
        *_variants(card),
        *_compared(card),
        *(Text(sentence) for sentence in left_out(card)),
        *warned,
        _cost(card),
    )


def headline(card: Scorecard) -> Text:
    """Theory on host:site, pictures, recovered KL with its interval, mean Pearson."""
    recovered = f"{number(card.headline.value, 2)}" + (
        f" ({interval(card.headline.ci95)})" if card.headline.ci95 else ""
    )
    recovered = recovered if card.compared else NO_OUTPUT
    pearson = number(card.conditions["spliced"].pearson.value, 2)
    return Text.assemble(
        (card.header.spec["theory"], "bold"),
        f" on {card.header.host['name']}:{card.header.circuit['site']}, ",
        f"{card.header.images['n']} images: recovered {card.headline_quantity.label} ",
        (recovered, "bold"),
        f", mean Pearson {pearson}",
    )


def _theories(card: Scorecard) -> Iterator[Text]:
    """A line for each theory, where there are several."""
    if len(card.theories) > 1:
        for theory in card.theories:
            pearson = number(theory.pearson, 2)
            yield Text(
                f"  {theory.spec['theory']} at {theory.circuit['site']}: {theory.units} units, "
                f"mean Pearson {pearson}"
            )


def _summary(card: Scorecard) -> Table:
    """The four rows, without accuracies, which the conditions have: so their words fit."""
    quantities = [quantity for quantity in shown_quantities(card) if not quantity.needs_target]
    shown = _empty(card, "\nunits", quantities)
    for row in summary(card):
        shown.add_row(row.words, *cells(card, card.conditions[row.condition], quantities))
    return shown


def _empty(card: Scorecard, first: str, quantities: Sequence[Quantity]) -> Table:
    """A table with the columns of a condition's figures, without rows."""
    shown = plain_table()
    # the one column that may be folded into lines: names are of any length
    shown.add_column(first, overflow="fold")
    titles = [_two_lines(quantity.label) for quantity in quantities]
    for title in (*titles, "mean\nPearson", f"recovered\n{card.headline_quantity.label}"):
        shown.add_column(title, justify="right", no_wrap=True)
    shown.add_column("\n95 % interval", no_wrap=True)
    return shown


def _conditions(card: Scorecard) -> Table:
    quantities = shown_quantities(card)
    shown, reached = _empty(card, "\ncondition", quantities), reaching(card)
    for name in ordered(card):
        style = "bold" if name == "spliced" else "yellow" if name in reached else ""
        shown.add_row(name, *cells(card, card.conditions[name], quantities), style=style)
    return shown


def _two_lines(title: str) -> str:
    """A column's title in two lines, the first empty for a single word."""
    first, _, rest = title.partition(" ")
    return f"{first}\n{rest}" if rest else f"\n{first}"


def _best_rival(card: Scorecard) -> Text:
    if not card.compared:
        return Text(f"KL, answers, and what is recovered of them: {NO_OUTPUT}")
    best = card.best_rival
    return Text(
        f"the handwritten units' {card.headline_quantity.label} is {against(card, best)} than the "
        f"best rival's, {best}"
        if best
        else "no controls or baselines"
    )


def _variants(card: Scorecard) -> Iterator[Text]:
    """A line for each variant of the theory: what it changes, and how much it loses."""
    for name, variant in card.variants.items():
        between = f" ({interval(variant.loses.ci95)})" if variant.loses.ci95 else ""
        loses = f"{number(variant.loses.value, 2)}{between}"
        yield Text(f"variant.{name}, {variant.about}: loses {loses} of recovered KL")
    if card.variants:
        yield Text(LEANS, style="dim")


def _compared(card: Scorecard) -> Iterator[Text]:
    """A line for each other theory: what the theory has more, with paired intervals."""
    for name, comparison in card.others.items():
        yield Text(
            f"more than compared.{name}: {_figure(comparison.recovered)} of recovered "
            f"{card.headline_quantity.label}, {_figure(comparison.pearson)} of mean Pearson"
        )


def _figure(figure: Figure) -> str:
    between = interval(figure.ci95)
    return number(figure.value, 2) + (f" ({between})" if between else "")


def _cost(card: Scorecard) -> Text:
    cost = card.cost
    counts = (
        f"{cost.free} free numbers, {cost.tuned} tuned (including those of poses), "
        f"{cost.calibrated} calibrated, {cost.poses} of poses"
    )
    return Text(f"cost: {counts} ({cost.bits:,} bits) -> {cost.weights:,} weights", style="dim")
