"""The changes of a theory's text since it was saved, in one line."""

import difflib

from workbench.spec import numbers
from workbench.spec.problems import key_text
from workbench.studio.draft import AnySpec

LISTED = 3  # numbers that are named


def changed(saved: AnySpec | None, now: AnySpec | None, saved_text: str, text: str) -> str:
    """A sentence: the numbers that differ, or how many lines do where more than numbers differ."""
    if text == saved_text:
        return "Nothing has changed since the last save."
    if (moved := _moved(saved, now)) and _same_but_numbers(saved, now):
        more = f" and {len(moved) - LISTED} more" if len(moved) > LISTED else ""
        return f"Changed since the last save: {', '.join(moved[:LISTED])}{more}."
    removed, added = _lines(saved_text, text)
    return f"Changed since the last save: {added} lines added, {removed} removed."


def _moved(saved: AnySpec | None, now: AnySpec | None) -> list[str]:
    """The numbers of both theories that differ, as `key 3 → 4`."""
    if saved is None or now is None:
        return []
    before = {path: number.tune for path, number in numbers(saved.theory)}
    after = {path: number.tune for path, number in numbers(now.theory)}
    return [
        f"{key_text(path)} {before[path]:g} → {value:g}"
        for path, value in after.items()
        if path in before and before[path] != value
    ]


def _same_but_numbers(saved: AnySpec | None, now: AnySpec | None) -> bool:
    """Whether the theories have the same families, terms and numbers, apart from their values."""
    if saved is None or now is None:
        return False
    paths = [[path for path, _ in numbers(spec.theory)] for spec in (saved, now)]
    return (
        paths[0] == paths[1] and _lines(saved.text, now.text)[0] == _lines(saved.text, now.text)[1]
    )


def _lines(before: str, after: str) -> tuple[int, int]:
    """How many lines were removed and added."""
    rows = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return (
        sum(row.startswith("- ") for row in rows),
        sum(row.startswith("+ ") for row in rows),
    )
