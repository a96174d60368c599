"""Progress of the benchmark on standard error, one line a step."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import click


class Steps:
    """The steps of a run: how many there are of each kind, and how long the last of each took."""

    def __init__(self, counts: Mapping[str, int]):
        self.left, self.took_s = Counter(counts), dict[str, float]()
        self.total = self.left.total()

    @contextmanager
    def step(self, kind: str, what: str) -> Iterator[None]:
        """Print what begins, which step it is, and the time left; then count it as done."""
        number = self.total - self.left.total() + 1
        click.echo(f"step {number} of {self.total}, {self.time_left()}: {what}", err=True)
        start = time.monotonic()
        yield
        self.took_s[kind] = time.monotonic() - start
        self.left[kind] -= 1

    def time_left(self) -> str:
        """The time that the steps left will take, once one step of each of their kinds has run."""
        kinds = [kind for kind, count in self.left.items() if count]
        if not set(kinds) <= set(self.took_s):
            return "time left not known yet"
        seconds = sum(self.left[kind] * self.took_s[kind] for kind in kinds)
        return f"{timedelta(seconds=round(seconds))} left"
