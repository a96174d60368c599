"""Variants of a theory: the changed theory, and its faults at the variant's own keys."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from workbench.errors import closest
from workbench.spec.changes import Changed
from workbench.spec.number import listed
from workbench.spec.problems import Fault, Path, key_text

# codes of faults whose key may be meant for another one of the same mapping
NAMES = ("unknown-key", "duplicate-key", "unknown-family", "family-order", "wrong-name")
KEY = re.compile(r"\[\d+\]|[^.\[\]]+")


def with_set(families: Any, variant: Changed) -> tuple[dict[str, Any], list[str]]:
    """Plain values of families with those that the variant sets, and the keys that have no place.

    A read without its list becomes a list of one.
    """
    values, unknown = {"families": families}, []
    for key, value in variant.set.items():
        path = path_of(key)
        if path and key_text(path) == key and _has_place(values, path):
            values = _with(values, path, value)
        else:
            unknown.append(key)
    return values["families"], unknown


def with_lists(families: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of families whose every read is a list."""
    return {
        name: {**family, "reads": {source: listed(read) for source, read in reads.items()}}
        if isinstance(family, Mapping) and isinstance(reads := family.get("reads"), Mapping)
        else family
        for name, family in families.items()
    }


def own_faults(variant: Changed, wrong: Iterable[Fault], theory: Collection[Fault]) -> list[Fault]:
    """The faults of a changed theory that the theory does not have, or that the variant sets."""
    known = {fault.path for fault in theory}
    set_at = [path_of(key) for key in variant.set]
    return [
        fault
        for fault in wrong
        if fault.path not in known or any(fault.path[: len(at)] == at for at in set_at)
    ]


def at_variant(name: str, variant: Changed, wrong: Iterable[Fault]) -> list[Fault]:
    """Faults of the changed theory, each at the value that the variant sets there, if there is one.

    Other faults are placed at the variant itself.
    """
    moved = []
    for fault in wrong:
        at = _set_at(variant, fault.path)
        shown = (
            fault.found if fault.found or at else f"{key_text(fault.path)} as the variant leaves it"
        )
        moved.append(replace(fault, path=("variants", name, *at), found=shown))
    return moved


def path_of(key: str) -> Path:
    """The path that `key_text` writes as this key."""
    return tuple(int(part[1:-1]) if part.startswith("[") else part for part in KEY.findall(key))


def _set_at(variant: Changed, path: Path) -> Path:
    for key in variant.set:
        at = path_of(key)
        if all(
            a == b for a, b in zip(at, path, strict=False)
        ):  # the value, something in it, or what it is a part of
            return ("set", key, *path[len(at) :])
    return ()


def _has_place(values: Any, path: Path) -> bool:
    """Whether a value may stand at a path below the families: its parent must be there.

    A number has no parts.
    """
    for key in path[:-1]:
        if not _has(values, key):
            return False
        values = values[key]
    optional = (
        len(path) > 2
        and isinstance(values, dict)
        and "tune" not in values
        and isinstance(path[-1], str)
    )
    return path[0] == "families" and len(path) > 1 and (optional or _has(values, path[-1]))


def _has(values: Any, key: str | int) -> bool:
    if isinstance(key, int):
        return isinstance(values, tuple) and key < len(values)
    return isinstance(values, dict) and key in values and "tune" not in values


def _with(values: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    key, below = path[0], path[1:]
    if isinstance(key, int):
        return tuple(
            _with(item, below, value) if i == key else item for i, item in enumerate(values)
        )
    return {**values, key: _with(values.get(key), below, value)}


def unknown_keys(
    families: Mapping[str, Any], name: str, keys: Iterable[str], theory: Collection[Fault]
) -> list[Fault]:
    """A fault for each key that the theory does not have, unless a fault of the theory hides it."""
    values = {"families": families}
    keys = [key for key in keys if not _hidden(values, path_of(key), theory)]
    known = list(map(key_text, _paths(values))) if keys else []
    near = {key: closest(key, known) for key in keys}
    return [
        Fault(
            "unknown-key",
            ("variants", name, "set", key),
            "a key that the theory does not have",
            "a key of its families",
            f"Did you mean {near[key]!r}?" if near[key] else "",
        )
        for key in keys
    ]


def _hidden(values: Any, path: Path, theory: Iterable[Fault]) -> bool:
    """Whether the place of a path that is not there may be what a fault of the theory is about."""
    written: Path = ()
    for key in path:
        if not _has(values, key):
            break
        values, written = values[key], (*written, key)
    missing = path[len(written) : len(written) + 1]
    return any(
        fault.code == "unknown-family" and written == ("families",) and fault.path[-1:] == missing
        for fault in theory
    ) or any(
        fault.path == written if fault.code not in NAMES else fault.path[:-1] == written
        for fault in theory
    )


def _paths(values: Any, path: Path = ()) -> Iterator[Path]:
    """Every path below nested values; a number has no parts."""
    inside = (
        values.items()
        if isinstance(values, dict) and "tune" not in values
        else enumerate(values)
        if isinstance(values, tuple)
        else ()
    )
    for key, value in inside:
        yield (*path, key)
        yield from _paths(value, (*path, key))
