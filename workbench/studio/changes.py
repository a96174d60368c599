"""The changes of a theory's text since it was saved, in one line."""

import difflib

from workbench.errors import WorkbenchError
from workbench.spec import numbers, with_tuned
from workbench.spec.problems import Path, key_text
from workbench.studio.draft import AnySpec

LISTED = 3  # numbers that are named


def changed(saved: AnySpec | None, now: AnySpec | None, saved_text: str, text: str) -> str:
    """A sentence: the numbers that differ, or how many lines do where more than numbers differ."""
    if text == saved_text:
        return "Nothing has changed since the last save."
    before, after = _numbers(saved), _numbers(now)
    moved = {path: after[path] for path in before if before[path] != after.get(path, before[path])}
    if moved and _same_but(moved, saved_text, text):
        words = [f"{key_text(path)} {before[path]:g} → {value:g}" for path, value in moved.items()]
        more = f" and {len(words) - LISTED} more" if len(words) > LISTED else ""
        return f"Changed since the last save: {', '.join(words[:LISTED])}{more}."
    removed, added = _lines(saved_text, text)
    return f"Changed since the last save: {added} lines added, {removed} removed."


def _numbers(spec: AnySpec | None) -> dict[Path, float]:
    """The tunable numbers of a theory; none of a text with problems."""
    return {path: number.tune for path, number in numbers(spec.theory)} if spec else {}


def _same_but(moved: dict[Path, float], saved_text: str, text: str) -> bool:
    """Whether the texts are the same once these numbers are."""
    try:
        return with_tuned(saved_text, moved) == with_tuned(text, moved)
    except WorkbenchError:  # such as other bounds
        return False


def _lines(before: str, after: str) -> tuple[int, int]:
    """How many lines were removed and added."""
    rows = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return (
        sum(row.startswith("- ") for row in rows),
        sum(row.startswith("+ ") for row in rows),
    )
