"""Scorecard -> the table that a terminal shows."""

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from workbench.report.conditions import LEANS, NO_OUTPUT, against, interval, number, ordered, reaching, strangely_bound, warnings
from workbench.report.plain import plain_table
from workbench.score.scorecard import ConditionScore, Scorecard

WIDTH = 100  # columns that everything fits in; 80 columns wrap the sentences only


def table(card: Scorecard) -> Group:
    """One headline line, one table of conditions, warnings where a control reaches the handwritten units, and the cost. Fits 80 columns."""
    warned = (Text(f"warning: {said}", style="bold yellow") for said in (*strangely_bound(card), *warnings(card)))
    return Group(headline(card), *_theories(card), _conditions(card), _best_control(card), *_variants(card), *warned, _cost(card))


def headline(card: Scorecard) -> Text:
    """Theory on host:site, pictures, recovered KL with its interval, mean Pearson."""
    recovered = f"{number(card.headline.value, 2)}" + (f" ({interval(card.headline.ci95)})" if card.headline.ci95 else "")
    recovered = recovered if card.has_output else NO_OUTPUT
    pearson = number(card.conditions["spliced"].pearson.value, 2)
    return Text.assemble(
        (card.spec["theory"], "bold"),
        f" on {card.host['name']}:{card.circuit['site']}, {card.images['n']} images: recovered KL ",
        (recovered, "bold"),
        f", mean Pearson {pearson}",
    )


def _theories(card: Scorecard) -> Iterator[Text]:
    """A line for each theory, where there are several."""
    if len(card.theories) > 1:
        for theory in card.theories:
            pearson = number(theory.pearson, 2)
            yield Text(f"  {theory.spec['theory']} at {theory.circuit['site']}: {theory.units} units, mean Pearson {pearson}")


def _conditions(card: Scorecard) -> Table:
    labelled = card.conditions["natural"].top1.value is not None
    shown = plain_table()
    shown.add_column("\ncondition", overflow="fold")  # the one column that may be cut into lines: names are of any length
    for title in ("\nKL", "top-1\nagree", *(("\ntop-1", "\ntop-5") if labelled else ()), "mean\nPearson", "recovered\nKL"):
        shown.add_column(title, justify="right", no_wrap=True)
    shown.add_column("\n95 % interval", no_wrap=True)
    reached = reaching(card)
    for name in ordered(card):
        style = "bold" if name == "spliced" else "yellow" if name in reached else ""
        shown.add_row(name, *_cells(card.conditions[name], labelled), style=style)
    return shown


def _cells(row: ConditionScore, labelled: bool) -> tuple[str, ...]:
    accuracies = (number(row.top1.value, 3), number(row.top5.value, 3)) if labelled else ()
    return (
        number(row.kl.value, 4),
        number(row.top1_agreement.value, 3),
        *accuracies,
        number(row.pearson.value, 2),
        number(row.recovered_kl.value, 2),
        interval(row.recovered_kl.ci95),
    )


def _best_control(card: Scorecard) -> Text:
    if not card.has_output:
        return Text(f"KL, answers, and what is recovered of them: {NO_OUTPUT}")
    best = card.best_control
    return Text(f"against the best control, {best}: the handwritten units recover {against(card, best)}" if best else "no controls")


def _variants(card: Scorecard) -> Iterator[Text]:
    """What each variant of the theory changes and loses, where there are any."""
    for name, variant in card.variants.items():
        between = f" ({interval(variant.loses.ci95)})" if variant.loses.ci95 else ""
        yield Text(f"variant.{name}, {variant.about}: loses {number(variant.loses.value, 2)}{between} of recovered KL")
    if card.variants:
        yield Text(LEANS, style="dim")


def _cost(card: Scorecard) -> Text:
    cost = card.cost
    counts = (
        f"{cost.free} free numbers, {cost.tuned} tuned (those of poses counted), {cost.calibrated} calibrated, {cost.poses} from the survey"
    )
    return Text(f"cost: {counts} -> {cost.weights:,} weights", style="dim")
