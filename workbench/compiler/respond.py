"""What a handwritten circuit computes: a small network, run layer by layer.

The plain way, by which circuits are compiled, is written to the array API standard; the fast one, by plans, is torch's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.arrays import Array, array_like, array_namespace
from workbench.compiler.cells import Cells, channels_last, pool, read, read_by, rectified
from workbench.compiler.circuit import Grid, HandwrittenCircuit, Layer, Normalise, host_source
from workbench.compiler.plan import Planned, Reading, plan
from workbench.hosts.host import Host, Site

CHUNK = 4  # pictures: what 144 filters say at stride 2 to one is 7 MB

INPUT_UNIT = 127.5  # a circuit reads (rgb - the host's mean colour) / 127.5: about -1..1


Heard = Mapping[str, tuple[Array, tuple[Cells, Cells]]]  # a source that is no family -> what it says, and on which (rows, columns)
Known = dict[str, tuple[Tensor, tuple[Cells, Cells]]]  # a layer's key (`plan`) -> the same, on some pictures


@dataclass
class Responses:
    """What the families say so far on some pictures, each `n unit h w` on its own (rows, columns); "input" is the pictures."""

    grid: Grid
    of: dict[str, Array]
    cells: dict[str, tuple[Cells, Cells]]

    @property
    def site(self) -> tuple[Cells, Cells]:
        """The host's own cells, on which the last layer stands."""
        grid = self.grid
        return Cells(grid.offset_px, grid.stride_px, grid.height), Cells(grid.offset_px, grid.stride_px, grid.width)

    @classmethod
    def to(cls, picture: Float[Array, "n 3 h w"], grid: Grid, heard: Heard | None = None) -> "Responses":
        """To pictures in circuit units; no family has answered yet. `heard`: what the host says to them at the sites that are read."""
        rows, columns = (Cells(0, 1, size) for size in picture.shape[2:])
        sources: Heard = {"input": (channels_last(picture), (rows, columns)), **(heard or {})}
        of = {source: array_like(said, picture) for source, (said, _) in sources.items()}
        return cls(grid, of, {source: cells for source, (_, cells) in sources.items()})

    def drive(self, layer: Layer, cells: tuple[Cells, Cells]) -> Array:
        """Sum of a layer's reads on `cells`, normalised where so stated."""
        reads = [read(self.of[each.source], each.weight, self.cells[each.source], cells) for each in layer.reads]
        xp = array_namespace(*reads)
        return self._normalised(layer, reads[0] if len(reads) == 1 else xp.sum(xp.stack(reads), axis=0))

    def drive_by(self, planned: Planned, cells: tuple[Cells, Cells]) -> Tensor:
        """The same by a plan."""
        first, *more = (self._said(each, cells, planned.stands) for each in planned.readings)
        for other in more:
            first = first + other
        return self._normalised(planned.layer, first)

    def add(self, layer: Layer) -> None:
        """The layer's response, on a grid over the whole picture that is aligned with the host's site."""
        cells = self._whole(layer.stride_px)
        drive = self.drive(layer, cells)
        size, cells = self._pooled(layer, array_namespace(drive).abs(drive) if layer.full else drive, cells)
        ideal, threshold, above = (array_like(constant, size) for constant in (layer.ideal, layer.threshold, 1 - layer.threshold))
        self.of[layer.family], self.cells[layer.family] = rectified(size / ideal - threshold) / above, cells

    def add_by(self, planned: Planned) -> None:
        """The same by a plan, in place; units stand where the plan says."""
        layer, cells = planned.layer, self._whole(planned.layer.stride_px)
        drive = self.drive_by(planned, cells)
        size, cells = self._pooled(layer, drive.abs_() if layer.full else drive, cells)
        response = size.div(layer.ideal).sub_(layer.threshold).relu_().div_(1 - layer.threshold)
        self.of[layer.family], self.cells[layer.family] = response, cells

    def add_known(self, planned: Planned, known: Known) -> None:
        """As `add_by`; what a layer of another circuit of the same key said is `known`, and what this one says is from now on."""
        family = planned.layer.family
        if planned.key not in known:
            self.add_by(planned)
            known[planned.key] = self.of[family], self.cells[family]
        self.of[family], self.cells[family] = known[planned.key]

    def _said(self, reading: Reading, cells: tuple[Cells, Cells], stands: Tensor | None) -> Tensor:
        sources, kernel = [self.of[source] for source in reading.sources], reading.kernel
        x = sources[0] if len(sources) == 1 else torch.cat(sources, 1)
        said = read_by(kernel, x, self.cells[reading.sources[0]], cells)
        return said if kernel.order is stands else said[:, kernel.order]

    def _pooled(self, layer: Layer, size: Array, cells: tuple[Cells, Cells]) -> tuple[Array, tuple[Cells, Cells]]:
        """Before the threshold: what follows never falls where the drive grows, so the highest stays the highest, to the last bit."""
        if not layer.pool:
            return size, cells
        below = self._whole(layer.pool.stride_px)
        return pool(size, layer.pool.taps, cells, below), below

    def _normalised(self, layer: Layer, drive: Array) -> Array:
        return _normalise(rectified(drive), layer, layer.normalise) if layer.normalise else drive

    def _whole(self, stride_px: int) -> tuple[Cells, Cells]:
        offset_px = self.grid.offset_px % stride_px
        rows, columns = (Cells(offset_px, stride_px, (size - 1 - offset_px) // stride_px + 1) for size in self.of["input"].shape[2:])
        return rows, columns


def respond(layers: Sequence[Layer], so_far: Responses) -> Float[Array, "n unit h w"]:
    """`drive / ideal` of the last layer on the host's own cells; families that have not answered yet are added to `so_far`."""
    for layer in layers[:-1]:
        if layer.family not in so_far.of:
            so_far.add(layer)
    drive = so_far.drive(layers[-1], so_far.site)
    return drive / array_like(layers[-1].ideal, drive)


def in_circuit_units(rgb: Float[Tensor, "n 3 h w"], mean_rgb: Sequence[float]) -> Float[Tensor, "n 3 h w"]:
    """RGB pictures 0..255 as circuits read them; `mean_rgb`, the colour of the host's padding, is 0."""
    return (rgb - torch.as_tensor(mean_rgb, dtype=rgb.dtype, device=rgb.device)[:, None, None]).div_(INPUT_UNIT)


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
    """Each circuit's drive on RGB pictures 0..255, `heard` being what the host says to them. Layers that circuits share run once.

    By their plans, CHUNK pictures at a time: more would leave the processor's caches. Where a gradient is wanted, by the pictures or by
    anything of a circuit, the plain way, which writes over nothing.
    """
    said_before = [value for value, _ in (heard or {}).values()]
    if torch.is_grad_enabled() and any(each.requires_grad for each in (rgb, *said_before, *_numbers(circuits.values()))):
        picture = in_circuit_units(rgb, mean_rgb)
        return {name: respond(circuit.layers, Responses.to(picture, circuit.grid, heard)) for name, circuit in circuits.items()}
    plans = {name: plan(circuit) for name, circuit in circuits.items()}
    found: dict[str, list[Tensor]] = {name: [] for name in circuits}
    for start in range(0, max(1, len(rgb)), CHUNK):
        some = slice(start, start + CHUNK)
        picture = in_circuit_units(rgb[some], mean_rgb)
        said = {source: (value[some], cells) for source, (value, cells) in (heard or {}).items()}
        known: Known = {}
        for name, circuit in circuits.items():
            found[name].append(_respond_by(plans[name], Responses.to(picture, circuit.grid, said), known))
    return {name: torch.cat(chunks) for name, chunks in found.items()}


def _numbers(circuits: Iterable[HandwrittenCircuit]) -> Iterator[Tensor]:
    """All that a gradient may be wanted of."""
    for layer in (layer for circuit in circuits for layer in circuit.layers):
        floor = (layer.normalise.floor,) if layer.normalise else ()
        yield from map(torch.as_tensor, (layer.threshold, layer.ideal, *floor, *(read.weight for read in layer.reads)))


def _respond_by(plans: Sequence[Planned], so_far: Responses, known: Known) -> Tensor:
    """As `respond`; what layers of other circuits said already is `known`, by their keys, and grows."""
    for planned in plans[:-1]:
        so_far.add_known(planned, known)
    last = plans[-1]
    return last.in_order(so_far.drive_by(last, so_far.site)) / last.layer.ideal


def drive(circuit: HandwrittenCircuit, rgb: Float[Tensor, "n 3 h w"], mean_rgb: Sequence[float]) -> Float[Tensor, "n unit h w"]:
    """As `drives`, of one circuit."""
    return drives({"": circuit}, rgb, mean_rgb)[""]


def _normalise(drive: Array, layer: Layer, normalise: Normalise) -> Array:
    xp, axes = array_namespace(drive), list(layer.units.shape)
    apart = xp.reshape(drive, (drive.shape[0], *layer.units.shape.values(), *drive.shape[2:]))
    mean = xp.mean(apart, axis=1 + axes.index(normalise.axis), keepdims=True)
    return xp.reshape(apart / (array_like(normalise.floor, drive) + mean), drive.shape)
