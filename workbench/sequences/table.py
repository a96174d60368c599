"""The table of a token scorecard in a terminal."""

from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from workbench.hosts.output import Quantity
from workbench.report.conditions import digits, interval, number
from workbench.report.plain import plain_table
from workbench.sequences.part import KINDS
from workbench.sequences.part_score import PartScore, bits
from workbench.sequences.score import TokenCard
from workbench.splice.conditions import ConditionKind

IN_DOCUMENT = ("top1_agreement", "soft_kl", "loss")  # and not in the table, which fits 80 columns
WHERE_IT_FITS = ("fitted_soft_kl",)  # in the tables that have no column of overlaps


def table(card: TokenCard) -> Group:
    """For each part its level, its numbers, a table of conditions and a sentence of verdict."""
    counts = card.counts
    title = Text.assemble(
        (card.spec.theory.theory, "bold"),
        f" on {card.host.name}: {counts['scored']:,} prompts scored, "
        f"{counts['calibration']:,} others calibrated",
    )
    return Group(title, *(row for part in card.parts for row in _part(card, part)))


def _part(card: TokenCard, part: PartScore) -> Iterator[Text | Table]:
    yield Text()
    yield Text.assemble(
        (part.name, "bold"),
        f": {part.words} (level: {part.level}; {numbers_text(part)})",
    )
    yield _conditions(card, part)
    others = [
        f"{number(figure.value, 3)} of {name}"
        for name, figure in part.by_ablation.items()
        if name != part.cheapest
    ]
    yield Text(f"recovered of {part.cheapest}, which loses least ({', '.join(others)})")
    for name, loses in part.variants.items():
        between = f" ({interval(loses.ci95)})" if loses.ci95 else ""
        lost = f"{number(loses.value, 2)}{between} of recovered {card.headline.label}"
        yield Text(f"{name}, {part.row(name).facts.label}: loses {lost}")
    for row in part.rows:
        if row.facts.kind is ConditionKind.TRAINED:
            bound = f", read by {row.numbers:,} bound numbers" if row.numbers else ""
            yield Text(f"{row.facts.name}, {row.facts.label}{bound}")
    yield Text(part.verdict, style="bold")


def _conditions(card: TokenCard, part: PartScore) -> Table:
    quantities, written = shown(card, part), writes_patterns(part)
    made = plain_table()
    made.add_column("\ncondition", overflow="fold")
    for quantity in quantities:
        first, _, rest = quantity.label.partition(" ")
        made.add_column(f"{first}\n{rest}" if rest else f"\n{first}", justify="right")
    if written:
        made.add_column("\noverlap", justify="right")
    made.add_column(f"recovered\n{card.headline.label}", justify="right")
    made.add_column("\n95 % interval", no_wrap=True)
    for row in part.rows:
        cells = [number(row.quantities[quantity.key], digits(quantity)) for quantity in quantities]
        cells += [number(row.overlap, 2)] if written else []
        cells += [number(row.recovered.value, 3), interval(row.recovered.ci95)]
        made.add_row(row.facts.name, *cells, style="bold" if row.facts.name == "spliced" else "")
    return made


def shown(card: TokenCard, part: PartScore) -> list[Quantity]:
    """The quantities that the prompts allow, those of fidelity before those of the task."""
    natural = part.row("natural").quantities
    known = [
        quantity for quantity in card.quantities if natural[quantity.key] == natural[quantity.key]
    ]
    left_out = IN_DOCUMENT + (WHERE_IT_FITS if writes_patterns(part) else ())
    return sorted(
        (quantity for quantity in known if quantity.key not in left_out), key=lambda q: q.task
    )


def writes_patterns(part: PartScore) -> bool:
    """Whether a condition of the part has attention patterns, whose overlap is shown."""
    return any(row.overlap is not None for row in part.rows)


def numbers_text(part: PartScore) -> str:
    """The numbers of a part in words, without the kinds of which it has none."""
    counted = part.numbers
    parts = [f"{getattr(counted, kind)} {kind}" for kind in KINDS if getattr(counted, kind)]
    return f"numbers: {', '.join(parts) if parts else '0'}; {bits(counted):,} bits"
