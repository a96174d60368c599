"""Engines: where batches are computed. An engine is an ordered map.

`here` computes in this process; `workbench.cluster` has another one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Protocol, TypeVar

MOST = 4  # items computed at once in one process: each batch takes memory

Item = TypeVar("Item")
Result = TypeVar("Result")
Sent = TypeVar("Sent")


class Engine(Protocol):
    """A map that computes several items at once and yields the results in their order."""

    def __call__(
        self, function: Callable[[Item], Result], items: Iterable[Item], /
    ) -> Iterator[Result]:
        """Yield `function` of every item, as Python's own `map`.

        Some items are taken before their turn, but not all at once. Raises the error of the first
        item that fails.
        """


def here(function: Callable[[Item], Result], items: Iterable[Item], /) -> Iterator[Result]:
    """The engine that computes in this process.

    It computes as many items at once as torch has threads, at most MOST, and each with its share of
    the threads. Two batches with one thread each finish sooner than one after the other with two,
    since small layers, and everything outside of layers, gain nothing from a second thread. Items
    are taken by the thread that asks for the results.
    """
    import torch  # not at the top: the command line imports this module to list engines

    threads = torch.get_num_threads()
    workers = min(threads, MOST)
    return (
        _together(function, items, workers, threads // workers)
        if workers > 1
        else map(function, items)
    )


def alone(function: Callable[[Item], Result], items: Iterable[Item], /) -> Iterator[Result]:
    """The engine that computes one item at a time in this process, with one thread.

    It is for items of which several take too much memory. A second thread within one item spends
    more processor time than it saves.
    """
    return _together(function, items, 1, 1)


def _together(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, threads: int
) -> Iterator[Result]:
    import torch

    def room() -> int:
        return workers + 1  # one waits, so that no worker does

    with ThreadPoolExecutor(
        workers, initializer=torch.set_num_threads, initargs=(threads,)
    ) as pool:
        yield from in_turn(
            items, room, lambda item: pool.submit(function, item), Future.result, Future.cancel
        )


def in_turn(
    items: Iterable[Item],
    room: Callable[[], int],
    send: Callable[[Item], Sent],
    received: Callable[[Sent], Result],
    drop: Callable[[Sent], object],
) -> Iterator[Result]:
    """Send each item and yield what is `received` for it, in the order of the items.

    At most `room()` items are under way at once. If the caller stops early, the items that are
    still under way are passed to `drop`.
    """
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
