"""Statistics of conditions: for each quantity one row a picture, or a group of many pictures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from workbench.arrays import Array, array_namespace, device, to_numpy
from workbench.arrays.devices import placed
from workbench.evaluate.groups import copies, items_of
from workbench.hosts.output import ClassOutput, Quantity
from workbench.splice.conditions import ConditionFacts

MOMENTS = (
    "n",
    "value",
    "trained",
    "value2",
    "trained2",
    "product",
)  # sums over a picture's cells, of each unit
SAMPLED = 32  # cells a picture kept for rank statistics
# sampled cells of all pictures together that are held: of more than 500 pictures fewer of each
RANKED_ROWS = 16_000
RANKED = ("natural", "spliced")  # the conditions whose units are compared by rank
Row = Mapping[
    str, Array
]  # quantity -> of every picture of a batch, in the library of the arrays that it was taken of


@dataclass(frozen=True)
class Statistics:
    """Streamed results, in NumPy or any one array library.

    Only the names of pictures, six figures a condition and three of each unit grow with the number
    of pictures; beyond RANKED_ROWS pictures a sampled cell of each too.

    rows[condition][quantity] has one row a picture:
        the output's  those of `quantities`, as `Output.statistics` computes them: kl, agreement,
                   top1 and top5 of class logits; nan where they are not known
        consumer   squared distance from natural at the site after the deepest spliced one, over the
                   squared norm there; nan where the natural activation is zero everywhere
        changed    largest difference of a replaced unit from its trained activation: the proof that
                   the splice fired
        misses     `unit 2`, sums over the cells of the squared difference from the trained
                   activation and of its own square; "spliced" alone
        sample     `cell unit`, the condition's values at the sampled cells, fewer of many pictures;
                   without cells but of RANKED conditions
    and one row a group of pictures (`evaluate.groups`), of few pictures each:
        moments    `unit 6`, MOMENTS of the condition's values and the trained ones
    `peak` is each trained unit's highest activation on each picture. `units` are written
    `site:channel`, circuit after circuit. `quantities` are those of the host's output,
    `conditions` the facts of each condition.
    """

    names: tuple[str, ...]
    sha256s: tuple[str, ...]
    units: tuple[str, ...]
    level: Float[Array, " unit"]
    peak: Float[Array, "picture unit"]
    rows: Mapping[str, Row]
    quantities: tuple[Quantity, ...] = ClassOutput.quantities
    conditions: Mapping[str, ConditionFacts] = field(default_factory=dict)

    @property
    def fires(self) -> Bool[Array, " picture"]:
        """Whether the trained circuit fires on a picture: a unit exceeds half of its peak.

        The peak is that of the calibration pictures.
        """
        return array_namespace(self.peak).any(self.peak > self.level, axis=1)

    @cached_property
    def items(self) -> Int[np.ndarray, " picture"] | None:
        """The index of each picture's content; None where no picture has a copy."""
        return items_of(self.sha256s) if copies(self.sha256s) else None

    @property
    def labelled(self) -> int:
        """How many pictures have a label that the host knows; 0 where its output needs none."""
        needing = [quantity.name for quantity in self.quantities if quantity.needs_target]
        if not needing:
            return 0
        row = self.rows["natural"][needing[0]]
        return int(array_namespace(row).count_nonzero(array_namespace(row).isfinite(row)))

    def on(self, device: str) -> "Statistics":
        """The same statistics in that device's array library; evaluation gives NumPy's."""
        rows = {
            name: {key: placed(row, device) for key, row in quantities.items()}
            for name, quantities in self.rows.items()
        }
        return replace(
            self, level=placed(self.level, device), peak=placed(self.peak, device), rows=rows
        )

    def parts(self, counts: Sequence[int]) -> list["Statistics"]:
        """The statistics of each circuit alone, whose units are `counts` of these in turn.

        Quantities of the network stay.
        """
        ends = np.cumsum([0, *counts])
        return [self._of(slice(int(first), int(last))) for first, last in pairwise(ends)]

    def _of(self, units: slice) -> "Statistics":
        part = {"moments": np.s_[:, units], "misses": np.s_[:, units], "sample": np.s_[:, :, units]}
        rows = {
            name: {key: row[part[key]] if key in part else row for key, row in quantities.items()}
            for name, quantities in self.rows.items()
        }
        return replace(
            self,
            units=self.units[units],
            level=self.level[units],
            peak=self.peak[:, units],
            rows=rows,
        )


def positions(activation: Float[Array, "n unit *position"]) -> tuple[int, ...]:
    """The axes of an activation along which its positions lie."""
    return tuple(range(2, activation.ndim))


def unit_statistics(
    value: Float[Array, "n unit *position"],
    trained: Float[Array, "n unit *position"],
    sampled: Sequence[int] = (),
) -> Row:
    """changed, moments and sample; `sampled` are positions, counted through all axes."""
    xp = array_namespace(value, trained)
    a, b = xp.astype(value, xp.float64), xp.astype(trained, xp.float64)
    chosen = xp.asarray(sampled, dtype=xp.int64, device=device(a))
    flat = xp.reshape(value, (*value.shape[:2], -1))
    return {
        "changed": xp.max(xp.abs(a - b), axis=(1, *positions(a))),
        "moments": unit_moments(a, b),
        "sample": xp.permute_dims(xp.take(flat, chosen, axis=2), (0, 2, 1)),
    }


def unit_moments(
    value: Float[Array, "n unit *position"], trained: Float[Array, "n unit *position"]
) -> Float[Array, "n unit 6"]:
    """MOMENTS of the values and the trained ones over all positions, in float64."""
    xp = array_namespace(value, trained)
    a, b = (xp.astype(values, xp.float64, copy=False) for values in (value, trained))
    count = float(math.prod(a.shape[2:]))
    n = xp.full(a.shape[:2], count, dtype=a.dtype, device=device(a))
    sums = (xp.sum(product, axis=positions(a)) for product in (a, b, a * a, b * b, a * b))
    return xp.stack([n, *sums], axis=2)


def misses(moments: Float[np.ndarray, "picture unit 6"]) -> Float[np.ndarray, "picture unit 2"]:
    """Sums of the squared difference from the trained activation, and of its square; float32.

    Both are sums over the positions of a picture.
    """
    sums = dict(zip(MOMENTS, np.moveaxis(moments, -1, 0), strict=True))
    return np.stack(
        [sums["value2"] - 2 * sums["product"] + sums["trained2"], sums["trained2"]], axis=2
    ).astype(np.float32)


def squares(activation: Float[Array, "n c *position"]) -> Float[Array, " n"]:
    """Sum of squares of each picture."""
    xp = array_namespace(activation)
    axes = (1, *positions(activation))
    return xp.sum(xp.square(activation), axis=axes, dtype=xp.float64)


def share_changed(
    changed: Float[Array, "n c *position"], natural_squares: Float[Array, " n"]
) -> Float[Array, " n"]:
    """Squared norm of a change over the natural one.

    It is nan where the natural activation is zero everywhere, infinite where one is not finite.
    """
    xp = array_namespace(changed, natural_squares)
    zero = natural_squares == 0
    size = squares(changed)
    share = xp.where(zero, xp.nan, size / xp.where(zero, 1.0, natural_squares))
    return xp.where(xp.isfinite(size + natural_squares), share, xp.inf)


def in_numpy(row: Row) -> dict[str, np.ndarray]:
    """The same quantities as NumPy arrays, as rows are kept."""
    return {quantity: to_numpy(values) for quantity, values in row.items()}


def side_by_side(circuits: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Unit statistics of several circuits as those of one; `changed` is the largest of theirs."""
    return {
        "changed": np.max([circuit["changed"] for circuit in circuits], axis=0),
        "moments": np.concatenate([circuit["moments"] for circuit in circuits], axis=1),
        "sample": np.concatenate([circuit["sample"] for circuit in circuits], axis=2),
    }
