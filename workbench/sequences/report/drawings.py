"""Every picture of the page, with its description and caption."""

from collections.abc import Iterator, Mapping, Sequence

from workbench.hosts.output import Quantity
from workbench.report.conditions import number
from workbench.report.drawing import Drawing
from workbench.sequences.examples import AnswerTable, Examples, HeadExample, NeuronExample
from workbench.sequences.head_examples import SHOWN
from workbench.sequences.part_score import PartScore
from workbench.sequences.report.answers import draw_losses, draw_table
from workbench.sequences.report.ledgers import draw_ledger, draw_summary, judge
from workbench.sequences.report.neurons import draw_circles, draw_waves
from workbench.sequences.report.patterns import HALF, draw_offsets, draw_patterns
from workbench.sequences.score import TokenCard
from workbench.sequences.survey.neurons import EXPLAINED

WIDE = " wide"  # ends the name of a section whose pictures have the whole width
CHOSEN = "The heads with the best, the middle and the worst overlap"
LINES = "Trained in black, handwritten in red."
BARS = (
    "Dots are means, bars 95 % intervals over prompts where there is one; an arrow marks a figure "
    "beyond the edge. Handwritten in red, ablations grey, controls and baselines blue."
)


def drawings(card: TokenCard, words: Sequence[str] | None) -> Iterator[Drawing]:
    """Draw the pictures in the order of the page; those of activations where the card has them.

    `words` are the first tokens of the examples' prompt, where they have words.
    """
    yield _summary(card)
    neurons = card.examples.neurons if card.examples else ()
    for part in card.parts:
        yield _ledger(card, part)
        if card.examples is None:
            continue
        shown = card.examples.parts[part.name]
        if shown.heads:
            yield from head_drawings(part.name, shown.heads, card.examples, words)
        elif shown.has_neurons and neurons:
            yield from neuron_drawings(part.name, neurons)
            neurons = ()  # with the first of the parts that have them
        if shown.losses:
            yield _losses(card.examples, part)
        if shown.answers:
            yield _table(card.examples, part, shown.answers)


def _measured(card: TokenCard) -> str:
    second = judge(card)
    both = f" and {second.label}" if second else ""
    return f"Recovered {card.headline.label}{both}"


def _summary(card: TokenCard) -> Drawing:
    figures = "; ".join(
        f"{part.name} {_figures(card, part, 'spliced')}"
        + (f", {part.rival} {_figures(card, part, part.rival)}" if part.rival else "")
        for part in card.parts
    )
    return Drawing(
        "summary",
        "summary",
        draw_summary(card),
        f"{_measured(card)} of each part: {figures}.",
        f"{_measured(card)} of every part, and of the control or baseline that is nearest to the "
        f"network. 1 is the untouched network. {BARS}",
        curves=True,
    )


def _figures(card: TokenCard, part: PartScore, name: str) -> str:
    row, second = part.row(name), judge(card)
    recovered = number(row.recovered.value, 2)
    return f"{recovered} and {_value(row.quantities, second)}" if second else recovered


def _value(quantities: Mapping[str, float], quantity: Quantity) -> str:
    return number(quantities[quantity.key], 2)


def _ledger(card: TokenCard, part: PartScore) -> Drawing:
    return Drawing(
        f"ledger-{part.name}",
        part.name,
        draw_ledger(card, part),
        f"{_measured(card)} of each condition of {part.name}; the numbers are in the table below.",
        f"{_measured(card)} under every condition; {part.cheapest} recovers 0, as the "
        "ablation that loses least.",
        curves=True,
    )


def head_drawings(
    part: str, heads: Sequence[HeadExample], examples: Examples, words: Sequence[str] | None
) -> Iterator[Drawing]:
    """The patterns of a part's heads, and their means by offset where it depends on offsets."""
    overlaps = ", ".join(f"{head.name} {number(head.overlap, 2)}" for head in heads)
    few = len(heads) < SHOWN
    which = "All heads, the best overlap first" if few else CHOSEN
    first = f"the first {len(words)} places of " if words else ""
    wide = len(heads) > HALF
    yield Drawing(
        f"patterns-{part}",
        f"{part}{WIDE}" if wide else part,
        draw_patterns(heads, words),
        f"Attention patterns of heads {', '.join(head.name for head in heads)}, trained above and "
        "handwritten below.",
        f"{which}: {overlaps} (the attention that both patterns share, over {examples.count:,} "
        f"prompts). Each row of a pattern is a query, each column a key, for {first}one scored "
        f"prompt, {examples.prompt.name}; full colour is attention 1, on a scale of square "
        "roots.",
    )
    local = [head for head in heads if head.by_offset]
    if local:
        yield Drawing(
            f"offsets-{part}",
            part,
            draw_offsets(local),
            f"Mean attention by offset of heads {', '.join(head.name for head in local)}, trained "
            "and handwritten.",
            f"Mean attention to the key so many places before the query, over {examples.count:,} "
            f"prompts and all queries. {LINES}",
            curves=True,
        )


def neuron_drawings(part: str, neurons: Sequence[NeuronExample]) -> Iterator[Drawing]:
    """The circles of a part's neurons, and the waves of one neuron of each."""
    circles = ", ".join(str(circle.frequency) for circle in neurons)
    counts = ", ".join(str(len(circle.trained_deg)) for circle in neurons)
    yield Drawing(
        f"circles-{part}",
        part,
        draw_circles(neurons),
        f"Circles of frequencies {circles} with the phases of handwritten and trained neurons.",
        "A circle for each frequency. Red on the circle: phases of the handwritten neurons. Black "
        f"inside: surveyed phases, for the first number, of the trained neurons ({counts}) whose "
        f"drive is explained to {100 * EXPLAINED:.0f} % or more by waves of it.",
        curves=True,
    )
    shares = ", ".join(f"{pair.neuron} {number(pair.share, 2)}" for pair in neurons)
    yield Drawing(
        f"waves-{part}",
        part,
        draw_waves(neurons),
        "Mean activation by the first number of a trained and a handwritten neuron of each "
        f"frequency: neurons {', '.join(str(pair.neuron) for pair in neurons)}.",
        "Mean activation by the first number, numbers in the order of their angles on the circle, "
        "over its own range: the trained neuron whose drive waves of this frequency explain best "
        f"({shares}) and the handwritten one nearest in phase. {LINES}",
        curves=True,
    )


def _losses(examples: Examples, part: PartScore) -> Drawing:
    losses = examples.parts[part.name].losses or {}
    named = {"natural": "trained", "spliced": "handwritten"}
    text = "; ".join(
        f"{named.get(name, name)} {' and '.join(number(row.mean(), 2) for row in loss)}"
        for name, loss in losses.items()
    )
    return Drawing(
        f"loss-{part.name}",
        part.name,
        draw_losses(losses, part.cheapest),
        f"Loss by occurrence of the repeated string: {text} nats.",
        f"Loss along each occurrence after the first, over {examples.count:,} prompts. Mean: "
        f"{text} nats. {LINES} {part.cheapest} in grey. A loss below the trained network’s is "
        "better at the task, and no nearer to the network.",
        curves=True,
    )


def _table(examples: Examples, part: PartScore, table: AnswerTable) -> Drawing:
    return Drawing(
        f"answers-{part.name}",
        part.name,
        draw_table(table),
        f"Mean logits of tokens by the right answer, trained and with {part.name} handwritten.",
        f"Mean logits by the right answer, less their mean over tokens, over {examples.count:,} "
        "prompts. Red is above the mean, blue below, one scale for both; the diagonal is the right "
        "answer.",
    )
