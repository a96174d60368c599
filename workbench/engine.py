"""Where batches are computed: an engine is an ordered map. This one is the process itself; `workbench.cluster` has another."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Protocol, TypeVar

MOST = 4  # items at work at once in one process: each batch needs memory of its own

Item = TypeVar("Item")
Found = TypeVar("Found")
Sent = TypeVar("Sent")


class Engine(Protocol):
    """`function` of every item, one after another in their order, as Python's own `map` gives them.

    Items may be taken some way ahead of what was given, but not all at once. Raises what the first item that fails raises.
    """

    def __call__(self, function: Callable[[Item], Found], items: Iterable[Item], /) -> Iterator[Found]: ...


def here(function: Callable[[Item], Found], items: Iterable[Item], /) -> Iterator[Found]:
    """The engine that computes in this process: as many items at once as torch has threads, MOST at the most, and each with its share of these.

    Two batches of one thread each are done sooner than one after the other with two: small layers, and all that is no layer, gain nothing from a
    second. Items are taken by the thread that asks for what is found.
    """
    import torch  # not with the command line, which says what engines there are

    threads = torch.get_num_threads()
    workers = min(threads, MOST)
    return _together(function, items, workers, threads // workers) if workers > 1 else map(function, items)


def _together(function: Callable[[Item], Found], items: Iterable[Item], workers: int, threads: int) -> Iterator[Found]:
    import torch

    def room() -> int:
        return workers + 1  # one waits, so that no worker does

    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
        yield from in_turn(items, room, lambda item: pool.submit(function, item), Future.result, Future.cancel)


def in_turn(
    items: Iterable[Item],
    room: Callable[[], int],
    send: Callable[[Item], Sent],
    received: Callable[[Sent], Found],
    drop: Callable[[Sent], object],
) -> Iterator[Found]:
    """What is received of each item that is sent, in their order, while as many as there is `room` for are under way; what is not wanted any more
    is dropped."""
    rest, under_way = iter(items), deque[Sent]()
    try:
        while True:
            under_way.extend(send(item) for item in islice(rest, max(0, room() - len(under_way))))
            if not under_way:
                return
            yield received(under_way.popleft())
    finally:
        for unwanted in under_way:
            drop(unwanted)
