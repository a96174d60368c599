"""The space in which pictures are optimised: frequencies in the colours of photographs.

Colours and frequencies are as independent in it as they are in photographs (preconditioning, Olah,
Mordvintsev & Schubert 2017, "Feature Visualization", doi 10.23915/distill.00007).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.grid import middle_px
from workbench.hosts.host import Host, Site
from workbench.vision.pictures import Picture

# Standard deviation of the first noise, before the sigmoid: it drives a unit somewhere, so that
# there is a gradient to follow.
CONTRAST = 0.3
PIXELS = 4096  # pixels of each photograph whose colours are counted


def colour_axes(pictures: Sequence[Picture], host: Host, seed: int = 0) -> Float[Tensor, "3 3"]:
    """The square root of the covariance of photographs' colours, its largest column of length 1.

    Uncorrelated numbers times this matrix vary as the colours of photographs do.
    """
    generator, pixels = np.random.default_rng(seed), []
    for picture in pictures:
        rgb = host.input.decode(host.input.batch([picture]))[0].flatten(1).T.numpy()
        pixels.append(rgb[generator.permutation(len(rgb))[:PIXELS]])
    values, axes = np.linalg.eigh(np.cov(np.concatenate(pixels).T))
    root = axes * np.sqrt(np.maximum(values, 0))
    return torch.from_numpy(root / np.linalg.norm(root, axis=0).max()).float()


@dataclass(frozen=True)
class Canvas:
    """The window of the picture that is optimised, `side_px` squared about a point.

    Around it the picture has the colour of the host's padding.
    """

    size_px: int
    side_px: int
    middle_px: tuple[int, int]
    ground_rgb: tuple[float, float, float]
    colours: Float[Tensor, "3 3"]

    def start(self, count: int, seed: int) -> Float[Tensor, "n 3 h w2 2"]:
        """The coefficients of noise whose amplitude falls as 1 / frequency."""
        shape = (count, 3, self.side_px, self.side_px // 2 + 1, 2)
        return CONTRAST * torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    def window(self, coefficients: Float[Tensor, "n 3 h w2 2"]) -> Float[Tensor, "n 3 h w"]:
        """The window of some coefficients, RGB 0..255.

        Each coefficient is divided by its frequency, as amplitudes fall in photographs (Field
        1987), and the three planes are mixed to the colours of photographs.
        """
        side = self.side_px
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
        fall = torch.from_numpy(1 / np.maximum(frequency, 1 / side)).float()
        # real and imaginary part, and the mirror image that is left out
        counted = torch.tensor([1.0, *[4.0] * (side // 2 - 1), 1.0])
        # coefficients of standard deviation 1 give pixels of standard deviation 1
        fall = fall * side / (counted * fall.square()).sum().sqrt()
        plane = torch.fft.irfft2(
            torch.view_as_complex(coefficients) * fall, (side, side), norm="ortho"
        )
        return 255 * torch.sigmoid(torch.einsum("ck,nkhw->nchw", self.colours, plane))

    def picture(self, window: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 s s"]:
        """The window within the whole picture."""
        ground = torch.tensor(self.ground_rgb)[:, None, None]
        left, top = (at - self.side_px // 2 for at in self.middle_px)
        spare = (left, self.size_px - left - self.side_px, top, self.size_px - top - self.side_px)
        return ground + F.pad(window - ground, spare)


def canvas(host: Host, site: Site, colours: Float[Tensor, "3 3"]) -> Canvas:
    """A window of the size of the receptive field of the site's middle cell.

    A field that reaches beyond the picture gets the largest square about the cell within it.
    """
    middle = tuple(map(int, middle_px(site)))
    most = 2 * min(min(at, host.picture_input.size_px - at) for at in middle)
    side = max(2, min(field_px(host, site), most) // 2 * 2)  # of one pixel there are no waves
    return Canvas(
        host.picture_input.size_px,
        side,
        (middle[0], middle[1]),
        host.picture_input.mean_rgb,
        colours,
    )


def field_px(host: Host, site: Site) -> int:
    """Side of the smallest square about the middle cell that holds all pixels which reach it.

    Pixels outside a square are set to NaN, which shows where they reach, as in `hosts.grid`.
    """
    row, column = site.height // 2, site.width // 2
    (x, y), size = map(int, middle_px(site)), host.picture_input.size_px

    def reached(reach: int) -> bool:
        picture = torch.full((1, 3, size, size), torch.nan)
        picture[:, :, max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1] = 0
        with torch.inference_mode():
            cells = host.activations(host.input.encode(picture), site.name)[site.name]
            return bool(cells[0, :, row, column].isnan().any())

    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if reached(middle) else (low, middle)
    return 2 * low + 1
