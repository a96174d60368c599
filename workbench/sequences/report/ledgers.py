"""The summary and the ledgers: each condition's recovered headline, and what verdicts rest on."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from workbench.hosts.output import Quantity
from workbench.report.ledger import LOWEST, bars, mark_ends
from workbench.score.uncertainty import Figure as Estimate
from workbench.sequences.part_score import PartScore, TokenRow, judged_by
from workbench.sequences.score import TokenCard
from workbench.splice.conditions import ConditionKind

Named = tuple[str, ConditionKind]


def judge(card: TokenCard) -> Quantity | None:
    """The quantity that a verdict rests on, where it is not the headline."""
    quantity = judged_by(card.host)
    return quantity if quantity.key != card.headline.key else None


def draw_summary(card: TokenCard) -> Figure:
    """Every part's handwritten circuit and its nearest control or baseline, on one axis."""
    names: list[Named] = []
    rows: list[TokenRow] = []
    for part in card.parts:
        for name in filter(None, ("spliced", part.rival)):
            row = part.row(name)
            words = "handwritten" if name == "spliced" else name
            names.append((f"{part.name}: {words}", row.facts.kind))
            rows.append(row)
    return _side_by_side(card, names, rows)


def draw_ledger(card: TokenCard, part: PartScore) -> Figure:
    """Every condition of a part."""
    rows = [row for row in part.rows if row.facts.kind != ConditionKind.NATURAL]
    return _side_by_side(card, [(row.facts.name, row.facts.kind) for row in rows], rows)


def _side_by_side(card: TokenCard, names: Sequence[Named], rows: Sequence[TokenRow]) -> Figure:
    second = judge(card)
    figure = Figure(figsize=(6.6, 0.24 * len(names) + 0.7), layout="constrained")
    grid = figure.subplots(1, 1 if second is None else 2, sharey=True, squeeze=False)[0]
    bars(grid[0], names, [row.recovered for row in rows], LOWEST)
    mark_ends(grid[0], f"recovered {card.headline.label}")
    if second is not None:
        bars(grid[1], names, [Estimate(row.quantities[second.key]) for row in rows], LOWEST)
        mark_ends(grid[1], second.label)
    return figure
