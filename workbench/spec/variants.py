"""Variants of a theory: the changed theory, and its faults at the variant's own keys."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from workbench.errors import closest
from workbench.spec.language import Theory, Variant
from workbench.spec.problems import Fault, Path, key_text

KEY = re.compile(r"\[\d+\]|[^.\[\]]+")


def with_set(theory: Theory, name: str, variant: Variant) -> tuple[dict[str, Any], list[Fault]]:
    """The plain values of the theory with those that the variant sets.

    Also a fault for each key that the theory does not have.
    """
    values = theory.model_dump(by_alias=True, exclude_unset=True, exclude={"variants", "claims"})
    unknown: list[str] = []
    for key, value in variant.set.items():
        path = path_of(key)
        if path and key_text(path) == key and _has_place(values, path):
            values = _with(values, path, value)
        else:
            unknown.append(key)
    return values, _unknown(theory, name, unknown)


def at_variant(name: str, variant: Variant, wrong: Iterable[Fault]) -> list[Fault]:
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


def _set_at(variant: Variant, path: Path) -> Path:
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
    return path[0] == "families" and (optional or _has(values, path[-1]))


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


def _unknown(theory: Theory, name: str, keys: Iterable[str]) -> list[Fault]:
    keys = tuple(keys)
    dumped = theory.model_dump(by_alias=True, exclude_unset=True, include={"families"})
    known = list(map(key_text, _paths(dumped))) if keys else []
    near = {key: closest(key, known) for key in keys}
    return [
        Fault(
            ("variants", name, "set", key),
            "a key that the theory does not have",
            "a key of its families",
            f"Did you mean {near[key]!r}?" if near[key] else "",
        )
        for key in keys
    ]


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
