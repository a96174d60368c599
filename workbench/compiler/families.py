"""What every family of a handwritten circuit says to pictures, as the families below it hear it."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.plan import plan
from workbench.compiler.respond import Heard, Known, Responses, in_circuit_units


def families(
    circuit: HandwrittenCircuit,
    rgb: Float[Tensor, "n 3 h w"],
    mean_rgb: Sequence[float],
    heard: Heard | None = None,
    rectified: bool = True,
    known: Known | None = None,
) -> Heard:
    """Each family's response `n unit h w` to RGB pictures 0..255, rectified and pooled as the spec says, the last family's too; and its cells.

    `heard` is what the host says to them, where families are bound to trained units. Not `rectified`, the last family gives its drive on the
    host's cells, as a splice hears it before gain and bias. By the circuit's plan; `known` is what layers of other circuits said to the same
    pictures, and grows.
    """
    known = {} if known is None else known
    with torch.inference_mode():
        so_far, plans = Responses.to(in_circuit_units(rgb, mean_rgb), circuit.grid, heard), plan(circuit)
        for planned in plans if rectified else plans[:-1]:
            so_far.add_known(planned, known)
        if not rectified:
            last = plans[-1]
            said = so_far.drive_by(last, so_far.site) / last.layer.ideal
            so_far.of[last.layer.family], so_far.cells[last.layer.family] = said, so_far.site
    said = {planned.layer.family: planned.in_order(so_far.of[planned.layer.family]) for planned in plans}
    return {family: (value, so_far.cells[family]) for family, value in said.items()}
