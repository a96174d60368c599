"""The limits of a token scorecard: sentences about what it does not show, from its own figures."""

from collections.abc import Iterator

from workbench.report.conditions import number
from workbench.sequences.circuit import PromptSet
from workbench.sequences.part import SCORE_LEVEL
from workbench.sequences.part_score import PartScore, judged_by
from workbench.sequences.score import TokenCard

KINDS = {
    "pairs": "all pairs of numbers below {modulus}",
    "repeats": "{length} random tokens in which a string of {string} occurs {times} times",
    "samples": "texts of {length} tokens that the network wrote itself",
    "texts": "paragraphs of {length} tokens of one text",
}


def limits(card: TokenCard) -> Iterator[str]:
    """Three sentences for a reader who wants to quote the headline."""
    yield _level(card)
    counts = card.counts
    yield (
        f"Anything beyond these {counts['scored']:,} prompts, all of one kind "
        f"({prompt_words(card.circuit.prompts)}), or a prediction without fitting: "
        f"{_fitted(card)}. All other parts of {card.host.name} were left as they are."
    )
    yield _nearest(card)


def prompt_words(declared: PromptSet) -> str:
    """The kind of a circuit's prompts in words."""
    return KINDS[declared.kind].format(**declared.model_dump())


def _level(card: TokenCard) -> str:
    names = [part.name for part in card.parts if part.level == SCORE_LEVEL]
    if not names:
        return (
            "Whether the theory is the only one. Another theory with the same effect on the "
            "answers would score the same."
        )
    which = "Every part is" if len(names) == len(card.parts) else f"{', '.join(names)}: all are"
    return (
        f"Which weights compute it. {which} at the level “{SCORE_LEVEL}”: a rule for scores "
        "before the softmax or for logits, with no claim about W_Q and W_K."
    )


def _fitted(card: TokenCard) -> str:
    most = max(card.parts, key=lambda part: part.numbers.calibrated)
    bound = max(card.parts, key=lambda part: part.numbers.bound)
    if not most.numbers.calibrated and not bound.numbers.bound:
        return "no number was calibrated here, but the theory’s may be tuned"
    calibrated = (
        f"{most.numbers.calibrated:,} numbers of {most.name} were calibrated on "
        f"{card.counts['calibration']:,} other prompts"
    )
    if not bound.numbers.bound:
        return calibrated
    return f"{calibrated}, and {bound.numbers.bound:,} of {bound.name} read off the network"


def _nearest(card: TokenCard) -> str:
    near = [part for part in card.parts if part.rival and not part.supported]
    if near:
        names = ", ".join(f"{part.rival} in {part.name}" for part in near)
        return f"The only explanation: as near to the network, or nearer, is {names}."
    part = min(
        (part for part in card.parts if part.rival),
        key=lambda part: part.ahead.value or 0.0,
        default=None,
    )
    if part is None or part.rival is None:
        return "Whether a wrong theory would score as well: no part has a control or a baseline."
    return (
        "The only explanation: every control and baseline is farther from the network, the nearest "
        f"{part.rival} in {part.name} ({_judged(card, part)}), but another theory with the same "
        "effect would score the same."
    )


def _judged(card: TokenCard, part: PartScore) -> str:
    quantity = judged_by(card.host)
    values = [part.row(name).quantities[quantity.key] for name in (part.rival or "", "spliced")]
    rival, handwritten = (number(value, 2) for value in values)
    return f"{quantity.label} {rival} against {handwritten}"
