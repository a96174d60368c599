"""The drive that every atom alone gives each unit, at positions of the calibration pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.analyses.propose.atoms import Atom
from workbench.compiler.circuit import HandwrittenCircuit, Layer
from workbench.compiler.families import families
from workbench.evaluate.batches import batches
from workbench.evaluate.calibration import stream_inputs
from workbench.evaluate.groups import items_of
from workbench.hosts.host import Host
from workbench.splice.inputs import Wanted
from workbench.splice.sampled import chosen_positions, rows_at, windows_at
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
    drive    of the last family as the theory has it
    trained  activation of the trained units
    item     the index of the content of each row's picture
    """

    windows: Mapping[str, Float[Tensor, "row tap"]]
    drive: Float[Tensor, "row unit"]
    trained: Float[Tensor, "row unit"]
    item: Int[np.ndarray, " row"]


def responses(
    host: Host,
    circuit: HandwrittenCircuit,
    window_px: float,
    pictures: Sequence[Picture],
    work: Work,
) -> Responses:
    """Responses of all families, and of the trained units, at random positions.

    With a cache in `work`, the trained units' activation is read from it where it is there.
    """
    generator = np.random.default_rng(work.seed)
    advance = work.stage("responses", len(pictures))
    *above, last = circuit.layers
    windows: dict[str, list[Tensor]] = {layer.family: [] for layer in above}
    drives, trained, items = [], [], []
    content = items_of([picture.sha256 for picture in pictures])
    streamed = stream_inputs(host, {"spliced": circuit}, pictures, work, TRAINED)
    with torch.inference_mode():
        for (start, batch), inputs in zip(batches(pictures), streamed, strict=True):
            chosen = chosen_positions(inputs.trained, POSITIONS, generator)
            trained.append(rows_at(inputs.trained, chosen))
            items.append(np.repeat(content[start : start + len(batch)], len(chosen)))
            rgb = host.input.decode(host.input.batch(batch))
            by_family = families(circuit, rgb, host.picture_input.mean_rgb, rectified=False)
            drives.append(rows_at(by_family[last.family][0], chosen))
            for layer in above:
                response = by_family[layer.family]
                windows[layer.family].append(_windows(response, circuit, layer, chosen, window_px))
            advance(len(batch))
    joined = {family: torch.cat(parts) for family, parts in windows.items()}
    return Responses(joined, torch.cat(drives), torch.cat(trained), np.concatenate(items))


def _windows(
    response: tuple[Tensor, tuple],
    circuit: HandwrittenCircuit,
    layer: Layer,
    chosen: Tensor,
    window_px: float,
) -> Float[Tensor, "row tap"]:
    """The responses in a window about each chosen cell of the site; 0 beyond the picture."""
    (value, cells), grid = response, circuit.grid
    rows, columns = (
        (grid.offset_px + grid.stride_px * index - side.offset_px) // side.stride_px
        for index, side in zip((chosen // grid.width, chosen % grid.width), cells, strict=True)
    )
    return windows_at(value, rows, columns, taps(window_px, layer.grid_px))


def features(
    sampled: Responses,
    units: Units,
    layers: Mapping[str, Layer],
    candidates: Sequence[Atom],
    window_px: float,
    work: Work,
) -> Float[Tensor, "unit row atom"]:
    """The drive that each atom alone gives each unit at every row."""
    parts = []
    advance = work.stage("candidate terms", len(candidates))
    for chunk in _chunks(candidates):
        layer, windows = layers[chunk[0].family], sampled.windows[chunk[0].family]
        sizes = dict(layer.units.shape)
        kernels = torch.stack(
            [
                weights(units, layer.units, [atom.motif(sizes)], window_px, layer.grid_px, LIKE)
                for atom in chunk
            ],
            dim=-1,
        ).flatten(1, 3)
        parts.append(torch.matmul(windows[None], kernels))
        advance(len(chunk))
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


def permuted(sampled: Responses, layers: Mapping[str, Layer], seed: int) -> Responses:
    """The same with the units of every family in each other's places: labels that are wrong."""
    generator = torch.Generator().manual_seed(seed)
    windows = {}
    for family, rows in sampled.windows.items():
        count = len(layers[family].units)
        order = torch.randperm(count, generator=generator)
        windows[family] = rows.view(len(rows), count, -1)[:, order].flatten(1)
    return replace(sampled, windows=windows)
