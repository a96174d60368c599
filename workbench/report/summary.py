"""The headline of a scorecard as four rows: trained, silenced, handwritten, best baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.hosts.output import Quantity
from workbench.report.conditions import digits, interval, number, shown_quantities
from workbench.score.scorecard import ConditionScore, Scorecard
from workbench.splice.conditions import ConditionKind

SIMPLEST = {
    "natural": "trained",
    "ablated.zero": "silenced (every unit at 0)",
    "spliced": "handwritten",
}


@dataclass(frozen=True)
class SummaryRow:
    """One row: the words that name it, its condition, and its cells in the order of `titles`."""

    words: str
    condition: str
    cells: tuple[str, ...]


def titles(card: Scorecard) -> tuple[str, ...]:
    """The titles of the cells: each quantity of the answers, the units' Pearson, the recovered."""
    quantities = (quantity.label for quantity in shown_quantities(card))
    return (*quantities, "Pearson", f"recovered {card.headline_quantity.label}", "95 % interval")


def summary(card: Scorecard) -> tuple[SummaryRow, ...]:
    """The rows of the headline; the last one is left out where the run had no baseline."""
    names = dict(SIMPLEST)
    if best := best_baseline(card):
        names[best] = f"best baseline ({best.removeprefix('baseline.')})"
    return tuple(
        SummaryRow(words, name, cells(card, card.conditions[name], shown_quantities(card)))
        for name, words in names.items()
    )


def best_baseline(card: Scorecard) -> str | None:
    """The baseline that recovers most; without comparable answers, that correlates best."""
    rows = {
        name: row for name, row in card.conditions.items() if row.kind == ConditionKind.BASELINE
    }

    def figure(name: str) -> float:
        row = rows[name]
        value = (row.recovered if card.compared else row.pearson).value
        return float("-inf") if value is None else value

    return max(rows, key=figure, default=None)


def cells(card: Scorecard, row: ConditionScore, quantities: Sequence[Quantity]) -> tuple[str, ...]:
    """The figures of a condition as text, in the order of `titles`; those of its answers first."""
    return (
        *(number(row.quantities[quantity.key].value, digits(quantity)) for quantity in quantities),
        number(row.pearson.value, 2),
        number(row.recovered.value, 2),
        interval(row.recovered.ci95),
    )
