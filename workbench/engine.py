"""Where batches are computed: an engine is an ordered map. This one is the process itself; `workbench.cluster` has another."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")


class Engine(Protocol):
    """`function` of every item, one after another in their order, as Python's own `map` gives them.

    Items may be taken some way ahead of what was given, but not all at once. Raises what the first item that fails raises.
    """

    def __call__(self, function: Callable[[Item], Found], items: Iterable[Item], /) -> Iterator[Found]: ...


def here(function: Callable[[Item], Found], items: Iterable[Item], /) -> Iterator[Found]:
    """The engine that computes in this process, each item when it is asked for."""
    return map(function, items)
