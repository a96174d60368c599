"""Work of one picture beside that of another: decoding, hashing, reading and writing files let go of Python's lock."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Found = TypeVar("Found")


def each_in_threads(function: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
    """`function` of every item, in their order, in as many threads as torch computes with. Raises what the first item that fails raises."""
    threads = torch.get_num_threads()
    if threads == 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))
