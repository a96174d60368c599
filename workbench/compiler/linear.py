"""The constants that a family's weights are linear in.

They are harmonics, points of a profile and single weights, each times its term's gain.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.spec.language import Number, Table, Term

NONE, ONE = Number(tune=0.0), Number(tune=1.0)


@dataclass(frozen=True)
class Constant:
    """One constant that weights are linear in.

    In `term` it is 1 and all others are 0: the weights are the sum over constants of `value` times
    the weights of `term`.

    low, high   0 where the spec's bounds, or its number where that is fixed, allow one sign only;
                else infinite
    """

    term: Term | Table
    value: float
    low: float
    high: float


def constants(term: Term | Table) -> Iterator[Constant]:
    """The constants of a term, without those that the spec fixes at 0."""
    return (constant for constant in _every(term) if constant.low < constant.high)


def _every(term: Term | Table) -> Iterator[Constant]:
    if isinstance(term, Table):
        for entry in term.weights:
            yield _constant(
                Table(weights=(entry.model_copy(update={"weight": ONE}),)), entry.weight
            )
        return
    alone = term.model_copy(update={"gain": ONE})
    if term.harmonics is not None:
        for k, number in enumerate(term.harmonics):
            harmonics = tuple(ONE if i == k else NONE for i in range(len(term.harmonics)))
            yield _constant(alone.model_copy(update={"harmonics": harmonics}), term.gain, number)
    elif term.profile is not None:
        for k, (_, number) in enumerate(term.profile):
            points = tuple(
                (off_deg, ONE if i == k else NONE) for i, (off_deg, _) in enumerate(term.profile)
            )
            yield _constant(alone.model_copy(update={"profile": points}), term.gain, number)
    else:
        yield _constant(alone, term.gain)


def _constant(term: Term | Table, *factors: Number) -> Constant:
    ends = [math.prod(corner) for corner in itertools.product(*map(_ends, factors))]
    value = math.prod(number.tune for number in factors)
    return Constant(
        term, value, 0.0 if min(ends) >= 0 else -math.inf, 0.0 if max(ends) <= 0 else math.inf
    )


def _ends(number: Number) -> tuple[float, float]:
    """The least and the greatest value that the spec allows."""
    return (
        (number.tune, number.tune)
        if number.min is None or number.max is None
        else (number.min, number.max)
    )
