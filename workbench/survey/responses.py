"""What a host's units answer to trials and to pictures. Activations are reduced as they come, so memory does not grow with their number."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Arrays, Cache, Kept, known_by
from workbench.code import computed_by
from workbench.hosts.host import Host, Site
from workbench.hosts.named import cache_of
from workbench.pictures import Picture, batch
from workbench.stimuli.canvas import Point

BATCH = 24
SURVEYED = "surveyed"  # the kind of cache entry

Progress = Callable[[str, int, int], None]  # what, done, of how many


@dataclass(frozen=True)
class Steps:
    """The steps of a survey, told as they are done; with a cache each is kept, so that an interrupted survey goes on with the next."""

    progress: Progress
    kept: Kept

    def __call__(self, what: str, total: int, found: Callable[[int], Arrays], *about: object, size: int = 1) -> Iterator[Arrays]:
        """What `found` gives for each `size` of `total`, by the first of them; `what` and `about` say all that it depends on besides the host and
        the family."""
        for start in range(0, total, size):
            self.progress(what, start, total)
            yield self.kept.once(known_by(what, *about, start), partial(found, start))
        self.progress(what, total, total)


def steps_of(host: Host, family: str, progress: Progress, cache: Cache | None) -> Steps:
    """The steps of a family's survey in a host."""
    return Steps(progress, Kept(cache_of(host.name, cache), SURVEYED, known_by(computed_by(), host.facts, family)))


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
    host: Host, sites: Sequence[str], pictures: Sequence[Picture], steps: Steps
) -> dict[str, tuple[Float[np.ndarray, " unit"], Float[np.ndarray, " unit"]]]:
    """Mean and standard deviation of every unit over all pictures and positions."""

    def summed(start: int) -> Arrays:
        rgb = host.input.decode(batch(pictures[start : start + BATCH], host.input))
        flat = {name: value.double().transpose(0, 1).flatten(1) for name, value in activations(host, rgb, sites).items()}
        return {
            name: torch.stack([each.sum(1), (each**2).sum(1), torch.full_like(each[:, 0], each.shape[1])]).numpy()
            for name, each in flat.items()
        }

    sums = {name: np.zeros((3, host.site(name).channels)) for name in sites}
    for found in steps("pictures", len(pictures), summed, sites, [picture.sha256 for picture in pictures], size=BATCH):
        for name in sites:
            sums[name] += found[name]
    return {
        name: (total / count, np.sqrt(np.maximum(0, squares / count - (total / count) ** 2)))
        for name, (total, squares, count) in sums.items()
    }


def best_answers(
    host: Host, sites: Sequence[str], what: str, draws: Sequence[Callable[[Point], Float[Tensor, "n 3 h w"]]], around: int, steps: Steps
) -> dict[str, Float[np.ndarray, "draw picture unit"]]:
    """Best answers, within `around` cells of the middle one of `sites`, which share one grid, to what each of `draws` draws there."""
    site = host.site(sites[0])
    row, column = centre_cell(site)
    rows, columns = (slice(max(0, index - around), index + around + 1) for index in (row, column))

    def best(i: int) -> Arrays:
        said = activations(host, draws[i](apex_of(site, (row, column))), sites)
        return {name: value[:, :, rows, columns].amax((2, 3)).numpy() for name, value in said.items()}

    found = list(steps(what, len(draws), best, sites))
    return {name: np.stack([each[name] for each in found]) for name in sites}
