"""Where units fire on pictures, what a theory says there, and what else the network says there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from workbench.cache import Cache
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.evaluate.run import BATCH, Progress, scenes
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.splice.calibrate import Splices

CELLS = 256  # random ones of each picture: every share is a mean over cells, and thousands fix it


@dataclass(frozen=True)
class Firing:
    """Random cells of pictures, one row a cell.

    picture, cell  index of the picture, and of the cell in its map, row by row
    trained        the units' activation
    theory         what the handwritten units say in the same cell, gain and bias calibrated: just what a splice says
    around         trained activation of every channel of the site
    """

    picture: Int[np.ndarray, " row"]
    cell: Int[np.ndarray, " row"]
    trained: Float[np.ndarray, "row unit"]
    theory: Float[np.ndarray, "row unit"]
    around: Float[np.ndarray, "row c"]


def firing(
    host: Host,
    circuits: Mapping[str, HandwrittenCircuit],
    splices: Splices,
    pictures: Sequence[Picture],
    seed: int = 0,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Firing:
    """The same number of random cells of every picture."""
    site = host.site(splices.site)
    generator, parts, start = np.random.default_rng(seed), [], 0
    for scene in scenes(host, circuits, pictures, size=BATCH, progress=progress, cache=cache, beside=True):
        count = len(scene.trained)
        cells = np.stack([generator.permutation(site.height * site.width)[:CELLS] for _ in range(count)])
        columns = [_at(value, cells) for value in (scene.trained, splices.conditions["spliced"](scene), scene.beside)]
        parts.append((np.repeat(start + np.arange(count), cells.shape[1]), cells.ravel(), *columns))
        start += count
    return Firing(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _at(activation: Float[Tensor, "n c h w"], cells: Int[np.ndarray, "n cell"]) -> Float[np.ndarray, "row c"]:
    """The cells of each picture, picture after picture."""
    flat = activation.flatten(2).movedim(1, 2).numpy()
    return np.take_along_axis(flat, cells[:, :, None], 1).reshape(-1, flat.shape[2])
