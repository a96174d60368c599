"""Dataset examples: the places that a unit answers to most, trained and handwritten, and the pixels there that its answer hangs on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8

from workbench.cache import Cache
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.ideal import SIZE_PX
from workbench.compiler.respond import drive
from workbench.evaluate.run import Progress, scenes
from workbench.hosts.host import Host
from workbench.pictures import Picture, batch
from workbench.pictures.window import window
from workbench.splice.calibrate import Splices

Side = Literal["trained", "handwritten"]
SIDES: tuple[Side, ...] = ("trained", "handwritten")


@dataclass(frozen=True)
class Strongest:
    """One of the strongest responses of a unit.

    unit      as `mixed3b:384`
    side      whose response it is
    picture   its name
    response  the activation there; of a handwritten unit with its gain and bias
    rgb       SIZE_PX squared of the picture about the cell, 0..255; beyond its edge, the colour of the host's zero padding
    saliency  of the same pixels: the length of the gradient of the response by the pixel's colour, over the highest
              (Simonyan et al. 2013, arXiv 1312.6034)
    """

    unit: str
    side: Side
    picture: str
    response: float
    rgb: UInt8[np.ndarray, "h w 3"]
    saliency: Float[np.ndarray, "h w"]


def strongest(
    host: Host,
    splices: Splices,
    pictures: Sequence[Picture],
    units: Sequence[int],
    count: int,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> tuple[Strongest, ...]:
    """For each of `units` (places in the circuit) and each side the `count` pictures with the strongest response, at most one place of each.

    Responses of 0 are left out: a silent unit has no examples.
    """
    peaks = _peaks(host, splices, pictures, progress, cache)
    return tuple(
        _at(host, splices.circuits["spliced"], side, unit, pictures[row], float(peak[row, unit]), int(cell[row, unit]))
        for unit in units
        for side, (peak, cell) in peaks.items()
        for row in np.argsort(-peak[:, unit], kind="stable")[:count]
        if peak[row, unit] > 0
    )


def _peaks(
    host: Host, splices: Splices, pictures: Sequence[Picture], progress: Progress | None, cache: Cache | None
) -> dict[Side, tuple[Float[np.ndarray, "picture unit"], np.ndarray]]:
    """Of each side: every unit's highest response to each picture, and the cell where it is."""
    rows: dict[Side, list[tuple[np.ndarray, np.ndarray]]] = {side: [] for side in SIDES}
    for scene in scenes(host, {"spliced": splices.circuits["spliced"]}, pictures, progress=progress, cache=cache):
        with torch.inference_mode():
            for side, value in zip(SIDES, (scene.trained, splices.conditions["spliced"](scene)), strict=True):
                peak, cell = value.flatten(2).max(2)
                rows[side].append((peak.numpy(), cell.numpy()))
    return {
        side: (np.concatenate([peak for peak, _ in found]), np.concatenate([cell for _, cell in found])) for side, found in rows.items()
    }


def _at(host: Host, circuit: HandwrittenCircuit, side: Side, unit: int, picture: Picture, response: float, cell: int) -> Strongest:
    row, column = divmod(cell, circuit.grid.width)
    x = batch([picture], host.input).requires_grad_()
    if side == "trained":
        said = host.activations(x, circuit.site)[circuit.site][0, circuit.units[unit], row, column]
    else:
        said = drive(circuit, host.input.decode(x), host.input.mean_rgb)[0, unit, row, column]
    (gradient,) = torch.autograd.grad(said, x)
    length = gradient[0].norm(dim=0).numpy()
    rgb = host.input.decode(x.detach())[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()
    first = [circuit.grid.offset_px + circuit.grid.stride_px * index - SIZE_PX // 2 for index in (row, column)]
    rows, columns = (slice(start, start + SIZE_PX) for start in first)
    seen = window(length[:, :, None], rows, columns, (0.0,))[:, :, 0]
    return Strongest(
        f"{circuit.site}:{circuit.units[unit]}",
        side,
        picture.name,
        response,
        window(rgb, rows, columns, host.input.mean_rgb),
        seen / max(float(seen.max()), np.finfo(np.float32).tiny),
    )
