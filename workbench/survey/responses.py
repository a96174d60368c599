"""What a host's units answer to trials and to pictures. Activations are reduced as they come, so memory does not grow with their number."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host, Site
from workbench.pictures import Picture, batch

BATCH = 24

Progress = Callable[[str, int, int], None]  # what, done, of how many


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


def moments(
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
