"""Whether a score meets requirements.

A requirement is met only if the data rule the opposite out: the end of the 95 % interval that is
nearer to failing is compared, the lower end for > and >=, the upper end for < and <=. A word on the
right is a condition of the same run. Where the score has the paired difference from it, the
difference is compared with 0; otherwise the two intervals must not overlap, which asks for more.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.score.readings import (
    OF_PICTURES,
    OF_TOKENS,
    SPLICED,
    Readings,
    of_pictures,
    of_tokens,
)
from workbench.score.requirements import WORDS, Requirement
from workbench.score.uncertainty import Figure

HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
FLIPPED = {">=": "<=", "<=": ">=", ">": "<", "<": ">"}
LEADS = {"logit_r2": "logit R2 less that of {}"}
SHARE = "share by which the distance from natural is less than under {}"
NO_INTERVAL = "the figure has no interval: it rests on one picture, or on none"
SMALLER_IS_BETTER = OF_PICTURES | OF_TOKENS


@dataclass(frozen=True)
class Outcome:
    """A requirement and whether a score meets it, as in the list `requirements` of `--json`.

    value     the figure, or the paired difference, None where the score lacks it
    ci95      its interval; None for a figure that is exact or has none
    compared  the number that was compared
    required  the number that it was compared with
    condition the condition that a word on the right stands for; None for a number
    reason    a sentence
    """

    requirement: str
    met: bool
    value: float | None
    ci95: tuple[float, float] | None
    compared: float | None
    required: float | None
    condition: str | None
    reason: str


def outcomes(
    document: Mapping[str, Any], requirements: Sequence[Requirement]
) -> tuple[Outcome, ...]:
    """Judge requirements by the plain values of a score.json."""
    return tuple(_outcome(document, requirement) for requirement in requirements)


def _outcome(document: Mapping[str, Any], wanted: Requirement) -> Outcome:
    if wanted.part:
        part = document["parts"].get(wanted.part)
        if part is None:
            scored = ", ".join(document["parts"])
            return _failed(wanted, f"the theory has no part {wanted.part}; its parts: {scored}")
        readings = of_tokens(part)
    else:
        readings = of_pictures(document)
    figure = readings.rows[SPLICED].figures[wanted.figure]
    if isinstance(wanted.right, str):
        return _against(readings, wanted, figure, WORDS[wanted.right])
    return _judged(wanted, figure, wanted.right, wanted.figure in readings.by_value)


def _against(readings: Readings, wanted: Requirement, figure: Figure, kind: str) -> Outcome:
    """Compare the handwritten units with the best condition of a kind."""
    rival = _best(readings, wanted.figure, kind)
    if rival is None:
        return _failed(wanted, f"the run has no {kind} with a {wanted.figure}", figure)
    row, by_value = readings.rows[rival], wanted.figure in readings.by_value
    if lead := row.lead.get(wanted.figure):
        sign = FLIPPED[wanted.sign] if SMALLER_IS_BETTER[wanted.figure] else wanted.sign
        words = LEADS.get(wanted.figure, SHARE).format(rival)
        return _judged(replace(wanted, sign=sign), lead, 0.0, False, rival, words)
    end = _end(row.figures[wanted.figure], not wanted.lower_end, by_value)
    if end is None:
        return _failed(wanted, f"{rival}: {NO_INTERVAL}", figure)
    return _judged(wanted, figure, end, by_value, rival)


def _best(readings: Readings, figure: str, kind: str) -> str | None:
    """The condition of a kind that does best by a figure; None if none has it."""
    by = readings.best_by.get(figure, figure)
    sign = -1 if SMALLER_IS_BETTER[by] else 1
    known = {
        name: sign * value
        for name, row in readings.rows.items()
        if row.kind == kind
        and (value := row.figures[by].value) is not None
        and row.figures[figure].value is not None
    }
    return max(known, key=lambda name: known[name], default=None)


def _end(figure: Figure, lower: bool, by_value: bool) -> float | None:
    """The number that stands for a figure; None where it has no interval but should."""
    if by_value and not figure.ci95:
        return figure.value
    return figure.ci95[0 if lower else 1] if figure.ci95 else None


def _judged(
    wanted: Requirement,
    figure: Figure,
    right: float,
    by_value: bool,
    condition: str | None = None,
    words: str = "",
) -> Outcome:
    """Compare the nearer end of a figure's interval, or its value, with a number."""
    end = _end(figure, wanted.lower_end, by_value)
    if figure.value is None or end is None:
        missing = f"the run has no {wanted.figure}" if figure.value is None else NO_INTERVAL
        return _failed(wanted, missing, figure)
    met = HOLDS[wanted.sign](end, right)
    shown, which = f"{words or wanted.figure} {figure.value:.6g}", "the value"
    if figure.ci95:
        shown += f" ({figure.ci95[0]:.4g} to {figure.ci95[1]:.4g})"
        which = f"the {'lower' if wanted.lower_end else 'upper'} end of the interval"
    limit = f"{right:.6g}" + (f", that of {condition}" if condition and not words else "")
    reason = f"{shown}; {which}, {end:.6g}, must be {wanted.sign} {limit}"
    return Outcome(wanted.text, met, figure.value, figure.ci95, end, right, condition, reason)


def _failed(wanted: Requirement, reason: str, figure: Figure = Figure(None)) -> Outcome:  # noqa: B008
    return Outcome(wanted.text, False, figure.value, figure.ci95, None, None, None, reason)


def unmet(judged: Sequence[Outcome]) -> Iterator[str]:
    """A line for each requirement that is not met."""
    for outcome in judged:
        if not outcome.met:
            yield f"not met: {outcome.requirement}: {outcome.reason}"
