"""A circuit of random weights, with every form of layer in turn."""

from typing import Any

import torch
from torch import Tensor

from workbench.compiler.circuit import Grid, Layer, Normalise, Pool, Read
from workbench.theory.poses import every_combination

AXES = {"orientation_deg": (0.0, 60.0, 120.0), "scale": (1.0, 0.7)}


def tensor(value: float) -> Tensor:
    """A number in float64, as the compiler gives it."""
    return torch.tensor(value, dtype=torch.float64)


def layer(
    family: str,
    stride_px: int,
    sources: dict[str, tuple[int, int]],
    seed: int,
    units: int | None = None,
    **more: Any,
) -> Layer:
    """A layer of random weights; `sources` gives the upstream units and the taps to each side."""
    generator = torch.Generator().manual_seed(seed)
    channels = every_combination(
        AXES if units is None else {"orientation_deg": tuple(map(float, range(units)))}
    )
    reads = [
        Read(
            source,
            torch.randn(
                len(channels),
                count,
                2 * taps + 1,
                2 * taps + 1,
                generator=generator,
                dtype=torch.float64,
            ),
        )
        for source, (count, taps) in sources.items()
    ]
    return Layer(
        family,
        channels,
        stride_px,
        tuple(reads),
        more.pop("threshold", tensor(0.1)),
        more.pop("ideal", tensor(1.7)),
        **more,
    )


def circuit(offset_px: int, **first: Any) -> tuple[list[Layer], Grid]:
    """Three layers on grids of 2, 4 and 8 px; the last reads both others."""
    layers = [
        layer("a", 2, {"input": (3, 2)}, seed=1, pool=Pool(1, 4), **first),
        layer("b", 4, {"a": (6, 1)}, seed=2, units=4, threshold=tensor(-0.3), ideal=tensor(9.0)),
        layer("c", 8, {"b": (4, 2), "a": (6, 1)}, seed=3, units=5, ideal=tensor(3.0)),
    ]
    return layers, Grid(size_px=41, stride_px=8, offset_px=offset_px, height=5, width=5)


PLAIN_CASES = {
    "half": {},
    "full": {"full": True},
    "normalised over orientation": {"normalise": Normalise("orientation_deg", tensor(0.5))},
    "normalised over scale": {
        "normalise": Normalise("scale", tensor(0.05)),
        "threshold": tensor(0.4),
    },
}
