"""The conditions of a scorecard in words and in order, and the warnings that they give."""

import math
from collections.abc import Sequence

from workbench.score.scorecard import Scorecard
from workbench.score.uncertainty import Figure

MISSING = "–"

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
    return (*known, *(name for name in card.conditions if name not in ABOUT))


def about(name: str) -> str:
    """What takes the place of the trained units under a condition."""
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
    """The controls whose recovered KL lies in the spliced condition's 95 % interval or above it."""
    low = _low(card.conditions["spliced"].recovered_kl)
    found = {name: row.recovered_kl.value for name, row in card.conditions.items() if name.startswith("control.")}
    return tuple(name for name, value in found.items() if low is not None and value is not None and value >= low)


def warnings(card: Scorecard) -> tuple[str, ...]:
    """Plain sentences about controls that do as well as the theory."""
    figure = card.conditions["spliced"].recovered_kl
    shown = f"{number(figure.value, 2)} ({interval(figure.ci95)})" if figure.ci95 else number(figure.value, 2)
    return tuple(
        f"{name} ({about(name)}) recovers {number(card.conditions[name].recovered_kl.value, 2)} and reaches the interval of the "
        f"handwritten units, {shown}: against it the score does not speak for the theory."
        for name in reaching(card)
    )


def _low(figure: Figure) -> float | None:
    return figure.ci95[0] if figure.ci95 else figure.value
