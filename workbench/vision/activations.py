"""The activation of trained units on pictures, and that of the handwritten ones in their place."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.hosts.host import Host
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import wanted_by
from workbench.splice.inputs import condition_inputs

Activations = Float[np.ndarray, "n unit h w"]


@torch.inference_mode()
def activations(
    host: Host, splices: Splices, x: Float[Tensor, "n c h w"]
) -> tuple[Activations, Activations]:
    """The trained and the handwritten activation on the host's input `x`, in the host's units."""
    circuits, condition = {"spliced": splices.circuits["spliced"]}, splices.conditions["spliced"]
    donor = torch.zeros(len(x), dtype=torch.long)
    inputs = condition_inputs(host, circuits, x, donor, wanted_by([condition]))
    return to_numpy(inputs.trained.float()), to_numpy(condition(inputs).float())
