"""What every family of a handwritten circuit says to pictures, as the families below it hear it."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.respond import Heard, Responses, in_circuit_units, respond


def families(
    circuit: HandwrittenCircuit,
    rgb: Float[Tensor, "n 3 h w"],
    mean_rgb: Sequence[float],
    heard: Heard | None = None,
    rectified: bool = True,
) -> Heard:
    """Each family's response `n unit h w` to RGB pictures 0..255, rectified and pooled as the spec says, the last family's too; and its cells.

    `heard` is what the host says to them, where families are bound to trained units. Not `rectified`, the last family gives its drive on the
    host's cells, as a splice hears it before gain and bias.
    """
    with torch.inference_mode():
        so_far, last = Responses.to(in_circuit_units(rgb, mean_rgb), circuit.grid, heard), circuit.layers[-1]
        for layer in circuit.layers if rectified else circuit.layers[:-1]:
            so_far.add(layer)
        if not rectified:
            so_far.of[last.family], so_far.cells[last.family] = respond(circuit.layers, so_far), so_far.site
    return {layer.family: (so_far.of[layer.family], so_far.cells[layer.family]) for layer in circuit.layers}
