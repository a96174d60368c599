"""Pictures made for a few units of each circuit, trained and handwritten."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from workbench.arrays.devices import CPU
from workbench.cache import cache_key
from workbench.code import code_version
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.plan import layer_keys
from workbench.errors import WorkbenchError, described
from workbench.evaluate.statistics import Statistics
from workbench.hosts.host import Host
from workbench.progress import Progress
from workbench.splice.calibrate import Splices
from workbench.splice.slots import Channels, Directions, Slots
from workbench.vision.examples import shown_units
from workbench.vision.pictures import Picture, first_by_content
from workbench.vision.visualise.ascent import ascend
from workbench.vision.visualise.canvas import Canvas, canvas, colour_axes
from workbench.vision.visualise.objectives import (
    handwritten_drive,
    responses_near_middle,
    trained_response,
)
from workbench.work import Work

STEPS = 64  # of each ascent: with fewer, some trained units stay silent
COLOURED = 32  # calibration pictures whose colours are counted


@dataclass(frozen=True)
class Visualised:
    """The pictures made for some units of one circuit, in the order of `units`.

    units        the units' names, such as `mixed3b:384`: the one that agrees best with its trained
                 unit, the middle one, and the worst
    steps        steps of gradient ascent
    trained      made for the trained units, RGB
    handwritten  made for the handwritten units, RGB
    shares       the trained unit's response to the handwritten unit's picture, over that to its
                 own picture; NaN where it does not respond to that
    missing      why there are no pictures; empty if there are
    """

    units: tuple[str, ...]
    steps: int
    trained: UInt8[np.ndarray, "unit h w 3"] | None = None
    handwritten: UInt8[np.ndarray, "unit h w 3"] | None = None
    shares: tuple[float, ...] = ()
    missing: str = ""


def visualised_each(
    host: Host,
    joint: Sequence[Splices],
    statistics: Statistics,
    calibration: Sequence[Picture],
    work: Work,
) -> list[Visualised]:
    """Make pictures for the best, the middle and the worst unit of every circuit by Pearson.

    Their colours are those of the `calibration` pictures. They are computed on the processor.
    """
    host = host.on(CPU)
    parts = statistics.parts([len(splices.units) for splices in joint])
    colours = colour_axes(first_by_content(calibration, COLOURED), host, work.seed)
    progress = work.stage("visualise", 2 * STEPS * len(joint))
    return [
        visualised(host, splices.circuits["spliced"], shown_units(part), colours, progress, work)
        for splices, part in zip(joint, parts, strict=True)
    ]


def visualised(
    host: Host,
    circuit: HandwrittenCircuit,
    units: Sequence[int],
    colours: Float[Tensor, "3 3"],
    progress: Progress,
    work: Work,
) -> Visualised:
    """Make pictures for some units of a circuit (indices); `host` is on the processor.

    A network through which no gradient passes gives the reason in place of pictures. `progress`
    counts steps, `colours` are those of `colour_axes`.
    """
    names = tuple(f"{circuit.site}:{circuit.units[i]}" for i in units)
    made = canvas(host, host.site(circuit.site), colours)
    try:
        windows = _windows(made, host, circuit, units, progress, work)
    except WorkbenchError as error:
        return Visualised(names, STEPS, missing=str(error))
    except RuntimeError as error:  # torch's, of a network that writes over what a gradient needs
        return Visualised(names, STEPS, missing=f"host {host.name}: {described(error)}")
    trained, _ = responses_near_middle(host, circuit, made.picture(windows))
    pictures = windows.permute(0, 2, 3, 1).byte().numpy()
    count = len(units)
    shares = [
        float(trained[count + i, unit] / trained[i, unit]) if trained[i, unit] > 0 else np.nan
        for i, unit in enumerate(units)
    ]
    return Visualised(names, STEPS, pictures[:count], pictures[count:], tuple(shares))


def _windows(
    made: Canvas,
    host: Host,
    circuit: HandwrittenCircuit,
    units: Sequence[int],
    progress: Progress,
    work: Work,
) -> Float[Tensor, "made 3 h w"]:
    """The windows for the trained units, then those for the handwritten ones, in whole numbers."""
    slots, site = _slots(circuit, units), host.site(circuit.site)
    objectives = {
        cache_key(code_version(), host.facts, site.name, slots): trained_response(
            host, site, slots
        ),
        cache_key(code_version(), host.input, *layer_keys(circuit), list(units)): handwritten_drive(
            host, circuit, units
        ),
    }
    shared = len(units), work.seed, STEPS, progress, work.cache
    return torch.cat(
        [ascend(made, objective, *shared, key) for key, objective in objectives.items()]
    ).round()


def _slots(circuit: HandwrittenCircuit, units: Sequence[int]) -> Slots:
    """The slots of some of a circuit's units."""
    if circuit.vectors:
        return Directions(tuple(circuit.vectors[i] for i in units))
    return Channels(tuple(circuit.units[i] for i in units))
