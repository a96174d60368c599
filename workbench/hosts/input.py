"""How items become a network's input.

A new kind of input is a class with the members of `Input`. The loop calls only these; what draws
or looks at pictures needs a `PictureInput`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.hosts.crop import CROPS, Pixels

# Share of R, G and B in the grey of a picture: ITU-R BT.601, as in Pillow and torchvision.
LUMA = (0.299, 0.587, 0.114)
ORDERS = ("RGB", "BGR", "grey")


class Input(Protocol):
    """The facts about a network's input that the loop needs."""

    def batch(self, items: Sequence[Any]) -> Float[Tensor, "n ..."]:
        """The items as the network's input, in order."""

    def encode(self, stimuli: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """Stimuli in their natural units to the network's input."""

    def decode(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """The network's input back to natural units."""

    def example(self) -> Float[Tensor, "1 ..."]:
        """An input that the network must take, to try it on."""


class Pictured(Protocol):
    """An item that is a picture."""

    def load(self) -> Pixels:
        """Its pixels."""


@dataclass(frozen=True)
class PictureInput:
    """Pictures `n 3 size_px size_px`, each channel `(rgb 0..255 - mean_rgb) / scale_rgb`.

    mean_rgb  also the colour that the network's zero padding corresponds to
    order     of the channels, "RGB" or "BGR"; "grey" is for pictures `n 1 size_px size_px` of the
              luma 0.299 R + 0.587 G + 0.114 B, with three equal numbers as mean and as scale
    crop      "centre" takes the middle of a picture whose shorter side was scaled to 8/7 of
              `size_px` (224 of 256); "squash" scales the whole picture to a square

    Raises WorkbenchError for an unknown order, and for a grey input of a coloured mean or scale.
    """

    size_px: int
    mean_rgb: tuple[float, float, float]
    scale_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    order: str = "RGB"
    crop: str = "centre"

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise WorkbenchError(
                "host input", f"order {self.order!r}", f"one of {', '.join(ORDERS)}"
            )
        coloured = len({*self.mean_rgb}) > 1 or len({*self.scale_rgb}) > 1
        if self.order == "grey" and coloured:
            raise WorkbenchError(
                "host input",
                f"a grey input with mean_rgb {self.mean_rgb} and scale_rgb {self.scale_rgb}",
                "three equal numbers in each",
            )

    def batch(self, items: Sequence[Pictured]) -> Float[Tensor, "n 3 s s"]:
        """The pictures, cropped, as the network's input.

        Raises WorkbenchError for an unknown crop and for a picture that cannot be read any more.
        """
        if self.crop not in CROPS:
            raise WorkbenchError("host input", f"crop {self.crop!r}", f"one of {', '.join(CROPS)}")
        squares = [CROPS[self.crop](picture.load(), self.size_px) for picture in items]
        none = np.zeros((0, self.size_px, self.size_px, 3), np.uint8)
        rgb = np.stack(squares) if squares else none
        return self.encode(torch.from_numpy(rgb).permute(0, 3, 1, 2).float())

    def encode(self, stimuli: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h w"]:
        """RGB 0..255 to the network's input."""
        x = (stimuli - _column(self.mean_rgb, stimuli)) / _column(self.scale_rgb, stimuli)
        if self.order == "grey":
            return (x * _column(LUMA, x)).sum(1, keepdim=True)
        return x if self.order == "RGB" else x.flip(1)

    def decode(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 3 h w"]:
        """The network's input back to RGB 0..255; the same number three times for grey."""
        rgb = x.flip(1) if self.order == "BGR" else x
        return rgb * _column(self.scale_rgb, rgb) + _column(self.mean_rgb, rgb)

    def example(self) -> Float[Tensor, "1 c s s"]:
        """A picture of the mean colour."""
        return torch.zeros(1, 1 if self.order == "grey" else 3, self.size_px, self.size_px)


def _column(values: tuple[float, float, float], like: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=like.dtype, device=like.device)[:, None, None]
