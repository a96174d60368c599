"""Responses of every family of a handwritten circuit to pictures."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.plan import plan
from workbench.compiler.respond import HostActivations, KnownResponses, Responses, in_chunks


@torch.inference_mode()
def families(
    circuit: HandwrittenCircuit,
    rgb: Float[Tensor, "n 3 h w"],
    mean_rgb: Sequence[float],
    host_activations: HostActivations | None = None,
    rectified: bool = True,
    known: KnownResponses | None = None,
) -> HostActivations:
    """Each family's response `n unit h w` to RGB pictures 0..255, and its cells.

    Responses are rectified and pooled as in the spec, also the last family's. Without `rectified`
    the last family gives its drive on the host's cells, as a splice takes it before gain and bias.
    `host_activations` are the host's on these pictures, where families are bound to trained units.
    The circuit is run by its plan, as many pictures at a time as in `drives`. `known` holds
    responses of layers, of other circuits too, to the same pictures; those of this circuit's layers
    are added to it.
    """
    known = {} if known is None else known
    plans, chunks = plan(circuit), list[Responses]()
    for chunk, picture, activations in in_chunks(rgb, mean_rgb, host_activations):
        so_far = Responses.to(picture, circuit.grid, activations)
        of_chunk = {key: (value[chunk], cells) for key, (value, cells) in known.items()}
        for planned in plans if rectified else plans[:-1]:
            so_far.add_known(planned, of_chunk)
        if not rectified:
            last = plans[-1]
            drive = so_far.drive_by(last, so_far.site) / last.layer.ideal
            so_far.of[last.layer.family], so_far.cells[last.layer.family] = drive, so_far.site
        chunks.append(so_far)
    responses = {}
    for planned in plans:
        family = planned.layer.family
        whole = torch.cat([so_far.of.pop(family) for so_far in chunks]), chunks[0].cells[family]
        if rectified or planned is not plans[-1]:
            whole = known.setdefault(planned.key, whole)
        responses[family] = planned.in_order(whole[0]), whole[1]
    return responses
