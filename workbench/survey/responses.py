"""What a host's units answer to trials and to pictures. Activations are reduced as they come, so memory does not grow with their number."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host, Site
from workbench.pictures import Picture, batch
from workbench.survey.trials import DIRECTIONS_DEG, FILLS, POLARITIES, RADII_PX, STRAIGHT_RADIUS_PX, draw

BATCH = 24
CELLS_AROUND = 1  # the best of 3 x 3 cells: a unit need not like its apex on its very centre

Progress = Callable[[str, int, int], None]  # what, done, of how many


@dataclass(frozen=True)
class Responses:
    """Answers of one site's units.

    arcs      to arcs, in the order of trials' FILLS, POLARITIES, RADII_PX and DIRECTIONS_DEG
    straight  to straight contours, whose direction is the side the filling lies on
    mean, spread  of each unit over every position of the pictures
    """

    arcs: Float[np.ndarray, "fill polarity radius direction unit"]
    straight: Float[np.ndarray, "fill polarity direction unit"]
    mean: Float[np.ndarray, " unit"]
    spread: Float[np.ndarray, " unit"]


def centre_cell(site: Site) -> tuple[int, int]:
    """Row and column of the middle cell."""
    return site.height // 2, site.width // 2


def apex_of(site: Site, cell: tuple[int, int]) -> tuple[float, float]:
    """Input pixel (x, y) on which a cell (row, column) is centred."""
    return float(site.offset_px + cell[1] * site.stride_px), float(site.offset_px + cell[0] * site.stride_px)


def activations(host: Host, rgb: Float[Tensor, "n 3 h w"], sites: Iterable[str]) -> dict[str, Float[Tensor, "n c h w"]]:
    """Activations at `sites` on RGB 0..255, wherever the network lives, without gradients."""
    weight = next(host.network.parameters(), None)
    with torch.no_grad():
        seen = host.activations(host.input.encode(rgb.to("cpu" if weight is None else weight.device)), *sites)
    return {name: value.cpu() for name, value in seen.items()}


def measure(host: Host, sites: Sequence[str], pictures: Sequence[Picture], progress: Progress) -> dict[str, Responses]:
    """Responses of every unit of `sites`, which share one grid (stride, offset and size)."""
    moments = _moments(host, sites, pictures, progress)
    arcs, straight = _trials(host, sites, progress)
    return {name: Responses(arcs[name], straight[name], *moments[name]) for name in sites}


def _trials(host: Host, sites: Sequence[str], progress: Progress) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    site = host.site(sites[0])
    row, column = centre_cell(site)
    rows, columns = (slice(max(0, index - CELLS_AROUND), index + CELLS_AROUND + 1) for index in (row, column))
    radii = (*RADII_PX, STRAIGHT_RADIUS_PX)
    shape = (len(FILLS), len(POLARITIES), len(radii))
    answers = {name: np.zeros((*shape, len(DIRECTIONS_DEG), host.site(name).channels), np.float32) for name in sites}
    for done, place in enumerate(np.ndindex(shape)):
        progress("arcs", done, int(np.prod(shape)))
        fill, polarity, radius_px = FILLS[place[0]], list(POLARITIES)[place[1]], radii[place[2]]
        rgb = draw(host.input.size_px, fill, polarity, radius_px, DIRECTIONS_DEG, apex_of(site, (row, column)))
        for name, value in activations(host, rgb, sites).items():
            answers[name][place] = value[:, :, rows, columns].amax((2, 3)).numpy()
    progress("arcs", int(np.prod(shape)), int(np.prod(shape)))
    return {name: value[:, :, :-1] for name, value in answers.items()}, {name: value[:, :, -1] for name, value in answers.items()}


def _moments(
    host: Host, sites: Sequence[str], pictures: Sequence[Picture], progress: Progress
) -> dict[str, tuple[Float[np.ndarray, " unit"], Float[np.ndarray, " unit"]]]:
    """Mean and standard deviation of every unit over all pictures and positions."""
    sums = {name: np.zeros((3, host.site(name).channels)) for name in sites}
    for start in range(0, len(pictures), BATCH):
        progress("pictures", start, len(pictures))
        rgb = host.input.decode(batch(pictures[start : start + BATCH], host.input))
        for name, value in activations(host, rgb, sites).items():
            flat = value.double().transpose(0, 1).flatten(1)
            sums[name] += torch.stack([flat.sum(1), (flat**2).sum(1), torch.full_like(flat[:, 0], flat.shape[1])]).numpy()
    progress("pictures", len(pictures), len(pictures))
    return {
        name: (total / count, np.sqrt(np.maximum(0, squares / count - (total / count) ** 2)))
        for name, (total, squares, count) in sums.items()
    }
