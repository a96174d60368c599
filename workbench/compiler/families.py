"""What every family of a handwritten circuit says to pictures, as the families below it hear it."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.respond import Heard, Responses, in_circuit_units


def families(circuit: HandwrittenCircuit, rgb: Float[Tensor, "n 3 h w"], mean_rgb: Sequence[float]) -> Heard:
    """Each family's response `n unit h w` to RGB pictures 0..255, rectified and pooled as the spec says, the last family's too; and its cells.

    The circuit reads the picture alone: no family of it is bound to trained units.
    """
    with torch.inference_mode():
        so_far = Responses.to(in_circuit_units(rgb, mean_rgb), circuit.grid)
        for layer in circuit.layers:
            so_far.add(layer)
    return {layer.family: (so_far.of[layer.family], so_far.cells[layer.family]) for layer in circuit.layers}
