"""What every atom gives each unit, at positions of the calibration pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from workbench.analyses.propose.atoms import Atom
from workbench.compiler.circuit import HandwrittenCircuit, Layer
from workbench.compiler.families import families
from workbench.evaluate.batches import batches
from workbench.evaluate.calibration import stream_inputs
from workbench.hosts.host import Host
from workbench.splice.inputs import Wanted
from workbench.theory.poses import Units
from workbench.theory.rule import weights
from workbench.vision.geometry.frame import taps
from workbench.vision.pictures import Picture
from workbench.work import Work

POSITIONS = 32  # of each picture
TRAINED = Wanted(frozenset(), frozenset())  # the trained units' activation alone
CHUNK = 64  # atoms whose kernels are in memory at once
LIKE = torch.zeros((), dtype=torch.float32)


@dataclass(frozen=True)
class Responses:
    """Responses about sampled positions, one row each.

    windows  family -> what its units respond in the window about the position, flattened
    trained  activation of the trained units
    picture  the index of each row's picture
    """

    windows: Mapping[str, Float[Tensor, "row tap"]]
    trained: Float[Tensor, "row unit"]
    picture: Int[np.ndarray, " row"]


def responses(
    host: Host,
    circuit: HandwrittenCircuit,
    window_px: float,
    pictures: Sequence[Picture],
    work: Work,
) -> Responses:
    """Responses of all families but the last, and of the trained units, at random positions.

    With a cache in `work`, the trained units' activation is read from it where it is there.
    """
    generator = np.random.default_rng(work.seed)
    advance = work.stage("responses", len(pictures))
    rows: dict[str, list[Tensor]] = {layer.family: [] for layer in circuit.layers[:-1]}
    trained, index = [], []
    streamed = stream_inputs(host, {"spliced": circuit}, pictures, work, TRAINED)
    with torch.inference_mode():
        for (start, some), inputs in zip(batches(pictures), streamed, strict=True):
            x, activation = host.input.batch(some), inputs.trained
            count = activation[0, 0].numel()
            chosen = torch.as_tensor(generator.permutation(count)[:POSITIONS].copy())
            trained.append(activation.flatten(2)[:, :, chosen].movedim(1, 2).flatten(0, 1))
            index.append(np.repeat(np.arange(start, start + len(some)), len(chosen)))
            by_family = families(circuit, host.input.decode(x), host.picture_input.mean_rgb)
            for layer in circuit.layers[:-1]:
                rows[layer.family].append(
                    _windows(by_family[layer.family], circuit, layer, chosen, window_px)
                )
            advance(len(some))
    windows = {family: torch.cat(parts) for family, parts in rows.items()}
    return Responses(windows, torch.cat(trained), np.concatenate(index))


def _windows(
    response: tuple[Tensor, tuple],
    circuit: HandwrittenCircuit,
    layer: Layer,
    chosen: Tensor,
    window_px: float,
) -> Float[Tensor, "row tap"]:
    """The responses in a window about each chosen cell of the site; 0 beyond the picture."""
    value, (rows, columns) = response
    grid, reach = circuit.grid, taps(window_px, layer.grid_px)
    padded = F.pad(value, (reach,) * 4)
    at = (chosen // grid.width, chosen % grid.width)
    first = [
        (grid.offset_px + grid.stride_px * place - cells.offset_px) // cells.stride_px
        for place, cells in zip(at, (rows, columns), strict=True)
    ]
    step = torch.arange(2 * reach + 1)
    y = first[0][:, None, None] + step[None, :, None]
    x = first[1][:, None, None] + step[None, None, :]
    return padded[:, :, y, x].movedim(2, 1).flatten(0, 1).flatten(1)


def features(
    found: Responses,
    units: Units,
    layers: Mapping[str, Layer],
    candidates: Sequence[Atom],
    window_px: float,
    work: Work,
) -> Float[Tensor, "unit row atom"]:
    """What each atom gives to each unit at every row."""
    parts = []
    advance = work.stage("candidate terms", len(candidates))
    for some in _chunks(candidates):
        layer, windows = layers[some[0].family], found.windows[some[0].family]
        sizes = dict(layer.units.shape)
        kernels = torch.stack(
            [
                weights(units, layer.units, [atom.motif(sizes)], window_px, layer.grid_px, LIKE)
                for atom in some
            ],
            dim=-1,
        ).flatten(1, 3)
        parts.append(torch.matmul(windows[None], kernels))
        advance(len(some))
    return torch.cat(parts, 2)


def _chunks(candidates: Sequence[Atom]) -> Iterator[list[Atom]]:
    """Atoms of one family, CHUNK at the most, in their order."""
    chunk: list[Atom] = []
    for atom in candidates:
        if chunk and (atom.family != chunk[0].family or len(chunk) == CHUNK):
            yield chunk
            chunk = []
        chunk.append(atom)
    yield chunk


def permuted(found: Responses, layers: Mapping[str, Layer], seed: int) -> Responses:
    """The same with the units of every family in each other's places: labels that are wrong."""
    generator = torch.Generator().manual_seed(seed)
    windows = {}
    for family, rows in found.windows.items():
        count = len(layers[family].units)
        order = torch.randperm(count, generator=generator)
        windows[family] = rows.view(len(rows), count, -1)[:, order].flatten(1)
    return Responses(windows, found.trained, found.picture)
