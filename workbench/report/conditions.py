"""The conditions of a scorecard in words and in order, and the warnings that they give."""

import math
from collections.abc import Sequence

from workbench.hosts.output import Quantity
from workbench.score.scorecard import Scorecard
from workbench.score.uncertainty import Figure
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


def reaching(card: Scorecard) -> tuple[str, ...]:
    """The controls that the handwritten units are not clearly better than.

    The 95 % interval of the handwritten units' recovered KL against such a control reaches 0.
    """
    return tuple(
        name
        for name, figure in card.against.items()
        if (low := _low(figure)) is not None and low <= 0
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
    return f"{number(figure.value, 2)} of what it loses" + (
        f" ({interval(figure.ci95)})" if figure.ci95 else ""
    )


def _low(figure: Figure) -> float | None:
    return figure.ci95[0] if figure.ci95 else figure.value
