"""Responses of a handwritten circuit: a small network that is run layer by layer.

It is run in two ways. The plain way, by which circuits are compiled, is written to the array API
standard; the fast way, by plans, uses torch.
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
from workbench.spec.size import CHUNK

INPUT_UNIT = 127.5  # a circuit reads (rgb - the host's mean colour) / 127.5: about -1..1


# source that is no family (`host_source`) -> its activations, and their cells (rows, columns)
HostActivations = Mapping[str, tuple[Array, tuple[Cells, Cells]]]
# a layer's key (`plan`) -> its responses to the pictures at hand, and their cells
KnownResponses = dict[str, tuple[Tensor, tuple[Cells, Cells]]]


@dataclass
class Responses:
    """Responses to pictures of the families that were run so far.

    of     source -> response `n unit h w`; "input" is the pictures
    cells  source -> the response's cells (rows, columns)
    """

    grid: Grid
    of: dict[str, Array]
    cells: dict[str, tuple[Cells, Cells]]

    @property
    def site(self) -> tuple[Cells, Cells]:
        """The host's own cells, which are those of the last layer."""
        grid = self.grid
        return Cells(grid.offset_px, grid.stride_px, grid.height), Cells(
            grid.offset_px, grid.stride_px, grid.width
        )

    @classmethod
    def to(
        cls,
        picture: Float[Array, "n 3 h w"],
        grid: Grid,
        host_activations: HostActivations | None = None,
    ) -> "Responses":
        """Start with pictures in circuit units, to which no family has responded yet.

        `host_activations` are the host's on these pictures, at the sites that are read.
        """
        rows, columns = (Cells(0, 1, size) for size in picture.shape[2:])
        sources: HostActivations = {
            "input": (channels_last(picture), (rows, columns)),
            **(host_activations or {}),
        }
        of = {source: array_like(value, picture) for source, (value, _) in sources.items()}
        return cls(grid, of, {source: cells for source, (_, cells) in sources.items()})

    def drive(self, layer: Layer, cells: tuple[Cells, Cells]) -> Array:
        """Sum of a layer's reads on `cells`, normalised if the layer normalises."""
        reads = [
            read(self.of[part.source], part.weight, self.cells[part.source], cells)
            for part in layer.reads
        ]
        xp = array_namespace(*reads)
        return self._normalised(
            layer, reads[0] if len(reads) == 1 else xp.sum(xp.stack(reads), axis=0)
        )

    def drive_by(self, planned: Planned, cells: tuple[Cells, Cells]) -> Tensor:
        """The same as `drive` by a plan."""
        first, *more = (
            self._read(reading, cells, planned.positions) for reading in planned.readings
        )
        for other in more:
            first = first + other
        return self._normalised(planned.layer, first)

    def add(self, layer: Layer) -> None:
        """Add the layer's response, on a grid over the whole picture.

        The grid is aligned with the cells of the host's site.
        """
        cells = self._whole(layer.stride_px)
        drive = self.drive(layer, cells)
        size, cells = self._pooled(
            layer, array_namespace(drive).abs(drive) if layer.full else drive, cells
        )
        ideal, threshold, above = (
            array_like(constant, size)
            for constant in (layer.ideal, layer.threshold, 1 - layer.threshold)
        )
        self.of[layer.family], self.cells[layer.family] = (
            rectified(size / ideal - threshold) / above,
            cells,
        )

    def add_by(self, planned: Planned) -> None:
        """The same as `add` by a plan, computed in place; units are at the plan's positions."""
        layer, cells = planned.layer, self._whole(planned.layer.stride_px)
        drive = self.drive_by(planned, cells)
        size, cells = self._pooled(layer, drive.abs_() if layer.full else drive, cells)
        response = size.div(layer.ideal).sub_(layer.threshold).relu_().div_(1 - layer.threshold)
        self.of[layer.family], self.cells[layer.family] = response, cells

    def add_known(self, planned: Planned, known: KnownResponses) -> None:
        """As `add_by`, but a layer whose key is in `known` is not run again.

        A response that was computed is added to `known`.
        """
        family = planned.layer.family
        if planned.key not in known:
            self.add_by(planned)
            known[planned.key] = self.of[family], self.cells[family]
        self.of[family], self.cells[family] = known[planned.key]

    def _read(
        self, reading: Reading, cells: tuple[Cells, Cells], positions: Tensor | None
    ) -> Tensor:
        sources, kernel = [self.of[source] for source in reading.sources], reading.kernel
        x = sources[0] if len(sources) == 1 else torch.cat(sources, 1)
        drive = read_by(kernel, x, self.cells[reading.sources[0]], cells)
        return drive if kernel.order is positions else drive[:, kernel.order]

    def _pooled(
        self, layer: Layer, size: Array, cells: tuple[Cells, Cells]
    ) -> tuple[Array, tuple[Cells, Cells]]:
        """Pool the drive, before the threshold.

        The response grows with the drive, so its maximum is the same, to the last bit.
        """
        if not layer.pool:
            return size, cells
        below = self._whole(layer.pool.stride_px)
        return pool(size, layer.pool.taps, cells, below), below

    def _normalised(self, layer: Layer, drive: Array) -> Array:
        return _normalise(rectified(drive), layer, layer.normalise) if layer.normalise else drive

    def _whole(self, stride_px: int) -> tuple[Cells, Cells]:
        offset_px = self.grid.offset_px % stride_px
        rows, columns = (
            Cells(offset_px, stride_px, (size - 1 - offset_px) // stride_px + 1)
            for size in self.of["input"].shape[2:]
        )
        return rows, columns


def respond(layers: Sequence[Layer], so_far: Responses) -> Float[Array, "n unit h w"]:
    """`drive / ideal` of the last layer on the host's own cells.

    Families that are not in `so_far` are run and added to it.
    """
    for layer in layers[:-1]:
        if layer.family not in so_far.of:
            so_far.add(layer)
    drive = so_far.drive(layers[-1], so_far.site)
    return drive / array_like(layers[-1].ideal, drive)


def in_circuit_units(
    rgb: Float[Tensor, "n 3 h w"], mean_rgb: Sequence[float]
) -> Float[Tensor, "n 3 h w"]:
    """RGB pictures 0..255 in circuit units.

    The colour `mean_rgb`, that of the host's padding, becomes 0.
    """
    return (
        rgb - torch.as_tensor(mean_rgb, dtype=rgb.dtype, device=rgb.device)[:, None, None]
    ).div_(INPUT_UNIT)


def in_rgb(
    picture: Float[Tensor, "n 3 h w"], mean_rgb: Sequence[float]
) -> Float[Tensor, "n 3 h w"]:
    """Pictures in circuit units as RGB 0..255: the inverse of `in_circuit_units`."""
    return (
        picture * INPUT_UNIT
        + torch.as_tensor(mean_rgb, dtype=picture.dtype, device=picture.device)[:, None, None]
    )


def host_activations(
    host: Host, activations: Mapping[str, Float[Tensor, "n c h w"]]
) -> HostActivations:
    """Activations at sites of the host, in the form in which circuits read them."""
    return {
        host_source(name): (activation, cells_of(host.site(name)))
        for name, activation in activations.items()
    }


def cells_of(site: Site) -> tuple[Cells, Cells]:
    """The cells (rows, columns) of a site."""
    return Cells(site.offset_px, site.stride_px, site.height), Cells(
        site.offset_px, site.stride_px, site.width
    )


def drives(
    circuits: Mapping[str, HandwrittenCircuit],
    rgb: Float[Tensor, "n 3 h w"],
    mean_rgb: Sequence[float],
    host_activations: HostActivations | None = None,
) -> dict[str, Float[Tensor, "n unit h w"]]:
    """Each circuit's drive on RGB pictures 0..255. Layers that circuits share run once.

    `host_activations` are the host's on these pictures. Circuits are run by their plans, CHUNK
    pictures at a time: more would not fit the processor's caches. Where the pictures, the
    activations or a circuit's numbers need a gradient, they are run in the plain way, which changes
    no array in place.
    """
    entering = [value for value, _ in (host_activations or {}).values()]
    if torch.is_grad_enabled() and any(
        array.requires_grad for array in (rgb, *entering, *_numbers(circuits.values()))
    ):
        picture = in_circuit_units(rgb, mean_rgb)
        return {
            name: respond(circuit.layers, Responses.to(picture, circuit.grid, host_activations))
            for name, circuit in circuits.items()
        }
    plans = {name: plan(circuit) for name, circuit in circuits.items()}
    chunks: dict[str, list[Tensor]] = {name: [] for name in circuits}
    for _, picture, activations in in_chunks(rgb, mean_rgb, host_activations):
        known: KnownResponses = {}
        for name, circuit in circuits.items():
            so_far = Responses.to(picture, circuit.grid, activations)
            chunks[name].append(_respond_by(plans[name], so_far, known))
    return {name: torch.cat(parts) for name, parts in chunks.items()}


def in_chunks(
    rgb: Float[Tensor, "n 3 h w"],
    mean_rgb: Sequence[float],
    host_activations: HostActivations | None = None,
) -> Iterator[tuple[slice, Float[Tensor, "m 3 h w"], HostActivations]]:
    """CHUNK pictures at a time: which they are, in circuit units, and the host's activations."""
    for start in range(0, max(1, len(rgb)), CHUNK):
        chunk = slice(start, start + CHUNK)
        activations = {
            source: (value[chunk], cells)
            for source, (value, cells) in (host_activations or {}).items()
        }
        yield chunk, in_circuit_units(rgb[chunk], mean_rgb), activations


def _numbers(circuits: Iterable[HandwrittenCircuit]) -> Iterator[Tensor]:
    """Every constant and weight of the circuits, which may need a gradient."""
    for layer in (layer for circuit in circuits for layer in circuit.layers):
        floor = (layer.normalise.floor,) if layer.normalise else ()
        yield from map(
            torch.as_tensor,
            (layer.threshold, layer.ideal, *floor, *(read.weight for read in layer.reads)),
        )


def _respond_by(plans: Sequence[Planned], so_far: Responses, known: KnownResponses) -> Tensor:
    """As `respond`, but layers whose key is in `known` are not run; responses are added to it."""
    for planned in plans[:-1]:
        so_far.add_known(planned, known)
    last = plans[-1]
    return last.in_order(so_far.drive_by(last, so_far.site)) / last.layer.ideal


def drive(
    circuit: HandwrittenCircuit, rgb: Float[Tensor, "n 3 h w"], mean_rgb: Sequence[float]
) -> Float[Tensor, "n unit h w"]:
    """As `drives`, for one circuit."""
    return drives({"": circuit}, rgb, mean_rgb)[""]


def _normalise(drive: Array, layer: Layer, normalise: Normalise) -> Array:
    xp, axes = array_namespace(drive), list(layer.units.shape)
    apart = xp.reshape(drive, (drive.shape[0], *layer.units.shape.values(), *drive.shape[2:]))
    mean = xp.mean(apart, axis=1 + axes.index(normalise.axis), keepdims=True)
    return xp.reshape(apart / (array_like(normalise.floor, drive) + mean), drive.shape)
