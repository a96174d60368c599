"""Dataset examples: the patches that activate a unit most, trained and handwritten.

Each has a saliency map: how much the response depends on each pixel.
"""

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
from workbench.evaluate.calibration import stream_inputs
from workbench.hosts.host import Host
from workbench.hosts.trial import with_gradient
from workbench.progress import Progress
from workbench.splice.calibrate import Splices
from workbench.splice.slots import slots_of
from workbench.vision.pictures import Picture
from workbench.vision.pictures.window import window
from workbench.work import Work

Side = Literal["trained", "handwritten"]
SIDES: tuple[Side, ...] = ("trained", "handwritten")


@dataclass(frozen=True)
class Strongest:
    """One of the strongest responses of a unit.

    unit      the unit, written as `mixed3b:384`
    side      whose response it is
    picture   name of the picture
    response  the activation there; a handwritten unit's has its gain and bias
    rgb       SIZE_PX squared of the picture about the cell, 0..255; beyond the picture's edge the
              colour of the host's zero padding
    saliency  for the same pixels the length of the gradient of the response by the pixel's colour,
              divided by the largest (Simonyan et al. 2013, arXiv 1312.6034)
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
    """The `count` pictures with the strongest response, for each unit and each side.

    `units` are indices in the circuit. A picture counts once, at its strongest place. Responses of
    0 are left out, so a unit that never responds has no examples.
    """
    peaks = _peaks(host, splices, pictures, progress, cache)
    return tuple(
        _at(
            host,
            splices.circuits["spliced"],
            side,
            unit,
            pictures[row],
            float(peak[row, unit]),
            int(cell[row, unit]),
        )
        for unit in units
        for side, (peak, cell) in peaks.items()
        for row in np.argsort(-peak[:, unit], kind="stable")[:count]
        if peak[row, unit] > 0
    )


def _peaks(
    host: Host,
    splices: Splices,
    pictures: Sequence[Picture],
    progress: Progress | None,
    cache: Cache | None,
) -> dict[Side, tuple[Float[np.ndarray, "picture unit"], np.ndarray]]:
    """Every unit's highest response to each picture, and its cell, for each side."""
    rows: dict[Side, list[tuple[np.ndarray, np.ndarray]]] = {side: [] for side in SIDES}
    circuits = {"spliced": splices.circuits["spliced"]}
    for inputs in stream_inputs(host, circuits, pictures, Work(cache=cache), progress=progress):
        with torch.inference_mode():
            for side, value in zip(
                SIDES, (inputs.trained, splices.conditions["spliced"](inputs)), strict=True
            ):
                peak, cell = value.flatten(2).max(2)
                rows[side].append((peak.numpy(), cell.numpy()))
    return {
        side: (
            np.concatenate([peak for peak, _ in batches]),
            np.concatenate([cell for _, cell in batches]),
        )
        for side, batches in rows.items()
    }


def _at(
    host: Host,
    circuit: HandwrittenCircuit,
    side: Side,
    unit: int,
    picture: Picture,
    response: float,
    cell: int,
) -> Strongest:
    row, column = divmod(cell, circuit.grid.width)
    x = host.input.batch([picture]).requires_grad_()
    if side == "trained":
        site = with_gradient(host.name, x, host.activations(x, circuit.site)[circuit.site])
        values = slots_of(circuit).read(site)
    else:
        values = drive(circuit, host.input.decode(x), host.picture_input.mean_rgb)
    (gradient,) = torch.autograd.grad(values[0, unit, row, column], x)
    length = gradient[0].norm(dim=0).numpy()
    rgb = host.input.decode(x.detach())[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()
    first = [
        circuit.grid.offset_px + circuit.grid.stride_px * index - SIZE_PX // 2
        for index in (row, column)
    ]
    rows, columns = (slice(start, start + SIZE_PX) for start in first)
    saliency = window(length[:, :, None], rows, columns, (0.0,))[:, :, 0]
    return Strongest(
        f"{circuit.site}:{circuit.units[unit]}",
        side,
        picture.name,
        response,
        window(rgb, rows, columns, host.picture_input.mean_rgb),
        saliency / max(float(saliency.max()), np.finfo(np.float32).tiny),
    )
