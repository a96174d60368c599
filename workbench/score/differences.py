"""Which figures of two documents differ: the recorded score.json, and one that is computed again.

On the same machine with the same versions every figure is the same to the last bit. On another one
sums are taken in another order, and a network in float32 rounds otherwise; a difference of at most
ABSOLUTE + RELATIVE times the larger magnitude then counts as the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ABSOLUTE, RELATIVE = 1e-4, 1e-3
# what says where and when a document was made, and no figure
NO_FIGURES = ("workbench", "computed", "asked", "command", "theory.path")
ABSENT = "absent"


@dataclass(frozen=True)
class Difference:
    """A value that differs: its keys in the document, joined by dots, before and now."""

    key: str
    before: Any
    now: Any


def differences(before: Any, now: Any, exact: bool, key: str = "") -> Iterator[Difference]:
    """Every value that differs between two documents of plain values; `exact`: at all."""
    if key in NO_FIGURES:
        return
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys((*before, *now)):
            inner = f"{key}.{name}" if key else name
            yield from differences(before.get(name, ABSENT), now.get(name, ABSENT), exact, inner)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for i, values in enumerate(zip(before, now, strict=True)):
            yield from differences(*values, exact, f"{key}.{i}")
    elif not _same(before, now, exact):
        yield Difference(key, before, now)


def _same(before: Any, now: Any, exact: bool) -> bool:
    """Whether two values are the same; whole numbers, which are counts, must always be equal."""
    if exact or not (isinstance(before, float) or isinstance(now, float)):
        return before == now and isinstance(before, bool) == isinstance(now, bool)
    if not all(isinstance(value, (int, float)) for value in (before, now)):
        return False
    return abs(before - now) <= ABSOLUTE + RELATIVE * max(abs(before), abs(now))


def count(document: Any, key: str = "") -> int:
    """How many numbers of a document are compared."""
    if key in NO_FIGURES:
        return 0
    if isinstance(document, Mapping):
        return sum(
            count(value, f"{key}.{name}" if key else name) for name, value in document.items()
        )
    if isinstance(document, list):
        return sum(count(value, f"{key}.{i}") for i, value in enumerate(document))
    return int(isinstance(document, (int, float)) and not isinstance(document, bool))
