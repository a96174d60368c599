"""The conditions of a scorecard in words and in order, and the warnings that they give."""

import math
from collections.abc import Iterator, Sequence

from workbench.hosts.output import Quantity
from workbench.score.scorecard import ConditionScore, Scorecard
from workbench.score.uncertainty import RESAMPLES, Figure
from workbench.spec import misnamed
from workbench.splice.conditions import ConditionKind

MISSING = "–"
NO_OUTPUT = "not available: the host has no output"
LEANS = (
    "All other numbers and poses are as tuned, or written, for the whole theory; only gain and "
    "bias are fitted again. So the loss of a variant shows what the theory depends on; if it were "
    "tuned again, the variant would regain some of it, so the part itself is worth less."
)

# conditions stand in this order; those of one place stay as the scorecard has them
PLACES = {
    ConditionKind.NATURAL: 0,
    ConditionKind.ABLATION: 1,
    ConditionKind.HANDWRITTEN: 2,
    ConditionKind.VARIANT: 3,
    ConditionKind.TRAINED: 3,
    ConditionKind.COMPARED: 3,
    ConditionKind.CONTROL: 4,
    ConditionKind.BASELINE: 5,
}


def ordered(card: Scorecard) -> tuple[str, ...]:
    """The names of conditions by kind: natural, ablations, handwritten, controls, baselines."""
    return tuple(sorted(card.conditions, key=lambda name: PLACES[card.conditions[name].kind]))


def shown_quantities(card: Scorecard) -> tuple[Quantity, ...]:
    """The quantities of the host's output that the pictures allow: some need labels."""
    natural = card.conditions["natural"].quantities
    return tuple(
        quantity
        for quantity in card.quantities
        if not quantity.needs_target or natural[quantity.key].value is not None
    )


def digits(quantity: Quantity) -> int:
    """Decimals of a quantity in tables: shares have fewer than distances."""
    return 3 if quantity.larger_is_better else 4


def known(value: float | None) -> bool:
    """Whether a figure exists: it is neither None nor nan."""
    return value is not None and math.isfinite(value)


def number(value: float | None, digits: int) -> str:
    """A figure with `digits` decimals and a minus sign that is no hyphen, or an en dash."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:.{digits}f}"
    return (text[1:] if float(text) == 0 and text.startswith("-") else text).replace("-", "−")


def interval(ci95: Sequence[float | None] | None, digits: int = 2) -> str:
    """A 95 % interval as "0.81 to 0.92"; empty if there is none or both ends are equal."""
    return (
        f"{number(ci95[0], digits)} to {number(ci95[1], digits)}"
        if ci95 and ci95[0] != ci95[1]
        else ""
    )


def left_out(card: Scorecard) -> tuple[str, ...]:
    """Sentences on copies of pictures, and on figures over fewer pictures or resamples than all."""
    return (*_copied(card), *_fewer(card))


def _copied(card: Scorecard) -> Iterator[str]:
    for kind, facts in (("", card.header.images), ("calibration ", card.header.calibration)):
        if "copies" in facts:
            yield (
                f"{facts['copies']} of {facts['n']} {kind}images are copies of others"
                + ("." if kind else ": a mean counts each, an interval counts a picture once.")
            )


def _fewer(card: Scorecard) -> Iterator[str]:
    images, natural = card.header.images, card.conditions["natural"].quantities
    labelled = [
        each.label
        for each in card.quantities
        if each.needs_target and natural[each.key].n is not None
    ]
    if labelled:
        yield (
            f"{' and '.join(labelled)} are over the {images['labelled']} of {images['n']} images "
            "that have a known label."
        )
    fewer: dict[str, list[str]] = {}
    for name, row in card.conditions.items():
        for label, figure in _without_target(card, row).items():
            if figure.n is not None:
                text = f"{label} is over {figure.n} of {images['n']} images"
                fewer.setdefault(text, []).append(name)
            if figure.resamples is not None:
                text = (
                    f"the interval of {label} is over {figure.resamples:,} of {RESAMPLES:,} "
                    "resamples, as in the others nothing was lost"
                )
                fewer.setdefault(text, []).append(name)
    for text, names in fewer.items():
        yield f"{text} (under {', '.join(names)})."


def _without_target(card: Scorecard, row: ConditionScore) -> dict[str, Figure]:
    """The figures of a condition that need no label, by the title of their column."""
    return {
        **{
            each.label: row.quantities[each.key]
            for each in card.quantities
            if not each.needs_target
        },
        "next layer": row.consumer,
        f"recovered {card.headline_quantity.label}": row.recovered,
    }


def reaching(card: Scorecard) -> tuple[str, ...]:
    """The controls that the handwritten units are not clearly better than.

    The 95 % interval of the handwritten units' recovered KL against such a control reaches 0, or
    there is none, as over one picture.
    """
    return tuple(
        name
        for name, figure in card.against.items()
        if figure.value is not None and (figure.ci95 is None or figure.ci95[0] <= 0)
    )


def warnings(card: Scorecard) -> tuple[str, ...]:
    """A sentence about each control that is as good as the theory."""
    return tuple(
        f"{name} ({card.conditions[name].label}) recovers "
        f"{number(card.conditions[name].recovered.value, 2)}, and the handwritten units are not "
        f"clearly better: {against(card, name)}. Against it the score does not support the theory."
        for name in reaching(card)
    )


def strangely_bound(card: Scorecard) -> tuple[str, ...]:
    """A sentence for each family that was read off units of another name."""
    return misnamed({family: facts["name"] for family, facts in card.trained.items()})


def against(card: Scorecard, control: str) -> str:
    """The recovered KL of the handwritten units against a control, with its interval, as text."""
    figure = card.against[control]
    between = interval(figure.ci95)
    if known(figure.value) and figure.ci95 is None:
        between = "no interval, as it rests on one picture"
    return f"{number(figure.value, 2)} of what it loses" + (f" ({between})" if between else "")
