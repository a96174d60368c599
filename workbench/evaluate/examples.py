"""Examples: the pictures on which a handwritten unit agrees best with an active trained one, and where it fails worst."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8

from workbench.arrays import to_numpy
from workbench.evaluate.run import donor_of
from workbench.evaluate.statistics import Statistics
from workbench.hosts.host import Host, Site
from workbench.pictures import Picture, batch
from workbench.pictures.window import window
from workbench.splice.calibrate import Splices
from workbench.splice.scene import scene

AROUND = 7  # cells to each side of the cell that an example is about
UNITS = 3  # the unit that agrees best with its trained one, the middle one, and the worst
Kind = Literal["best", "worst"]


@dataclass(frozen=True)
class Example:
    """One picture around one place.

    unit     as `mixed3b:384`
    kind     "best": trained and handwritten agree where the trained unit is active; "worst": they differ most
    picture  its name
    rgb      the picture as the host saw it; beyond its edge, the colour that the host's zero padding has
    trained, handwritten   activation on the cells that `rgb` covers
    """

    unit: str
    kind: Kind
    picture: str
    rgb: UInt8[np.ndarray, "h w 3"]
    trained: Float[np.ndarray, "rows columns"]
    handwritten: Float[np.ndarray, "rows columns"]


def examples(
    host: Host, joint: Sequence[Splices], statistics: Statistics, pictures: Sequence[Picture], count: int = 2
) -> tuple[Example, ...]:
    """`count` pictures of each kind for each of UNITS units of every circuit, best unit first; only these pictures are run again.

    `pictures` are those of `statistics`, in any order. Raises KeyError if a chosen picture is not among them.
    """
    known = {picture.sha256: picture for picture in pictures}
    return tuple(
        _example(host, splices, known[own.sha256s[row]], unit, kind)
        for splices, own in zip(joint, statistics.parts([len(splices.units) for splices in joint]), strict=True)
        for unit in shown_units(own)
        for kind in ("best", "worst")
        for row in chosen(own, unit, kind, count)
    )


def shown_units(statistics: Statistics) -> list[int]:
    """Which units to show: best, middle and worst by Pearson over all pictures."""
    n, a, b, aa, bb, ab = np.moveaxis(statistics.rows["spliced"]["moments"].sum(0), -1, 0)
    spread = np.sqrt(np.maximum(n * aa - a * a, 0) * np.maximum(n * bb - b * b, 0))
    order = np.argsort(-(n * ab - a * b) / np.maximum(spread, 1e-300), kind="stable")
    return [int(order[i]) for i in dict.fromkeys((0, len(order) // 2, len(order) - 1))][:UNITS]


def chosen(statistics: Statistics, unit: int, kind: Kind, count: int) -> list[int]:
    """Rows of the pictures of one kind.

    best: least squared difference over the trained unit's own square, among the tenth of the pictures where the trained unit peaks highest;
    worst: largest squared difference, none of the best ones.
    """
    difference, own = np.moveaxis(statistics.rows["spliced"]["misses"][:, unit], -1, 0)
    active = np.argsort(-statistics.peak[:, unit], kind="stable")[: max(2 * count, len(difference) // 10)]
    share = difference[active] / np.maximum(own[active], 1e-30)
    best = [int(row) for row in active[np.argsort(share, kind="stable")]][:count]
    return best if kind == "best" else [int(row) for row in np.argsort(-difference, kind="stable") if row not in best][:count]


def _example(host: Host, splices: Splices, picture: Picture, unit: int, kind: Kind) -> Example:
    circuit = splices.circuits["spliced"]
    with torch.inference_mode():
        x = batch([picture], host.input).to(host.device)
        here = scene(host, {"spliced": circuit}, x, donor_of([picture], 1), before=False)
        values = to_numpy(splices.conditions["spliced"](here)[0, unit].float())
    trained = to_numpy(here.trained[0, unit].float())
    row, column = _place(trained if kind == "best" else np.abs(values - trained))
    about = _around(row, trained.shape[0]), _around(column, trained.shape[1])
    rgb = pixels(host.input.decode(x.cpu())[0])
    site = host.site(circuit.site)
    name = f"{circuit.site}:{circuit.units[unit]}"
    return Example(name, kind, picture.name, _patch(rgb, about, site, host.input.mean_rgb), trained[about].copy(), values[about].copy())


def pixels(rgb: Float[torch.Tensor, "3 h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """A picture to look at."""
    return rgb.permute(1, 2, 0).round().clamp(0, 255).byte().numpy()


def patch_around(
    rgb: UInt8[np.ndarray, "h w 3"], cell: tuple[int, int], site: Site, mean_rgb: Sequence[float]
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The pixels about a cell of a site, AROUND cells to each side."""
    return _patch(rgb, (_around(cell[0], site.height), _around(cell[1], site.width)), site, mean_rgb)


def _place(activation: Float[np.ndarray, "h w"]) -> tuple[int, int]:
    row, column = np.unravel_index(int(activation.argmax()), activation.shape)
    return int(row), int(column)


def _around(at: int, size: int) -> slice:
    """`2 AROUND + 1` cells with `at` in the middle, moved inside where the edge is near."""
    first = min(max(at - AROUND, 0), max(size - 2 * AROUND - 1, 0))
    return slice(first, min(first + 2 * AROUND + 1, size))


def _patch(rgb: np.ndarray, about: tuple[slice, slice], site: Site, mean_rgb: Sequence[float]) -> np.ndarray:
    """The pixels that the cells stand on: each cell a square of the stride about its centre."""
    first = site.offset_px - site.stride_px // 2
    rows, columns = (slice(first + site.stride_px * cells.start, first + site.stride_px * cells.stop) for cells in about)
    return window(rgb, rows, columns, mean_rgb)
