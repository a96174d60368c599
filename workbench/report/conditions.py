"""The conditions of a scorecard in words and in order, and the warnings that they give."""

import math
from collections.abc import Sequence

from workbench.score.scorecard import Scorecard
from workbench.score.uncertainty import Figure
from workbench.spec import misnamed

MISSING = "–"
NO_OUTPUT = "not available: the host has no output"
BOUND = "bound."  # and the family that was bound to trained units last
BESIDE = "beside."  # and the name of another theory of the same units
VARIANT = "variant."  # and the name of a variant of the theory
LEANS = (
    "All other numbers and poses are as tuned, or written, for the whole theory; only gain and bias are fitted again. So what a variant loses is "
    "what the theory leans on; tuned again it would win some of that back, so the part itself is worth less."
)

ABOUT = {  # condition -> what takes the place of the trained units
    "natural": "the trained units' own activation, spliced back",
    "ablated.zero": "silence",
    "ablated.mean": "each unit's mean over the calibration pictures",
    "ablated.resample": "the trained units' activation on another picture",
    "spliced": "the handwritten units",
    "as_written": "the handwritten units, with the numbers as they were before tuning",
    "control.permuted": "the handwritten units, each in another unit's place",
    "control.flipped": "the handwritten units, the sign of every weight of the last layer turned around",
    "control.other_picture": "the handwritten units on another picture",
    "control.random": "the handwritten circuit with random weights of equal norm in its last layer",
    "control.affine": "for each unit the trained unit of the layer before that fits it best, with a gain and a bias: no theory, as many numbers",
    "control.regression": "the least-squares reading of every trained unit of the layer before: no theory, hundreds of numbers a unit",
}


def ordered(card: Scorecard) -> tuple[str, ...]:
    """The conditions as a reader wants them: natural, ablations, handwritten, controls, then any other."""
    known = [name for name in ABOUT if name in card.conditions]
    chain = [name for name in card.conditions if name.startswith((VARIANT, BOUND, BESIDE))]
    written = 1 + known.index("as_written" if "as_written" in known else "spliced")
    return (*known[:written], *chain, *known[written:], *(name for name in card.conditions if name not in (*known, *chain)))


def about(name: str) -> str:
    """What takes the place of the trained units under a condition."""
    if name.startswith(BOUND):
        return f"the handwritten units, reading trained units in place of {name.removeprefix(BOUND)} and of what else is bound above it"
    if name.startswith(BESIDE):
        return f"units written by hand from another theory, {name.removeprefix(BESIDE)}"
    if name.startswith(VARIANT):
        return f"the handwritten units of a variant of the theory, {name.removeprefix(VARIANT)}"
    return ABOUT.get(name, "another splice")


def known(value: float | None) -> bool:
    """Whether a figure is there: neither None nor nan."""
    return value is not None and math.isfinite(value)


def number(value: float | None, digits: int) -> str:
    """A figure with `digits` decimals and a true minus sign, or an en dash."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:.{digits}f}"
    return (text[1:] if float(text) == 0 and text.startswith("-") else text).replace("-", "−")


def interval(ci95: Sequence[float | None] | None, digits: int = 2) -> str:
    """A 95 % interval as "0.81 to 0.92", or nothing where there is none or the figure cannot vary."""
    return f"{number(ci95[0], digits)} to {number(ci95[1], digits)}" if ci95 and ci95[0] != ci95[1] else ""


def reaching(card: Scorecard) -> tuple[str, ...]:
    """The controls that the handwritten units are not clearly better than: of the KL that the control leaves, picture by picture, they
    take away a share whose 95 % interval reaches 0."""
    return tuple(name for name, figure in card.against.items() if (low := _low(figure)) is not None and low <= 0)


def warnings(card: Scorecard) -> tuple[str, ...]:
    """Plain sentences about controls that do as well as the theory."""
    return tuple(
        f"{name} ({about(name)}) recovers {number(card.conditions[name].recovered_kl.value, 2)}, and the handwritten units are not clearly "
        f"better: {against(card, name)}. Against it the score does not speak for the theory."
        for name in reaching(card)
    )


def strangely_bound(card: Scorecard) -> tuple[str, ...]:
    """A sentence for each family that was read off units of another name."""
    return misnamed({family: facts["name"] for family, facts in card.bound.items()})


def against(card: Scorecard, control: str) -> str:
    """What the handwritten units recover of what a control loses, with its interval."""
    figure = card.against[control]
    return f"{number(figure.value, 2)} of what it loses" + (f" ({interval(figure.ci95)})" if figure.ci95 else "")


def _low(figure: Figure) -> float | None:
    return figure.ci95[0] if figure.ci95 else figure.value
