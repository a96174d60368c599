"""What evaluation hands to scoring: for every condition and quantity one row a picture, or a group of many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from workbench.arrays import Array, array_namespace, device, to_numpy
from workbench.arrays.devices import placed

MOMENTS = ("n", "value", "trained", "value2", "trained2", "product")  # sums over a picture's cells, of each unit
SAMPLED = 32  # cells a picture kept for rank statistics
RANKED_ROWS = 16_000  # sampled cells of all pictures together that are held: of more than 500 pictures fewer of each
RANKED = ("natural", "spliced")  # the conditions whose units are compared by rank
Row = Mapping[str, Array]  # quantity -> of every picture of a batch, in the library of the arrays that it was taken of


@dataclass(frozen=True)
class Statistics:
    """Streamed results, in NumPy or any one array library. What grows with the pictures are their names, six figures a
    condition, and three of each unit; beyond RANKED_ROWS pictures a sampled cell of each too.

    rows[condition][quantity] has one row a picture:
        kl         KL(natural || condition) of the class distribution, nats
        agreement  1 where the first class is the natural one
        top1 top5  1 where the label is the first class, or among the first five; nan without label
        consumer   squared distance from natural at the site after the deepest spliced one, over the squared norm there
        changed    largest difference of a replaced unit from its trained activation: the proof that the splice fired
        misses     `unit 2`, sums over the cells of the squared difference from the trained activation and of its own square; "spliced" alone
        sample     `cell unit`, the condition's values at the sampled cells, fewer of many pictures; without cells but of RANKED conditions
    and one row a group of pictures (`evaluate.groups`), of few pictures each:
        moments    `unit 6`, MOMENTS of the condition's values and the trained ones
    `peak` is each trained unit's highest activation on each picture. `units` are written `site:channel`, circuit after circuit.
    """

    names: tuple[str, ...]
    sha256s: tuple[str, ...]
    units: tuple[str, ...]
    level: Float[Array, " unit"]
    peak: Float[Array, "picture unit"]
    rows: Mapping[str, Row]

    @property
    def fires(self) -> Bool[Array, " picture"]:
        """Pictures on which the trained circuit fires: one unit exceeds half of its calibration peak."""
        return array_namespace(self.peak).any(self.peak > self.level, axis=1)

    @property
    def labelled(self) -> int:
        """Pictures with a label that the host knows."""
        top1 = self.rows["natural"]["top1"]
        return int(array_namespace(top1).count_nonzero(array_namespace(top1).isfinite(top1)))

    def on(self, device: str) -> "Statistics":
        """The same in the library that takes statistics on that device; evaluation gives NumPy's."""
        rows = {name: {key: placed(row, device) for key, row in quantities.items()} for name, quantities in self.rows.items()}
        return replace(self, level=placed(self.level, device), peak=placed(self.peak, device), rows=rows)

    def parts(self, counts: Sequence[int]) -> list["Statistics"]:
        """The same for each circuit alone, as many units of which as `counts` says, one after another. Quantities of the network stay."""
        ends = np.cumsum([0, *counts])
        return [self._of(slice(int(first), int(last))) for first, last in pairwise(ends)]

    def _of(self, units: slice) -> "Statistics":
        own = {"moments": np.s_[:, units], "misses": np.s_[:, units], "sample": np.s_[:, :, units]}
        rows = {
            name: {key: row[own[key]] if key in own else row for key, row in quantities.items()} for name, quantities in self.rows.items()
        }
        return replace(self, units=self.units[units], level=self.level[units], peak=self.peak[:, units], rows=rows)


def class_statistics(natural: Float[Array, "n classes"], logits: Float[Array, "n classes"], label: Int[Array, " n"]) -> Row:
    """kl, agreement, top1 and top5 of logits; label -1 is no label. Of equal logits the first class is ahead, and so is any that is nan."""
    xp, here = array_namespace(natural, logits, label), device(natural)
    p, q = (_log_softmax(xp.astype(each, xp.float64)) for each in (natural, logits))
    classes = xp.arange(logits.shape[1], device=here)[None, :]
    own = xp.sum(xp.where(classes == label[:, None], logits, 0.0), axis=1, keepdims=True)
    behind = (logits < own) | ((logits == own) & (classes >= label[:, None]))
    place = xp.where(label >= 0, xp.astype(xp.count_nonzero(~behind, axis=1), xp.float64), xp.nan)
    return {
        "kl": xp.clip(xp.sum(xp.exp(p) * (p - q), axis=1), min=0.0),
        "agreement": xp.astype(xp.argmax(natural, axis=1) == xp.argmax(logits, axis=1), xp.float64),
        "top1": _within(place, 1),
        "top5": _within(place, 5),
    }


def _log_softmax(logits: Float[Array, "n classes"]) -> Float[Array, "n classes"]:
    xp = array_namespace(logits)
    least = logits - xp.max(logits, axis=1, keepdims=True)
    return least - xp.log(xp.sum(xp.exp(least), axis=1, keepdims=True))


def _within(place: Float[Array, " n"], first: int) -> Float[Array, " n"]:
    """1 where the label is among the `first` classes; nan without one."""
    xp = array_namespace(place)
    return xp.where(xp.isnan(place), place, xp.astype(place < first, place.dtype))


def no_class_statistics(pictures: int) -> Row:
    """The same of a host without an output: none of it is known."""
    return {quantity: np.full(pictures, np.nan) for quantity in ("kl", "agreement", "top1", "top5")}


def unit_statistics(value: Float[Array, "n unit h w"], trained: Float[Array, "n unit h w"], cells: Sequence[int]) -> Row:
    """changed, moments and sample."""
    xp = array_namespace(value, trained)
    a, b = xp.astype(value, xp.float64), xp.astype(trained, xp.float64)
    n = xp.full(a.shape[:2], float(a.shape[2] * a.shape[3]), dtype=a.dtype, device=device(a))
    sums = (xp.sum(each, axis=(2, 3)) for each in (a, b, a * a, b * b, a * b))
    some = xp.asarray(cells, dtype=xp.int64, device=device(a))
    return {
        "changed": xp.max(xp.abs(a - b), axis=(1, 2, 3)),
        "moments": xp.stack([n, *sums], axis=2),
        "sample": xp.permute_dims(xp.take(xp.reshape(value, (*value.shape[:2], -1)), some, axis=2), (0, 2, 1)),
    }


def misses(moments: Float[np.ndarray, "picture unit 6"]) -> Float[np.ndarray, "picture unit 2"]:
    """Sums over a picture's cells of the squared difference from the trained activation, and of the trained one's square; float32."""
    sums = dict(zip(MOMENTS, np.moveaxis(moments, -1, 0), strict=True))
    return np.stack([sums["value2"] - 2 * sums["product"] + sums["trained2"], sums["trained2"]], axis=2).astype(np.float32)


def squares(activation: Float[Array, "n c h w"]) -> Float[Array, " n"]:
    """Sum of squares of each picture."""
    xp = array_namespace(activation)
    return xp.sum(xp.square(activation), axis=(1, 2, 3), dtype=xp.float64)


def in_numpy(row: Row) -> dict[str, np.ndarray]:
    """The same quantities as NumPy arrays, as rows are kept."""
    return {quantity: to_numpy(values) for quantity, values in row.items()}


def side_by_side(circuits: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Unit statistics of several circuits on the same pictures as those of one; `changed` is the largest."""
    return {
        "changed": np.max([circuit["changed"] for circuit in circuits], axis=0),
        "moments": np.concatenate([circuit["moments"] for circuit in circuits], axis=1),
        "sample": np.concatenate([circuit["sample"] for circuit in circuits], axis=2),
    }
