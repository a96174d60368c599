"""Responses of a host's units to stimuli and to pictures.

Activations are reduced as they come, so memory does not grow with their number.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Arrays, Cache, Kept, cache_key
from workbench.code import code_version
from workbench.hosts.host import Host, Site
from workbench.hosts.named import cache_of
from workbench.progress import Counter
from workbench.vision.pictures import Picture, batch
from workbench.vision.stimuli.canvas import Point

BATCH = 24
SURVEYED = "surveyed"  # the kind of cache entry


@dataclass(frozen=True)
class Steps:
    """Runs the steps of a survey, and reports each as it is done.

    With a cache the result of each step is kept, so that an interrupted survey continues with the
    next step.
    """

    progress: Counter
    kept: Kept

    def __call__(
        self,
        stage: str,
        total: int,
        compute: Callable[[int], Arrays],
        *depends_on: object,
        size: int = 1,
    ) -> Iterator[Arrays]:
        """Results of `compute(start)` for the starts 0, `size`, 2 `size` ... below `total`.

        `stage` and `depends_on` name all that they depend on besides the host and the family: they
        are the cache key.
        """
        for start in range(0, total, size):
            self.progress(stage, start, total)
            yield self.kept.once(cache_key(stage, *depends_on, start), partial(compute, start))
        self.progress(stage, total, total)


def steps_of(host: Host, family: str, progress: Counter, cache: Cache | None) -> Steps:
    """The steps of a family's survey in a host."""
    return Steps(
        progress,
        Kept(cache_of(host.name, cache), SURVEYED, cache_key(code_version(), host.facts, family)),
    )


def centre_cell(site: Site) -> tuple[int, int]:
    """Row and column of the middle cell."""
    return site.height // 2, site.width // 2


def apex_of(site: Site, cell: tuple[int, int]) -> tuple[float, float]:
    """Input pixel (x, y) on which a cell (row, column) is centred."""
    return float(site.offset_px + cell[1] * site.stride_px), float(
        site.offset_px + cell[0] * site.stride_px
    )


def activations(
    host: Host, rgb: Float[Tensor, "n 3 h w"], sites: Iterable[str]
) -> dict[str, Float[Tensor, "n c h w"]]:
    """Activations at `sites` on RGB 0..255, on the processor and without gradients.

    The network may be on any device.
    """
    weight = next(host.network.parameters(), None)
    with torch.no_grad():
        on_device = host.activations(
            host.input.encode(rgb.to("cpu" if weight is None else weight.device)), *sites
        )
    return {name: value.cpu() for name, value in on_device.items()}


def moments(
    host: Host, sites: Sequence[str], pictures: Sequence[Picture], steps: Steps
) -> dict[str, tuple[Float[np.ndarray, " unit"], Float[np.ndarray, " unit"]]]:
    """Mean and standard deviation of every unit over all pictures and positions."""

    def summed(start: int) -> Arrays:
        rgb = host.picture_input.decode(batch(pictures[start : start + BATCH], host.picture_input))
        flat = {
            name: value.double().transpose(0, 1).flatten(1)
            for name, value in activations(host, rgb, sites).items()
        }
        return {
            name: torch.stack(
                [values.sum(1), (values**2).sum(1), torch.full_like(values[:, 0], values.shape[1])]
            ).numpy()
            for name, values in flat.items()
        }

    sums = {name: np.zeros((3, host.site(name).channels)) for name in sites}
    for sums_of_batch in steps(
        "pictures",
        len(pictures),
        summed,
        sites,
        [picture.sha256 for picture in pictures],
        size=BATCH,
    ):
        for name in sites:
            sums[name] += sums_of_batch[name]
    return {
        name: (total / count, np.sqrt(np.maximum(0, squares / count - (total / count) ** 2)))
        for name, (total, squares, count) in sums.items()
    }


def best_responses(
    host: Host,
    sites: Sequence[str],
    stage: str,
    draws: Sequence[Callable[[Point], Float[Tensor, "n 3 h w"]]],
    cells_around: int,
    steps: Steps,
) -> dict[str, Float[np.ndarray, "draw picture unit"]]:
    """Highest responses near the middle cell to the pictures that each of `draws` draws there.

    They are the highest within `cells_around` cells of the middle one, of every unit of `sites`,
    which share one grid. `draws` take the pixel (x, y) on which the middle cell is centred.
    """
    site = host.site(sites[0])
    row, column = centre_cell(site)
    rows, columns = (
        slice(max(0, index - cells_around), index + cells_around + 1) for index in (row, column)
    )

    def best(i: int) -> Arrays:
        maps = activations(host, draws[i](apex_of(site, (row, column))), sites)
        return {
            name: value[:, :, rows, columns].amax((2, 3)).numpy() for name, value in maps.items()
        }

    responses = list(steps(stage, len(draws), best, sites))
    return {name: np.stack([drawing[name] for drawing in responses]) for name in sites}
