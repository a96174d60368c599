"""Which cells of an activation see which pixels, measured on the network itself.

NaN serves as a dye: it passes through every convolution, pooling and ReLU, so a cell turns NaN
exactly if its receptive field touches a dyed pixel. Gradients would not do: an inactive ReLU or a
pixel that lost in a max pool hides parts of the field.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from workbench.errors import described

Activation = Callable[[Float[Tensor, "n 3 h w"]], Float[Tensor, "n c h2 w2"]]

ROWS, COLUMNS = 0, 1
# Pictures that run together. From 16 on torch may convolve by a Fourier transform, which would
# spread NaN to cells that do not see it.
BATCH = 4


class UnmeasurableError(ValueError):
    """The activation's cells have no measurable place in the picture."""


class Dye:
    """Pictures of one size for an activation, of which some pixels are NaN.

    cells  rows and columns of the activation

    Raises UnmeasurableError if a picture of that size does not go through.
    """

    def __init__(self, activation: Activation, size_px: int):
        self._activation, self.size_px = activation, size_px
        noise = torch.rand(3, size_px, size_px, generator=torch.Generator().manual_seed(0))
        self._picture = 255 * noise
        plain = self._run(self._picture[None], "")
        if plain.isnan().any():
            raise UnmeasurableError("it has NaN on a picture without NaN")
        self.cells: tuple[int, int] = (plain.shape[2], plain.shape[3])

    def reached(self, dyed: Bool[Tensor, "n s s"]) -> Bool[Tensor, "n h w"]:
        """The cells that see any dyed pixel, for each picture of dyed pixels."""
        return torch.cat([self._dyed(part).isnan().any(1) for part in dyed.split(BATCH)])

    def line(self, axis: int, dyed: Bool[Tensor, " pixel"]) -> Bool[Tensor, " cell"]:
        """The rows of cells that see any of these rows of pixels; or columns, of columns."""
        picture = dyed[:, None] if axis == ROWS else dyed[None, :]
        return self.reached(picture.expand(1, self.size_px, self.size_px))[0].any(1 - axis)

    def refuse_undyed(self) -> None:
        """Raise UnmeasurableError unless each number is NaN where all pixels are."""
        everywhere = self._dyed(torch.ones(1, self.size_px, self.size_px, dtype=torch.bool))
        if not everywhere.isnan().all():
            raise UnmeasurableError(
                "NaN in every pixel does not reach each number of it: some see only padding, or a "
                "stage turns NaN into numbers (nan_to_num, torch.where, a comparison)"
            )

    def _dyed(self, dyed: Bool[Tensor, "n s s"]) -> Tensor:
        return self._run(self._picture.masked_fill(dyed[:, None], torch.nan), " with NaN")

    def _run(self, pictures: Tensor, with_nan: str) -> Tensor:
        try:
            with torch.no_grad():
                return self._activation(pictures)
        except Exception as error:
            raise UnmeasurableError(
                f"a picture of {self.size_px} pixels{with_nan} does not go through "
                f"({described(error)})"
            ) from error
