"""A space of pictures in which frequencies and colours are as independent as in photographs: where features are searched.

Olah, Mordvintsev & Schubert 2017, "Feature Visualization", doi 10.23915/distill.00007, on preconditioning.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.evaluate.turned import middle_px
from workbench.hosts.host import Host, Site
from workbench.pictures import Picture, batch

CONTRAST = 0.3  # of the start, before the sigmoid: noise that drives some unit somewhere, so that there is a slope to climb
PIXELS = 4096  # of each photograph, whose colours are counted


def colour_axes(pictures: Sequence[Picture], host: Host, seed: int = 0) -> Float[Tensor, "3 3"]:
    """The root of the covariance of photographs' colours, its largest column of length 1: uncorrelated numbers times it vary as these do."""
    generator, pixels = np.random.default_rng(seed), []
    for picture in pictures:
        rgb = host.input.decode(batch([picture], host.input))[0].flatten(1).T.numpy()
        pixels.append(rgb[generator.permutation(len(rgb))[:PIXELS]])
    values, axes = np.linalg.eigh(np.cov(np.concatenate(pixels).T))
    root = axes * np.sqrt(np.maximum(values, 0))
    return torch.from_numpy(root / np.linalg.norm(root, axis=0).max()).float()


@dataclass(frozen=True)
class Canvas:
    """The window of the picture that is painted, `side_px` squared about a point; around it is the colour of the host's padding."""

    size_px: int
    side_px: int
    middle_px: tuple[int, int]
    ground_rgb: tuple[float, float, float]
    colours: Float[Tensor, "3 3"]

    def start(self, count: int, seed: int) -> Float[Tensor, "n 3 h w2 2"]:
        """Coefficients of noise that falls as 1 / frequency."""
        shape = (count, 3, self.side_px, self.side_px // 2 + 1, 2)
        return CONTRAST * torch.randn(shape, generator=torch.Generator().manual_seed(seed))

    def window(self, coefficients: Float[Tensor, "n 3 h w2 2"]) -> Float[Tensor, "n 3 h w"]:
        """The window, RGB 0..255: coefficients over their frequency, as amplitudes fall in photographs (Field 1987), in their colours."""
        side = self.side_px
        frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
        fall = torch.from_numpy(1 / np.maximum(frequency, 1 / side)).float()
        counted = torch.tensor([1.0, *[4.0] * (side // 2 - 1), 1.0])  # real and imaginary part, and the mirror image that is left out
        fall = fall * side / (counted * fall.square()).sum().sqrt()  # so that coefficients of spread 1 give pixels of spread 1
        plane = torch.fft.irfft2(torch.view_as_complex(coefficients) * fall, (side, side), norm="ortho")
        return 255 * torch.sigmoid(torch.einsum("ck,nkhw->nchw", self.colours, plane))

    def picture(self, window: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 s s"]:
        """The window within the whole picture."""
        ground = torch.tensor(self.ground_rgb)[:, None, None]
        left, top = (at - self.side_px // 2 for at in self.middle_px)
        spare = (left, self.size_px - left - self.side_px, top, self.size_px - top - self.side_px)
        return ground + F.pad(window - ground, spare)


def canvas(host: Host, site: Site, colours: Float[Tensor, "3 3"]) -> Canvas:
    """A window of the size of the receptive field of the site's middle cell, or of the largest square about it within the picture."""
    middle = tuple(map(int, middle_px(site)))
    most = 2 * min(min(at, host.input.size_px - at) for at in middle)
    side = min(field_px(host, site), most) // 2 * 2
    return Canvas(host.input.size_px, side, (middle[0], middle[1]), host.input.mean_rgb, colours)


def field_px(host: Host, site: Site) -> int:
    """Side of the smallest square about the middle cell outside which no pixel reaches it; NaN is the dye, as in `hosts.grid`."""
    row, column = site.height // 2, site.width // 2
    (x, y), size = map(int, middle_px(site)), host.input.size_px

    def reached(reach: int) -> bool:
        picture = torch.full((1, 3, size, size), torch.nan)
        picture[:, :, max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1] = 0
        with torch.inference_mode():
            return bool(host.activations(picture, site.name)[site.name][0, :, row, column].isnan().any())

    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if reached(middle) else (low, middle)
    return 2 * low + 1
