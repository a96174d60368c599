"""The responses of a circuit's units to the pictures that were made, and to photographs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Cache
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.evaluate.calibration import stream_inputs
from workbench.hosts.host import Host
from workbench.progress import Progress
from workbench.vision.pictures import Picture
from workbench.vision.visualise.objectives import responses_near_middle
from workbench.work import Work


@dataclass(frozen=True)
class Responses:
    """The highest responses of trained units, and the highest drives of handwritten ones.

    To a made picture it is the highest within NEAR cells of the middle; to photographs (`best_`)
    the highest anywhere.
    """

    trained: Float[np.ndarray, "made unit"]
    handwritten: Float[np.ndarray, "made unit"]
    best_trained: Float[np.ndarray, " unit"]
    best_handwritten: Float[np.ndarray, " unit"]


def highest_responses(
    host: Host,
    circuit: HandwrittenCircuit,
    made: Float[Tensor, "made 3 s s"],
    pictures: Sequence[Picture],
    progress: Progress,
    cache: Cache | None = None,
) -> Responses:
    """The responses of all units of the circuit to pictures that were made and to photographs.

    `progress` counts the photographs.
    """
    circuits, peaks = {"spliced": circuit}, []
    for inputs in stream_inputs(host, circuits, pictures, Work(cache=cache), progress=progress):
        drives = inputs.drives["spliced"]
        peaks.append(torch.stack([inputs.trained.amax((0, 2, 3)), drives.amax((0, 2, 3))]))
    trained, handwritten = (
        value.double().numpy() for value in responses_near_middle(host, circuit, made)
    )
    best_trained, best_handwritten = torch.stack(peaks).amax(0).double().numpy()
    return Responses(trained, handwritten, best_trained, best_handwritten)
