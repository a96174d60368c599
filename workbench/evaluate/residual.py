"""What a theory does not know: where the trained units differ from the handwritten ones, and what the layer before says there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from workbench.cache import Cache
from workbench.evaluate.examples import patch_around, pixels
from workbench.evaluate.run import Progress, scenes
from workbench.hosts.host import Host
from workbench.pictures import Picture, batch
from workbench.splice.calibrate import POSITIONS, Splices
from workbench.splice.natural import site_before
from workbench.splice.scene import Scene

AROUND = 2  # cells to each side at which the layer before is looked at: about what a unit of the next layer sees
ROWS = 12_800  # random cells of all pictures together, at the most: bounds the memory
LOUDEST = 4  # cells of each picture, besides the random ones, where a unit differs most


@dataclass(frozen=True)
class Remains:
    """Cells of pictures, a row each.

    residual  trained less handwritten activation of each unit
    wrong     trained less that of the handwritten units in each other's places, as loud: what a wrong theory leaves
    trained   the trained activation of each unit
    before    what each channel of the site before says in the square of AROUND cells to each side; beyond the edge 0
    beside    what each channel of the units' own site says, theirs too
    picture   which picture; `at` its row and column of cells
    """

    residual: Float[np.ndarray, "row unit"]
    wrong: Float[np.ndarray, "row unit"]
    trained: Float[np.ndarray, "row unit"]
    before: Float[np.ndarray, "row c near"]
    beside: Float[np.ndarray, "row c2"]
    picture: Int[np.ndarray, " row"]
    at: Int[np.ndarray, "row 2"]


def remains(
    host: Host,
    splices: Splices,
    pictures: Sequence[Picture],
    seed: int = 0,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> tuple[Remains, Remains]:
    """Random cells of each picture, and the LOUDEST: those where the sum of the units' squared residuals is highest."""
    generator, some = np.random.default_rng(seed), min(POSITIONS, max(1, ROWS // len(pictures)))
    random, loud, first = list[Remains](), list[Remains](), 0
    nearest = host.site(site_before(host, splices.site) or splices.site).channels
    for seen in scenes(host, {"spliced": splices.circuits["spliced"]}, pictures, progress=progress, cache=cache, beside=True):
        scene = replace(seen, before=seen.before[:, :nearest])  # of the site just before alone
        with torch.inference_mode():
            residual, wrong = (scene.trained - splices.conditions[name](scene) for name in ("spliced", "control.permuted"))
        count, _, height, width = residual.shape
        chosen = torch.as_tensor(np.stack([generator.permutation(height * width)[:some] for _ in range(count)]))
        loudest = residual.square().sum(1).flatten(1).topk(min(LOUDEST, height * width), 1).indices
        for rows, cells in ((random, chosen), (loud, loudest)):
            rows.append(_at(cells, first, residual, wrong, scene))
        first += count
    return _joined(random), _joined(loud)


def _at(
    cells: Int[Tensor, "n k"], first: int, residual: Float[Tensor, "n unit h w"], wrong: Float[Tensor, "n unit h w"], scene: Scene
) -> Remains:
    """The values at some cells of each picture."""
    (count, each), width = cells.shape, residual.shape[3]

    def picked(value: Float[Tensor, "n c h w"]) -> np.ndarray:
        return value.flatten(2).gather(2, cells[:, None].expand(-1, value.shape[1], -1)).movedim(1, 2).flatten(0, 1).numpy()

    padded, side = F.pad(scene.before, (AROUND,) * 4), 2 * AROUND + 1
    at = torch.stack([cells // width, cells % width], -1).flatten(0, 1).numpy()
    picture = np.repeat(np.arange(count), each)
    before = np.stack(
        [padded[n, :, row : row + side, column : column + side].flatten(1).numpy() for n, (row, column) in zip(picture, at, strict=True)]
    )
    return Remains(picked(residual), picked(wrong), picked(scene.trained), before, picked(scene.beside), first + picture, at)


def _joined(parts: Sequence[Remains]) -> Remains:
    return Remains(*(np.concatenate([getattr(part, name) for part in parts]) for name in Remains.__dataclass_fields__))


def patches(host: Host, site: str, pictures: Sequence[Picture], places: Sequence[tuple[int, tuple[int, int]]]) -> list[np.ndarray]:
    """RGB patches `h w 3` about cells of a site, one for each (picture, (row, column))."""
    shown = {index: pixels(host.input.decode(batch([pictures[index]], host.input))[0]) for index, _ in places}
    return [patch_around(shown[index], cell, host.site(site), host.input.mean_rgb) for index, cell in places]
