"""Examples: the pictures on which handwritten units agree best with trained ones, and worst."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8

from workbench.evaluate.statistics import Statistics
from workbench.hosts.host import Host
from workbench.splice.calibrate import Splices
from workbench.vision.activations import activations
from workbench.vision.pictures import Picture
from workbench.vision.pictures.patch import cells_around, patch, pixels

UNITS = 3  # the unit that agrees best with its trained one, the middle one, and the worst
ExampleKind = Literal["best", "worst"]


@dataclass(frozen=True)
class Example:
    """One picture around one place.

    unit     its name, such as `mixed3b:384`
    kind     "best": trained and handwritten agree where the trained unit is active; "worst": they
             differ most
    picture  its name
    rgb      a patch of the picture as the host reads it; beyond the picture's edge, the colour that
             the host's padding with zeros stands for
    trained, handwritten   activation on the cells that `rgb` covers
    """

    unit: str
    kind: ExampleKind
    picture: str
    rgb: UInt8[np.ndarray, "h w 3"]
    trained: Float[np.ndarray, "rows columns"]
    handwritten: Float[np.ndarray, "rows columns"]


def examples(
    host: Host,
    joint: Sequence[Splices],
    statistics: Statistics,
    pictures: Sequence[Picture],
    count: int = 2,
) -> tuple[Example, ...]:
    """`count` pictures of each kind for each of UNITS units of every circuit, best unit first.

    Only these pictures are run again. `pictures` are those of `statistics`, in any order. Raises
    KeyError if a chosen picture is not among them.
    """
    by_hash = {picture.sha256: picture for picture in pictures}
    parts = statistics.parts([len(splices.units) for splices in joint])
    return tuple(
        example_at(host, splices, by_hash[part.sha256s[row]], unit, kind)[0]
        for splices, part in zip(joint, parts, strict=True)
        for unit in shown_units(part)
        for kind in ("best", "worst")
        for row in chosen(part, unit, kind, count)
    )


def shown_units(statistics: Statistics) -> list[int]:
    """The units to show: best, middle and worst by Pearson correlation over all pictures."""
    n, a, b, aa, bb, ab = np.moveaxis(statistics.rows["spliced"]["moments"].sum(0), -1, 0)
    spread = np.sqrt(np.maximum(n * aa - a * a, 0) * np.maximum(n * bb - b * b, 0))
    order = np.argsort(-(n * ab - a * b) / np.maximum(spread, 1e-300), kind="stable")
    return [int(order[i]) for i in dict.fromkeys((0, len(order) // 2, len(order) - 1))][:UNITS]


def chosen(statistics: Statistics, unit: int, kind: ExampleKind, count: int) -> list[int]:
    """Rows of the pictures of one kind.

    best: least squared difference over the trained unit's square, among the tenth of the pictures
    where the trained unit peaks highest; worst: largest squared difference, none of the best ones.
    """
    difference, square = np.moveaxis(statistics.rows["spliced"]["misses"][:, unit], -1, 0)
    active = np.argsort(-statistics.peak[:, unit], kind="stable")[
        : max(2 * count, len(difference) // 10)
    ]
    share = difference[active] / np.maximum(square[active], 1e-30)
    best = [int(row) for row in active[np.argsort(share, kind="stable")]][:count]
    return (
        best
        if kind == "best"
        else [int(row) for row in np.argsort(-difference, kind="stable") if row not in best][:count]
    )


def example_at(
    host: Host, splices: Splices, picture: Picture, unit: int, kind: ExampleKind
) -> tuple[Example, tuple[int, int]]:
    """The example of a unit on a picture, and the site's cell (row, column) that it is about.

    best: where the trained unit is most active; worst: where both activations differ most.
    """
    circuit = splices.circuits["spliced"]
    x = host.input.batch([picture]).to(host.device)
    trained, values = (both[0, unit] for both in activations(host, splices, x))
    row, column = _place(trained if kind == "best" else np.abs(values - trained))
    about = cells_around(row, trained.shape[0]), cells_around(column, trained.shape[1])
    rgb = pixels(host.input.decode(x.cpu())[0])
    site = host.site(circuit.site)
    example = Example(
        f"{circuit.site}:{circuit.units[unit]}",
        kind,
        picture.name,
        patch(rgb, about, site, host.picture_input.mean_rgb),
        trained[about].copy(),
        values[about].copy(),
    )
    return example, (row, column)


def _place(activation: Float[np.ndarray, "h w"]) -> tuple[int, int]:
    row, column = np.unravel_index(int(activation.argmax()), activation.shape)
    return int(row), int(column)
