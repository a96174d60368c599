"""Activation of trained units, of a theory, and of everything else at the site, on pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from workbench.evaluate.calibration import stream_inputs
from workbench.hosts.host import Host
from workbench.splice.calibrate import Splices
from workbench.splice.inputs import Wanted
from workbench.vision.pictures import Picture
from workbench.work import Work

CELLS = 256  # random ones of each picture: every share is a mean over cells, and thousands fix it
WANTED = Wanted(circuits=frozenset({"spliced"}), reads=frozenset({"site"}))


@dataclass(frozen=True)
class Firing:
    """Random cells of pictures, one row a cell.

    picture, cell  index of the picture, and of the cell in its map, row by row
    trained        the units' activation
    theory         the handwritten units' activation in the same cell, gain and bias calibrated: the
                   value that is spliced
    around         trained activation of every channel of the site
    """

    picture: Int[np.ndarray, " row"]
    cell: Int[np.ndarray, " row"]
    trained: Float[np.ndarray, "row unit"]
    theory: Float[np.ndarray, "row unit"]
    around: Float[np.ndarray, "row c"]


def firing(host: Host, splices: Splices, pictures: Sequence[Picture], work: Work) -> Firing:
    """The same number of random cells of every picture."""
    count = host.site(splices.site).layout.positions
    progress = work.stage("pictures", len(pictures))
    generator, parts, start = np.random.default_rng(work.seed), [], 0
    for inputs in stream_inputs(host, splices.circuits, pictures, work, WANTED, progress):
        batch = len(inputs.trained)
        cells = np.stack([generator.permutation(count)[:CELLS] for _ in range(batch)])
        theory = splices.conditions["spliced"](inputs)
        values = inputs.trained, theory, inputs.given("site")
        picture = np.repeat(start + np.arange(batch), cells.shape[1])
        parts.append((picture, cells.ravel(), *(_at(value, cells) for value in values)))
        start += batch
    return Firing(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _at(
    activation: Float[Tensor, "n c h w"], cells: Int[np.ndarray, "n cell"]
) -> Float[np.ndarray, "row c"]:
    """The cells of each picture, picture after picture."""
    flat = activation.flatten(2).movedim(1, 2).numpy()
    return np.take_along_axis(flat, cells[:, :, None], 1).reshape(-1, flat.shape[2])
