"""How a circuit is run: each read by the cheapest convolutions that say the same, and what equal layers of several circuits say only once.

A read's weight `out in kh kw` may be written in three ways; which one is chosen by counted multiplications at one cell:

    dense      as it is, without rims of zeros
    apart      where every filter is one pattern over the taps times one direction over the channels, as a Gabor's colour is: the channels are
               mixed into the few directions first, and each pattern reads one of them
    low rank   where filters are sums of fewer, as opposite phases are one filter and its negative: those few, then a mixture (by singular values)

A read that is equal only nearly is dense: what is left out is below EXACT roundings of the weight's own type (in float64, below what the
decomposition rounds by itself), times the largest singular value.
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
DECOMPOSED = 1e-14  # what float64 singular vectors of equal patterns differ by: 10 roundings were seen, 45 are taken
KERNELS = 256  # layers whose kernels are kept: as many as a frontier of a dozen theories and their controls has
_PLANNING = threading.Lock()  # of the one thread that looks for a layer's kernels, or makes them
_KERNELS: dict[str, tuple["Kernel", ...]] = {}  # by the layer's key, so that a weight that was written into is another


@dataclass(frozen=True)
class Kernel:
    """`mixed` upstream channels (None: as they are) are read by `weight`, in `groups`, and what that says is mixed by `after` (None: as it is).

    `order[i]` is where unit i's answer then stands (None: in its place). `cost` are multiplications at one cell of the answer.
    """

    weight: Float[Tensor, "d e kh kw"]
    cost: float
    mixed: Float[Tensor, "e in"] | None = None
    groups: int = 1
    after: Float[Tensor, "out d"] | None = None
    order: Int[Tensor, " out"] | None = None


def cheapest(weight: Float[Tensor, "out in kh kw"], stride: int) -> Kernel:
    """The cheapest kernel that says what `weight` says; `stride` in upstream cells. No gradient flows."""
    kept = _cropped(weight.detach().double())
    within = max(EXACT * torch.finfo(weight.dtype).eps, DECOMPOSED)
    found = [Kernel(kept, kept.numel()), _apart(kept, stride, within), _low_rank(kept, within)]
    best = min((kernel for kernel in found if kernel), key=lambda kernel: kernel.cost)
    return best


def _cropped(weight: Tensor) -> Tensor:
    """Without rims of zeros, the same number on all four sides."""
    while weight.shape[-1] > 1:
        inner = weight[:, :, 1:-1, 1:-1]
        if inner.abs().sum() != weight.abs().sum():
            break
        weight = inner
    return weight


def _apart(weight: Tensor, stride: int, within: float) -> Kernel | None:
    """One pattern and one direction for each filter, the same number of filters for each direction."""
    if weight.shape[1] == 1:
        return None
    u, s, vh = torch.linalg.svd(weight.flatten(2), full_matrices=False)
    if (s[:, 1:] > within * s.max()).any():
        return None
    directions, of = _distinct(u[:, :, 0], within)
    counts = torch.bincount(of)
    if (counts != counts[0]).any():
        return None
    by_direction = torch.argsort(of, stable=True)
    strength = s[:, 0] * torch.einsum("oc,oc->o", u[:, :, 0], directions[of])
    pattern = (strength[:, None] * vh[:, 0])[by_direction].unflatten(1, weight.shape[2:])[:, None]
    cost = directions.numel() * stride**2 + pattern.numel()
    order = torch.argsort(by_direction)
    return Kernel(pattern, cost, directions, len(directions), order=None if torch.equal(order, torch.arange(len(order))) else order)


def _distinct(rows: Tensor, within: float) -> tuple[Tensor, Tensor]:
    """The distinct rows of unit length, a row and its negative being one, and which of them each row is."""
    found: list[Tensor] = []
    of = []
    for row in rows:
        same = [i for i, other in enumerate(found) if min((row - other).norm(), (row + other).norm()) < within]
        of.append(same[0] if same else len(found))
        if not same:
            found.append(row)
    return torch.stack(found), torch.tensor(of)


def _low_rank(weight: Tensor, within: float) -> Kernel:
    u, s, vh = torch.linalg.svd(weight.flatten(1), full_matrices=False)
    rank = max(1, int((s > within * s.max()).sum()))
    few = (s[:rank, None] * vh[:rank]).unflatten(1, weight.shape[1:])
    return Kernel(few, few.numel() + rank * len(weight), after=u[:, :rank])


@dataclass(frozen=True)
class Reading:
    """Reads of one layer that are one convolution: their sources lie on the same cells and are seen through the same taps."""

    sources: tuple[str, ...]
    kernel: Kernel


@dataclass(frozen=True)
class Planned:
    """A layer, its readings, and what it is known by: two layers with the same key say the same to the same pictures.

    `stands[i]` is where unit i stands in what the layer says (None: in its place); whatever reads the layer knows.
    """

    layer: Layer
    readings: tuple[Reading, ...]
    key: str
    stands: Int[Tensor, " out"] | None

    def in_order(self, said: Float[Tensor, "n out h w"]) -> Float[Tensor, "n out h w"]:
        """What the layer says, every unit in its place, for who does not know the plan."""
        return said if self.stands is None else said[:, self.stands]


def plan(circuit: HandwrittenCircuit) -> tuple[Planned, ...]:
    """How each layer of a circuit is run. What is costly about it is done once for equal layers."""
    grids = {"input": 1} | {layer.family: layer.grid_px for layer in circuit.layers}
    stands: dict[str, Tensor | None] = {}
    found = []
    for layer, key in zip(circuit.layers, layer_keys(circuit), strict=True):
        alike = _alike(layer, grids)
        with _PLANNING:
            if key not in _KERNELS:
                while len(_KERNELS) >= KERNELS:
                    _KERNELS.pop(next(iter(_KERNELS)))
                _KERNELS[key] = tuple(_kernel(reads, layer, grids, stands) for reads in alike)
            kernels = _KERNELS[key]
        readings = tuple(Reading(tuple(read.source for read in reads), kernel) for reads, kernel in zip(alike, kernels, strict=True))
        # Several readings are added unit by unit, and what normalises needs its axes. Where the layer is in the circuit does not matter: one of the
        # same key may be elsewhere in another.
        as_read = len(readings) == 1 and layer.normalise is None
        stands[layer.family] = kernels[0].order if as_read else None
        found.append(Planned(layer, readings, key, stands[layer.family]))
    return tuple(found)


def layer_keys(circuit: HandwrittenCircuit) -> tuple[str, ...]:
    """What each layer of a circuit is known by: its content as it is now, and that of the layers that it reads."""
    keys: dict[str, str] = {}
    for layer in circuit.layers:
        keys[layer.family] = _key(layer, keys, repr(circuit.grid))
    return tuple(keys.values())


def _alike(layer: Layer, grids: dict[str, int]) -> list[list[Read]]:
    """Reads that can be one convolution; a site of the host is read by itself."""
    together: dict[object, list[Read]] = {}
    for read in layer.reads:
        together.setdefault((grids.get(read.source, read.source), read.source == "input", read.weight.shape[-1]), []).append(read)
    return list(together.values())


def _kernel(reads: Sequence[Read], layer: Layer, grids: dict[str, int], stands: dict[str, Tensor | None]) -> Kernel:
    weight = torch.cat([_standing(torch.as_tensor(read.weight), stands.get(read.source)) for read in reads], 1)
    stride = max(1, layer.stride_px // grids.get(reads[0].source, layer.stride_px))
    return cheapest(weight, stride)


def _standing(weight: Float[Tensor, "out in kh kw"], stands: Int[Tensor, " in"] | None) -> Float[Tensor, "out in kh kw"]:
    """The same weight, for units that stand elsewhere."""
    return weight if stands is None else weight[:, torch.argsort(stands)]


def _key(layer: Layer, above: dict[str, str], grid: str) -> str:
    digest = hashlib.sha256(repr((grid, layer.stride_px, layer.full, layer.pool, tuple(layer.units.shape.items()))).encode())
    constants = [layer.threshold, layer.ideal, layer.normalise.floor if layer.normalise else 0.0]
    digest.update(repr(([float(value) for value in constants], layer.normalise.axis if layer.normalise else "")).encode())
    for read in layer.reads:
        weight = torch.as_tensor(read.weight).detach()
        digest.update(f"{above.get(read.source, read.source)} {tuple(weight.shape)} {weight.dtype}\n".encode())
        digest.update(weight.contiguous().numpy().tobytes())
    return digest.hexdigest()
