"""Residual errors: trained less handwritten activation, and the activations around them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from workbench.evaluate.calibration import stream_inputs
from workbench.hosts.host import Host
from workbench.splice.calibrate import POSITIONS, Splices
from workbench.splice.inputs import ConditionInputs, Wanted
from workbench.splice.natural import site_before
from workbench.vision.pictures import Picture
from workbench.vision.pictures.patch import patch_around, pixels
from workbench.work import Work

# cells to each side at which the site before is read: about what a unit of the next layer sees
AROUND = 2
ROWS = 12_800  # most random cells of all pictures together: bounds the memory
HIGHEST = 4  # cells of each picture, besides the random ones, where the units' error is highest


@dataclass(frozen=True)
class ResidualErrors:
    """Cells of pictures, a row each.

    residual   trained less handwritten activation of each unit
    wrong      trained less handwritten activation where the handwritten units are shuffled among
               each other and calibrated again: what a wrong theory leaves
    trained    the trained activation of each unit
    before     activation of each channel of the site before, in the square of AROUND cells to each
               side; 0 beyond the edge
    same_site  activation of each channel of the units' own site
    picture    index of the picture
    at         row and column of the cell in the picture
    """

    residual: Float[np.ndarray, "row unit"]
    wrong: Float[np.ndarray, "row unit"]
    trained: Float[np.ndarray, "row unit"]
    before: Float[np.ndarray, "row c near"]
    same_site: Float[np.ndarray, "row c2"]
    picture: Int[np.ndarray, " row"]
    at: Int[np.ndarray, "row 2"]

    @property
    def arrays(self) -> list[np.ndarray]:
        """All of its arrays, in order."""
        return [getattr(self, name) for name in ResidualErrors.__dataclass_fields__]


def residual_errors(
    host: Host,
    splices: Splices,
    pictures: Sequence[Picture],
    work: Work = Work(),  # noqa: B008 (frozen)
) -> tuple[ResidualErrors, ResidualErrors]:
    """Errors at random cells of each picture, and at its HIGHEST cells.

    The latter have the highest sum of squared residuals over the units.
    """
    generator = np.random.default_rng(work.seed)
    per_picture = min(POSITIONS, max(1, ROWS // len(pictures)))
    site = host.site(splices.site)
    cells, first = site.height * site.width, 0
    random = _Rows(len(pictures) * min(per_picture, cells))
    high_error = _Rows(len(pictures) * min(HIGHEST, cells))
    nearest = host.site(site_before(host, splices.site) or splices.site).channels
    circuits = {"spliced": splices.circuits["spliced"]}
    wanted = Wanted(reads=frozenset({"before", "site"}))
    progress = work.stage("pictures", len(pictures))
    for inputs in stream_inputs(host, circuits, pictures, Work(cache=work.cache), wanted, progress):
        with torch.inference_mode():
            residual, wrong = (
                inputs.trained - splices.conditions[name](inputs)
                for name in ("spliced", "control.permuted")
            )
        count = len(residual)
        chosen = torch.as_tensor(
            np.stack([generator.permutation(cells)[:per_picture] for _ in range(count)])
        )
        highest = residual.square().sum(1).flatten(1).topk(min(HIGHEST, cells), 1).indices
        batch = _Batch(first, residual, wrong, inputs, nearest)
        random.add(batch.at(chosen))
        high_error.add(batch.at(highest))
        first += count
    return random.errors, high_error.errors


@dataclass(frozen=True)
class _Batch:
    """The errors of a batch of pictures at all cells.

    first    index of its first picture
    nearest  channels of the site just before, which come first among those of the sites before
    """

    first: int
    residual: Float[Tensor, "n unit h w"]
    wrong: Float[Tensor, "n unit h w"]
    inputs: ConditionInputs
    nearest: int

    def at(self, cells: Int[Tensor, "n k"]) -> ResidualErrors:
        """The errors at some cells of each picture."""
        (count, per_picture), width = cells.shape, self.residual.shape[3]
        places = torch.stack([cells // width, cells % width], -1).flatten(0, 1).numpy()
        picture = np.repeat(np.arange(count), per_picture)
        return ResidualErrors(
            residual=_picked(self.residual, cells),
            wrong=_picked(self.wrong, cells),
            trained=_picked(self.inputs.trained, cells),
            before=self._around(picture, places),
            same_site=_picked(self.inputs.given("site"), cells),
            picture=self.first + picture,
            at=places,
        )

    def _around(
        self, picture: Int[np.ndarray, " row"], places: Int[np.ndarray, "row 2"]
    ) -> Float[np.ndarray, "row c near"]:
        """Activation of the site just before, around each cell."""
        before = self.inputs.given("before")[:, : self.nearest]
        padded, side = F.pad(before, (AROUND,) * 4), 2 * AROUND + 1
        return np.stack(
            [
                padded[n, :, row : row + side, column : column + side].flatten(1).numpy()
                for n, (row, column) in zip(picture, places, strict=True)
            ]
        )


def _picked(
    value: Float[Tensor, "n c h w"], cells: Int[Tensor, "n k"]
) -> Float[np.ndarray, "row c"]:
    """The values at some cells of each picture, a row each."""
    index = cells[:, None].expand(-1, value.shape[1], -1)
    return value.flatten(2).gather(2, index).movedim(1, 2).flatten(0, 1).numpy()


@dataclass
class _Rows:
    """The errors of all pictures, `count` rows that are filled batch by batch.

    No row is held twice: all of them take hundreds of megabytes.
    """

    count: int
    filled: int = 0
    arrays: tuple[np.ndarray, ...] = ()

    def add(self, batch: ResidualErrors) -> None:
        """Fill the next rows."""
        if not self.arrays:
            self.arrays = tuple(
                np.empty((self.count, *array.shape[1:]), array.dtype) for array in batch.arrays
            )
        rows = slice(self.filled, self.filled + len(batch.picture))
        for whole, part in zip(self.arrays, batch.arrays, strict=True):
            whole[rows] = part
        self.filled = rows.stop

    @property
    def errors(self) -> ResidualErrors:
        """All rows."""
        return ResidualErrors(*self.arrays)


def patches(
    host: Host,
    site: str,
    pictures: Sequence[Picture],
    places: Sequence[tuple[int, tuple[int, int]]],
) -> list[np.ndarray]:
    """RGB patches `h w 3` about cells of a site, one for each (picture, (row, column))."""
    shown = {
        index: pixels(host.input.decode(host.input.batch([pictures[index]]))[0])
        for index, _ in places
    }
    return [
        patch_around(shown[index], cell, host.site(site), host.picture_input.mean_rgb)
        for index, cell in places
    ]
