"""A handwritten circuit: layers of weights whose every channel has a name and a pose."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.theory.poses import Units

HOST = "host:"


def host_source(site: str) -> str:
    """The source name of a read of a host's site. No family can have such a name."""
    return HOST + site


@dataclass(frozen=True)
class Read:
    """Weights `out in kh kw` from one source.

    The source is an upstream family, the picture ("input") or a site of the host ("host:mixed3a").
    Taps are one upstream cell apart, the middle one at the unit.
    """

    source: str
    weight: Any


@dataclass(frozen=True)
class Normalise:
    """Divide by `floor` plus the mean over the units that differ only along `axis`."""

    axis: str
    floor: Any


@dataclass(frozen=True)
class Pool:
    """Maximum over `(2 taps + 1)` cells squared, on a grid of `stride_px`."""

    taps: int
    stride_px: int


@dataclass(frozen=True)
class Layer:
    """The weights and constants of one family.

    `response = max(0, drive / ideal - threshold) / (1 - threshold)`, then the pool.

    `drive` is the sum of the reads, normalised where there is a `normalise`; `ideal` is the drive
    from the family's own ideal stimulus. `full` takes the drive's absolute value. The last layer of
    a circuit gives `drive / ideal` without threshold and pool: gain and bias of each host unit are
    calibrated on it.
    """

    family: str
    units: Units
    stride_px: int
    reads: tuple[Read, ...]
    threshold: Any
    ideal: Any
    full: bool = False
    normalise: Normalise | None = None
    pool: Pool | None = None

    @property
    def grid_px(self) -> int:
        """Stride of the response in input pixels."""
        return self.pool.stride_px if self.pool else self.stride_px


@dataclass(frozen=True)
class Grid:
    """Places of the last layer's units on the host's picture: its size and the site's cells."""

    size_px: int
    stride_px: int
    offset_px: int
    height: int
    width: int


@dataclass(frozen=True)
class HandwrittenCircuit:
    """A compiled spec.

    units    the host's channels at `site` that the last layer's units replace, in order
    vectors  of units that are directions: a number for each channel of the site; `units` are then
             only labels
    """

    theory: str
    host: str
    site: str
    units: tuple[int, ...]
    grid: Grid
    layers: tuple[Layer, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    vectors: tuple[tuple[float, ...], ...] = ()

    @property
    def weights(self) -> int:
        """The number of weights."""
        return sum(math.prod(read.weight.shape) for layer in self.layers for read in layer.reads)

    @property
    def sites(self) -> tuple[str, ...]:
        """Sites of the host that the circuit reads."""
        sources = (read.source for layer in self.layers for read in layer.reads)
        return tuple(
            dict.fromkeys(
                source.removeprefix(HOST) for source in sources if source.startswith(HOST)
            )
        )

    @property
    def one_gain(self) -> bool:
        """Whether calibration fits one gain for all units in place of one for each.

        A variant may ask for it.
        """
        return self.facts.get("gain") == "shared"

    def __repr__(self) -> str:
        rows = [
            f"{self.theory} -> {self.host}:{self.site}, units {', '.join(map(str, self.units))}"
        ]
        for layer in self.layers:
            reads = ", ".join(
                f"{read.source} {'x'.join(map(str, read.weight.shape))}" for read in layer.reads
            )
            rows.append(
                f"  {layer.family}: {len(layer.units)} units every {layer.grid_px} px, "
                f"reads {reads}, threshold {float(layer.threshold):g}"
            )
        return "\n".join(rows)
