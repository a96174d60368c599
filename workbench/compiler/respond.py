"""What a handwritten circuit computes: a small network, run layer by layer on torch tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import Grid, HandwrittenCircuit, Layer, Normalise, host_source
from workbench.hosts.host import Host, Site

INPUT_UNIT = 127.5  # a circuit reads (rgb - the host's mean colour) / 127.5: about -1..1


@dataclass(frozen=True)
class Cells:
    """Cells along one side of the picture: cell i is centred on pixel `offset_px + stride_px * i`."""

    offset_px: int
    stride_px: int
    count: int


Heard = Mapping[str, tuple[Tensor, tuple[Cells, Cells]]]  # a source that is no family -> what it says, and on which (rows, columns)


@dataclass
class Responses:
    """What the families say so far on some pictures, each `n unit h w` on its own (rows, columns); "input" is the pictures."""

    grid: Grid
    of: dict[str, Tensor]
    cells: dict[str, tuple[Cells, Cells]]

    @classmethod
    def to(cls, picture: Float[Tensor, "n 3 h w"], grid: Grid, heard: Heard | None = None) -> "Responses":
        """To pictures in circuit units; no family has answered yet. `heard`: what the host says to them at the sites that are read."""
        rows, columns = (Cells(0, 1, size) for size in picture.shape[2:])
        picture = picture.contiguous(memory_format=torch.channels_last)
        sources: Heard = {"input": (picture, (rows, columns)), **(heard or {})}
        of = {source: said.to(picture.dtype) for source, (said, _) in sources.items()}
        return cls(grid, of, {source: cells for source, (_, cells) in sources.items()})

    def drive(self, layer: Layer, cells: tuple[Cells, Cells]) -> Tensor:
        """Sum of a layer's reads on `cells`, normalised where so stated."""
        reads = [_read(self.of[read.source], read.weight, self.cells[read.source], cells) for read in layer.reads]
        total = reads[0] if len(reads) == 1 else torch.stack(reads).sum(0)
        return _normalise(F.relu(total), layer, layer.normalise) if layer.normalise else total

    def add(self, layer: Layer) -> None:
        """The layer's response, on a grid over the whole picture that is aligned with the host's site."""
        cells = self._whole(layer.stride_px)
        drive = self.drive(layer, cells) / layer.ideal
        response = F.relu((drive.abs() if layer.full else drive) - layer.threshold) / (1 - layer.threshold)
        if layer.pool:
            pooled = self._whole(layer.pool.stride_px)
            response, cells = _pool(response, layer.pool.taps, cells, pooled), pooled
        self.of[layer.family], self.cells[layer.family] = response, cells

    def _whole(self, stride_px: int) -> tuple[Cells, Cells]:
        offset_px = self.grid.offset_px % stride_px
        rows, columns = (Cells(offset_px, stride_px, (size - 1 - offset_px) // stride_px + 1) for size in self.of["input"].shape[2:])
        return rows, columns


def respond(layers: Sequence[Layer], so_far: Responses) -> Float[Tensor, "n unit h w"]:
    """`drive / ideal` of the last layer on the host's own cells; families that have not answered yet are added to `so_far`."""
    for layer in layers[:-1]:
        if layer.family not in so_far.of:
            so_far.add(layer)
    return so_far.drive(layers[-1], site_cells(so_far.grid)) / layers[-1].ideal


def site_cells(grid: Grid) -> tuple[Cells, Cells]:
    """The (rows, columns) on which the last family's units stand."""
    return Cells(grid.offset_px, grid.stride_px, grid.height), Cells(grid.offset_px, grid.stride_px, grid.width)


def in_circuit_units(rgb: Float[Tensor, "n 3 h w"], mean_rgb: Sequence[float]) -> Float[Tensor, "n 3 h w"]:
    """RGB pictures 0..255 as circuits read them; `mean_rgb`, the colour of the host's padding, is 0."""
    return (rgb - torch.as_tensor(mean_rgb, dtype=rgb.dtype, device=rgb.device)[:, None, None]) / INPUT_UNIT


def in_rgb(picture: Float[Tensor, "n 3 h w"], mean_rgb: Sequence[float]) -> Float[Tensor, "n 3 h w"]:
    """Pictures in circuit units as RGB 0..255: the inverse of `in_circuit_units`."""
    return picture * INPUT_UNIT + torch.as_tensor(mean_rgb, dtype=picture.dtype, device=picture.device)[:, None, None]


def heard(host: Host, activations: Mapping[str, Float[Tensor, "n c h w"]]) -> Heard:
    """Activations at sites of the host as circuits read them."""
    return {host_source(name): (activation, cells_of(host.site(name))) for name, activation in activations.items()}


def cells_of(site: Site) -> tuple[Cells, Cells]:
    """A site's (rows, columns)."""
    return Cells(site.offset_px, site.stride_px, site.height), Cells(site.offset_px, site.stride_px, site.width)


def drives(
    circuits: Mapping[str, HandwrittenCircuit], rgb: Float[Tensor, "n 3 h w"], mean_rgb: Sequence[float], heard: Heard | None = None
) -> dict[str, Float[Tensor, "n unit h w"]]:
    """Each circuit's drive on RGB pictures 0..255, `heard` being what the host says to them. Layers that circuits share run once."""
    picture = in_circuit_units(rgb, mean_rgb)
    shared: dict[tuple[int, ...], Responses] = {}
    found = {}
    for name, circuit in circuits.items():
        below = tuple(map(id, circuit.layers[:-1]))
        if below not in shared:
            shared[below] = Responses.to(picture, circuit.grid, heard)
        found[name] = respond(circuit.layers, shared[below])
    return found


def drive(circuit: HandwrittenCircuit, rgb: Float[Tensor, "n 3 h w"], mean_rgb: Sequence[float]) -> Float[Tensor, "n unit h w"]:
    """As `drives`, of one circuit."""
    return drives({"": circuit}, rgb, mean_rgb)[""]


def _padding(taps: int, upstream: Cells, downstream: Cells) -> tuple[int, int]:
    """Cells to add (negative: to crop) before and behind, so that a strided window of `taps` to each side lands on the downstream cells."""
    first = (downstream.offset_px - upstream.offset_px) // upstream.stride_px - taps
    last = first + 2 * taps + downstream.stride_px // upstream.stride_px * (downstream.count - 1)
    return -first, last - (upstream.count - 1)


def _window(x: Tensor, taps: int, upstream: tuple[Cells, Cells], downstream: tuple[Cells, Cells]) -> Tensor:
    rows, columns = (_padding(taps, above, below) for above, below in zip(upstream, downstream, strict=True))
    return F.pad(x, (*columns, *rows))


def _read(x: Tensor, weight, upstream: tuple[Cells, Cells], downstream: tuple[Cells, Cells]) -> Tensor:
    kernel = torch.as_tensor(weight, dtype=x.dtype, device=x.device)
    window = _window(x, kernel.shape[-1] // 2, upstream, downstream)
    return F.conv2d(window, kernel, stride=downstream[0].stride_px // upstream[0].stride_px)


def _pool(x: Tensor, taps: int, upstream: tuple[Cells, Cells], downstream: tuple[Cells, Cells]) -> Tensor:
    # responses are never negative, so padding with 0 is padding with nothing
    return F.max_pool2d(_window(x, taps, upstream, downstream), 2 * taps + 1, downstream[0].stride_px // upstream[0].stride_px)


def _normalise(drive: Tensor, layer: Layer, normalise: Normalise) -> Tensor:
    axes = list(layer.units.shape)
    apart = drive.unflatten(1, tuple(layer.units.shape.values()))
    return (apart / (normalise.floor + apart.mean(1 + axes.index(normalise.axis), keepdim=True))).flatten(1, len(axes))
