"""Pictures in batches: rows are computed batch by batch and put in their places in order."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from workbench.cache import Kept
from workbench.engine import Engine, Item, Result, here
from workbench.evaluate.finite import refuse_not_finite
from workbench.evaluate.groups import group_of, items_of
from workbench.progress import Progress
from workbench.vision.pictures import Picture

BATCH = 16
Rows = Mapping[str, np.ndarray]


def _all_rows(rows: Rows, start: int) -> Rows:
    return rows


def _no_sums(quantity: str) -> bool:
    return False


@dataclass(frozen=True)
class Streaming:
    """How rows are streamed.

    kept      where the rows of finished batches are read and kept, by the batch's name
    progress  called with the pictures of each batch
    engine    where batches are computed
    size      pictures of a batch
    held      what is held of a batch's rows, given the place of its first picture
    summed    whether a quantity is held as sums over groups of pictures
    units     names of the units of summed rows, for messages
    """

    kept: Kept | None = None
    progress: Progress | None = None
    engine: Engine = here
    size: int = BATCH
    held: Callable[[Rows, int], Rows] = _all_rows
    summed: Callable[[str], bool] = _no_sums
    units: Sequence[str] = ()


def streamed(
    pictures: Sequence[Picture],
    rows_of: Callable[[Sequence[Picture]], Rows],
    how: Streaming = Streaming(),
) -> dict[str, np.ndarray]:
    """The rows of all pictures, a batch at a time; `rows_of` gives those of a batch.

    The engine computes batches; this process alone puts rows in their places, in the order of the
    pictures, and keeps them, so that engines may take turns at one run. Raises WorkbenchError for
    rows that are not finite (`refuse_not_finite`).
    """
    table = _Table(pictures, how)
    waiting: deque[tuple[int, Sequence[Picture], Rows | None]] = deque()

    def place_known() -> None:
        while waiting and (rows := waiting[0][2]) is not None:
            start, batch, _ = waiting.popleft()
            table.place(start, batch, rows)

    def absent() -> Iterator[Sequence[Picture]]:
        for start, batch in batches(pictures, how.size):
            waiting.append((start, batch, how.kept.read(batch_name(batch)) if how.kept else None))
            if waiting[-1][2] is None:
                yield batch
            place_known()

    for rows in how.engine(partial(without_gradients, rows_of), absent()):
        start, batch, _ = waiting.popleft()
        refuse_not_finite(batch, rows, how.summed, how.units)
        if how.kept:
            how.kept.write(batch_name(batch), rows)
        table.place(start, batch, rows)
        place_known()
    return table.rows


class _Table:
    """The rows of all pictures, filled batch by batch; no row is held twice."""

    def __init__(self, pictures: Sequence[Picture], how: Streaming):
        self.how, self.count = how, len(pictures)
        self.group = group_of(items_of([picture.sha256 for picture in pictures]))
        self.rows: dict[str, np.ndarray] = {}

    def place(self, start: int, batch: Sequence[Picture], rows: Rows) -> None:
        at = slice(start, start + len(batch))
        for quantity, row in self.how.held(rows, start).items():
            summed = self.how.summed(quantity)
            if quantity not in self.rows:
                count = int(self.group.max()) + 1 if summed else self.count
                self.rows[quantity] = np.zeros((count, *row.shape[1:]), row.dtype)
            if summed:
                np.add.at(self.rows[quantity], self.group[at], row)
            else:
                self.rows[quantity][at] = row
        if self.how.progress:
            self.how.progress(len(batch))


def batches(pictures: Sequence[Picture], size: int = BATCH) -> list[tuple[int, Sequence[Picture]]]:
    """`size` pictures at a time, each batch with the place of its first."""
    return [(start, pictures[start : start + size]) for start in range(0, len(pictures), size)]


def without_gradients(function: Callable[[Item], Result], item: Item) -> Result:
    """`function(item)` in inference mode, on whatever machine computes it."""
    with torch.inference_mode():
        return function(item)


def donor_of(pictures: Sequence[Picture], donors: int) -> Tensor:
    """Which donor stands in on each picture; its content decides, so the batch does not matter."""
    return torch.tensor([int(picture.sha256[:12], 16) % donors for picture in pictures])


def batch_name(pictures: Sequence[Picture]) -> str:
    """The name of a batch: a hash of the content and the label of its pictures."""
    text = "".join(f"{picture.sha256} {picture.label}\n" for picture in pictures)
    return hashlib.sha256(text.encode()).hexdigest()
