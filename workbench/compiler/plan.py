"""Plans to run circuits: the cheapest equal convolutions, and equal layers of circuits once.

A read's weight `out in kh kw` may be written in three ways. The one with the fewest multiplications
at one cell is chosen:

    dense      as it is, without rims of zeros
    apart      where every filter is one pattern over the taps times one direction over the
               channels, as a Gabor's colour is: the channels are mixed into the few directions
               first, and each pattern reads one of them
    low rank   where filters are sums of fewer, as opposite phases are one filter and its negative:
               those few, then a mixture (by singular values)

A read that is only nearly of such a form is dense: the singular values left out are below EXACT
roundings of the weight's own type (in float64, below the decomposition's own rounding), times the
largest singular value.
"""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit, Layer, Read

EXACT = 4.0  # roundings of the weight's type
# difference of float64 singular vectors of equal patterns: 10 roundings were seen, 45 are allowed
DECOMPOSED = 1e-14
# layers whose kernels are kept: as many as a frontier of a dozen theories and their controls has
KERNELS = 256
_PLANNING = threading.Lock()  # held by the one thread that looks for a layer's kernels
# by the layer's key: a weight that was changed in place has another key
_KERNELS: dict[str, tuple["Kernel", ...]] = {}


@dataclass(frozen=True)
class Kernel:
    """A convolution in up to three steps.

    mixed   matrix that mixes the upstream channels first (None: they are not mixed)
    weight  the convolution of the mixed channels, in `groups`
    after   matrix that mixes its outputs (None: they are not mixed)
    order   order[i] is the position of unit i in the result (None: i)
    cost    multiplications at one cell of the result
    """

    weight: Float[Tensor, "d e kh kw"]
    cost: float
    mixed: Float[Tensor, "e in"] | None = None
    groups: int = 1
    after: Float[Tensor, "out d"] | None = None
    order: Int[Tensor, " out"] | None = None


def cheapest(weight: Float[Tensor, "out in kh kw"], stride: int) -> Kernel:
    """The cheapest kernel that computes the same as `weight`; `stride` is in upstream cells.

    No gradient flows.
    """
    kept = _cropped(weight.detach().double())
    within = max(EXACT * torch.finfo(weight.dtype).eps, DECOMPOSED)
    forms = [Kernel(kept, kept.numel()), _apart(kept, stride, within), _low_rank(kept, within)]
    return min((kernel for kernel in forms if kernel), key=lambda kernel: kernel.cost)


def _cropped(weight: Tensor) -> Tensor:
    """The weight without rims of zeros; as many are cut on all four sides."""
    while weight.shape[-1] > 1:
        inner = weight[:, :, 1:-1, 1:-1]
        if inner.abs().sum() != weight.abs().sum():
            break
        weight = inner
    return weight


def _apart(weight: Tensor, stride: int, within: float) -> Kernel | None:
    """A kernel with one pattern and one direction for each filter, or None.

    Each direction must have the same number of filters.
    """
    if weight.shape[1] == 1:
        return None
    u, s, vh = torch.linalg.svd(weight.flatten(2), full_matrices=False)
    if (s[:, 1:] > within * s.max()).any():
        return None
    directions, index = _distinct(u[:, :, 0], within)
    counts = torch.bincount(index)
    if (counts != counts[0]).any():
        return None
    by_direction = torch.argsort(index, stable=True)
    strength = s[:, 0] * torch.einsum("oc,oc->o", u[:, :, 0], directions[index])
    pattern = (strength[:, None] * vh[:, 0])[by_direction].unflatten(1, weight.shape[2:])[:, None]
    cost = directions.numel() * stride**2 + pattern.numel()
    order = torch.argsort(by_direction)
    return Kernel(
        pattern,
        cost,
        directions,
        len(directions),
        order=None if torch.equal(order, torch.arange(len(order))) else order,
    )


def _distinct(rows: Tensor, within: float) -> tuple[Tensor, Tensor]:
    """The distinct rows, and the index of each row among them.

    Rows have unit length; a row and its negative count as the same.
    """
    distinct: list[Tensor] = []
    indices = []
    for row in rows:
        same = [
            i
            for i, other in enumerate(distinct)
            if min((row - other).norm(), (row + other).norm()) < within
        ]
        indices.append(same[0] if same else len(distinct))
        if not same:
            distinct.append(row)
    return torch.stack(distinct), torch.tensor(indices)


def _low_rank(weight: Tensor, within: float) -> Kernel:
    u, s, vh = torch.linalg.svd(weight.flatten(1), full_matrices=False)
    rank = max(1, int((s > within * s.max()).sum()))
    few = (s[:rank, None] * vh[:rank]).unflatten(1, weight.shape[1:])
    return Kernel(few, few.numel() + rank * len(weight), after=u[:, :rank])


@dataclass(frozen=True)
class Reading:
    """Reads of one layer that are run as one convolution.

    Their sources have the same cells, and their weights the same taps.
    """

    sources: tuple[str, ...]
    kernel: Kernel


@dataclass(frozen=True)
class Planned:
    """A layer, its readings and its key.

    Two layers with the same key have the same responses to the same pictures. `positions[i]` is the
    position of unit i in the response of the planned layer (None: i); kernels that read the layer
    are made for these positions.
    """

    layer: Layer
    readings: tuple[Reading, ...]
    key: str
    positions: Int[Tensor, " out"] | None

    def in_order(self, response: Float[Tensor, "n out h w"]) -> Float[Tensor, "n out h w"]:
        """The planned layer's response with its units in the order of the layer."""
        return response if self.positions is None else response[:, self.positions]


def plan(circuit: HandwrittenCircuit) -> tuple[Planned, ...]:
    """Plan each layer of a circuit.

    Kernels, which are costly to find, are made once for equal layers.
    """
    grids = {"input": 1} | {layer.family: layer.grid_px for layer in circuit.layers}
    positions: dict[str, Tensor | None] = {}
    plans = []
    for layer, key in zip(circuit.layers, layer_keys(circuit), strict=True):
        grouped = _grouped(layer, grids)
        with _PLANNING:
            if key not in _KERNELS:
                while len(_KERNELS) >= KERNELS:
                    _KERNELS.pop(next(iter(_KERNELS)))
                _KERNELS[key] = tuple(_kernel(reads, layer, grids, positions) for reads in grouped)
            kernels = _KERNELS[key]
        readings = tuple(
            Reading(tuple(read.source for read in reads), kernel)
            for reads, kernel in zip(grouped, kernels, strict=True)
        )
        # The kernel's order is kept if there is one reading (several are added unit by unit) and
        # no normalisation (which needs the units' axes). It may not depend on the layer's place in
        # the circuit: a layer of the same key may be elsewhere in another circuit.
        as_read = len(readings) == 1 and layer.normalise is None
        positions[layer.family] = kernels[0].order if as_read else None
        plans.append(Planned(layer, readings, key, positions[layer.family]))
    return tuple(plans)


def layer_keys(circuit: HandwrittenCircuit) -> tuple[str, ...]:
    """The key of each layer of a circuit: a hash of its content and of the layers that it reads."""
    keys: dict[str, str] = {}
    for layer in circuit.layers:
        keys[layer.family] = _key(layer, keys, repr(circuit.grid))
    return tuple(keys.values())


def _grouped(layer: Layer, grids: dict[str, int]) -> list[list[Read]]:
    """Groups of reads that can be one convolution; each read of a host's site is its own group."""
    together: dict[object, list[Read]] = {}
    for read in layer.reads:
        together.setdefault(
            (grids.get(read.source, read.source), read.source == "input", read.weight.shape[-1]), []
        ).append(read)
    return list(together.values())


def _kernel(
    reads: Sequence[Read],
    layer: Layer,
    grids: dict[str, int],
    positions: dict[str, Tensor | None],
) -> Kernel:
    weight = torch.cat(
        [_reordered(torch.as_tensor(read.weight), positions.get(read.source)) for read in reads], 1
    )
    stride = max(1, layer.stride_px // grids.get(reads[0].source, layer.stride_px))
    return cheapest(weight, stride)


def _reordered(
    weight: Float[Tensor, "out in kh kw"], positions: Int[Tensor, " in"] | None
) -> Float[Tensor, "out in kh kw"]:
    """The same weight for upstream units at other positions."""
    return weight if positions is None else weight[:, torch.argsort(positions)]


def _key(layer: Layer, above: dict[str, str], grid: str) -> str:
    digest = hashlib.sha256(
        repr(
            (grid, layer.stride_px, layer.full, layer.pool, tuple(layer.units.shape.items()))
        ).encode()
    )
    constants = [layer.threshold, layer.ideal, layer.normalise.floor if layer.normalise else 0.0]
    digest.update(
        repr(
            ([float(value) for value in constants], layer.normalise.axis if layer.normalise else "")
        ).encode()
    )
    for read in layer.reads:
        weight = torch.as_tensor(read.weight).detach()
        digest.update(
            f"{above.get(read.source, read.source)} {tuple(weight.shape)} {weight.dtype}\n".encode()
        )
        digest.update(weight.contiguous().numpy().tobytes())
    return digest.hexdigest()
