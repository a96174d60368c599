"""How a computation is done: progress, cache, engine, seed and device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.arrays.devices import CPU
from workbench.engine import Engine, here
from workbench.progress import Counter, Stage, no_counter, no_stage

if TYPE_CHECKING:
    from workbench.cache import Cache


@dataclass(frozen=True)
class Work:
    """How something is computed.

    stage    `stage(name, total)` starts a progress bar and returns its `advance(steps)`
    counter  `counter(name, done, total)` sets a progress bar, and starts it at the first call
    cache    results of earlier runs are read from it and new ones written to it; None for no cache
    engine   where batches are computed (`workbench.engine`)
    seed     seed of everything random
    device   where the network runs and its statistics are computed, as torch writes it
    """

    stage: Stage = no_stage
    counter: Counter = no_counter
    cache: Cache | None = None
    engine: Engine = here
    seed: int = 0
    device: str = CPU

    def on_host(self, name: str) -> Work:
        """The same work, with the cache that may be used for that host (`cache_of`)."""
        from workbench.hosts.named import cache_of

        return replace(self, cache=cache_of(name, self.cache))

    def named(self, prefix: str) -> Work:
        """The same work, with `prefix` before the names of its stages, such as one host's name."""
        return replace(
            self,
            stage=lambda name, total: self.stage(f"{prefix}: {name}", total),
            counter=lambda name, done, total: self.counter(f"{prefix}: {name}", done, total),
        )
