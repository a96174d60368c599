"""The conditions of a scorecard in words and in order, and the warnings that they give."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workbench.hosts.output import Quantity
from workbench.score.asked import MANY
from workbench.score.recovery import ABLATIONS
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
    """Sentences on the pictures: crops, copies, often asked, and figures that are not over all."""
    return (*_asked(card), *_cropped(card), *_copied(card), *_fewer(card))


def _asked(card: Scorecard) -> Iterator[str]:
    if card.asked is not None and card.asked >= MANY:
        yield (
            f"{card.asked} theories of these units were scored on these images: the best of many "
            "tries looks better on the pictures that chose it than on others."
        )


def picture_kinds(pictures: Mapping[str, Any]) -> str:
    """The default pictures in words, from their facts; empty for other pictures."""
    if "photographs" not in pictures:
        return ""
    crops = f"{pictures['n'] - pictures['drawn']} crops of {pictures['photographs']} photographs"
    return f"{crops} and {pictures['drawn']} drawn pictures"


def tuned_on_host(card: Scorecard) -> bool:
    """Whether the theory's numbers were tuned on the host that is scored."""
    hosts = str(card.tuned_on["host"]).split(" + ") if card.tuned_on else []
    return card.header.host["name"] in hosts


def _cropped(card: Scorecard) -> Iterator[str]:
    if kinds := picture_kinds(card.header.images):
        yield (
            f"The {card.header.images['n']} images are {kinds}: crops of one photograph are alike, "
            "and intervals count them as independent."
        )


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
        quantity.label
        for quantity in card.quantities
        if quantity.needs_target and natural[quantity.key].n is not None
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
            quantity.label: row.quantities[quantity.key]
            for quantity in card.quantities
            if not quantity.needs_target
        },
        "next layer": row.consumer,
        f"recovered {card.headline_quantity.label}": row.recovered,
    }


def reaching(card: Scorecard) -> tuple[str, ...]:
    """The ablations, controls and baselines that the handwritten units are not clearly better than.

    The 95 % interval of the handwritten units' recovered KL against such a condition reaches 0.
    Where there is no interval, as over one picture, no control or baseline is clearly beaten, and
    an ablation is where the figure is above 0.
    """
    lows = {name: _low(card, name, figure) for name, figure in compared_with(card).items()}
    return tuple(name for name, low in lows.items() if low is not None and low <= 0)


def _low(card: Scorecard, name: str, figure: Figure) -> float | None:
    if figure.ci95 is not None:
        return figure.ci95[0]
    return 0.0 if figure.value is not None and name in card.against else figure.value


def warnings(card: Scorecard) -> tuple[str, ...]:
    """A sentence about each ablation, control and baseline that is as good as the theory."""
    return tuple(
        f"{name} ({card.conditions[name].label}) recovers "
        f"{number(card.conditions[name].recovered.value, 2)}, and the handwritten units are not "
        f"clearly better: their {card.headline_quantity.label} is {against(card, name)}. Against "
        "it the score does not support the theory."
        for name in reaching(card)
    )


def compared_with(card: Scorecard) -> Mapping[str, Figure]:
    """The recovered share against each ablation, control and baseline, by name."""
    headline = card.headline_quantity.name
    ablations = {f"ablated.{name}": card.recovered[name][headline] for name in ABLATIONS}
    return {**ablations, **card.against}


def cheapest_ablation(card: Scorecard) -> str | None:
    """The ablation that costs least of the headline quantity; None where no answers are compared.

    What is recovered against it is the strictest of the three figures.
    """
    costs = {
        name: card.conditions[f"ablated.{name}"].quantities[card.headline_quantity.key].value
        for name in ABLATIONS
    }
    known_costs = {name: cost for name, cost in costs.items() if cost is not None}
    return min(known_costs, key=lambda name: known_costs[name], default=None)


def strangely_bound(card: Scorecard) -> tuple[str, ...]:
    """A warning for each family that reads trained units of a circuit file of another family."""
    return misnamed({family: facts["name"] for family, facts in card.trained.items()})


def against(card: Scorecard, rival: str) -> str:
    """How much lower, or higher, the headline quantity is than under another condition, as text.

    `rival` is an ablation, a control or a baseline.
    """
    figure = compared_with(card)[rival]
    if figure.value is None or not known(figure.value):
        return f"{MISSING} lower"
    side, word = (1, "lower") if figure.value >= 0 else (-1, "higher")
    between = "no interval, as it rests on one picture"
    if figure.ci95 is not None:
        low, high = sorted(side * end for end in figure.ci95)
        between = f"{_percent(low)} to {_percent(high)} %"
    return f"{_percent(side * figure.value)} % {word} ({between})"


def _percent(share: float) -> str:
    return number(100 * share, 0)
