"""Edits of a text, counted as a browser counts: in UTF-16 units."""

from collections.abc import Sequence
from itertools import takewhile

UTF16, BYTES = "utf-16-le", 2  # of a unit

Change = Sequence[int | Sequence[int | str]]


def edited(text: str, change: Change) -> str:
    """The text after a change, in the form of CodeMirror's `ChangeSet.toJSON`.

    A number is how many units stay; in a list it is how many units go, and the lines that take
    their place follow. Raises ValueError for a change of a text of another length.
    """
    units, parts, start = text.encode(UTF16, "surrogatepass"), [], 0
    for part in change:
        length, *lines = [part] if isinstance(part, int) else part
        end = start + BYTES * int(length)
        stays = units[start:end] if isinstance(part, int) else b""
        parts.append(stays or "\n".join(map(str, lines)).encode(UTF16, "surrogatepass"))
        start = end
    if start != len(units):
        raise ValueError(f"a change of {start // BYTES} units, not {len(units) // BYTES}")
    return b"".join(parts).decode(UTF16, "surrogatepass")


def difference(before: str, after: str) -> tuple[int, int, str]:
    """Where two texts differ, as one edit: the units from and to, and the text in their place."""
    start = _common(before, after)
    kept = _common(before[start:][::-1], after[start:][::-1])
    stop = len(before) - kept
    return _units(before[:start]), _units(before[:stop]), after[start : len(after) - kept]


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with together."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _units(text: str) -> int:
    return len(text.encode(UTF16, "surrogatepass")) // BYTES
