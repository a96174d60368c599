"""A circuit in a copy of the host's own weights.

The units' filters of the network's first convolution become the handwritten ones, so that the copy
computes by itself what a splice overrides from outside.
"""

import copy
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.respond import drive
from workbench.export.filters import filters, misfit, parameters
from workbench.export.fit import refuse_unexportable
from workbench.hosts.frozen import state_fingerprint
from workbench.hosts.host import Host
from workbench.splice.link import link_of
from workbench.splice.slots import slots_of

# spread of the noise that a copy is tried on: far above a picture's, so that a rectifier with a
# ceiling shows
NOISE = 2000.0
# of the largest activation: float32 stays a hundred times below, a filter moved by one tap is a
# hundred times above
ROUNDING = 1e-4


def exported(
    host: Host,
    circuit: HandwrittenCircuit,
    gain: Float[Tensor, " unit"],
    bias: Float[Tensor, " unit"],
) -> Host:
    """A copy of the host in which the filters of the circuit's units are the handwritten ones.

    At its site the copy computes `max(0, gain * drive + bias)`, the value that is spliced, to
    rounding. Its fingerprint is that of its tensors; `host` itself stays as it was. Raises
    WorkbenchError if the circuit is no single layer of filters, if the site is no convolution of
    the picture followed by a ReLU, and if the filters are larger than the host's.
    """
    refuse_unexportable(host, circuit)
    made, units = replace(host, network=copy.deepcopy(host.network)), list(circuit.units)
    copied = parameters(made, circuit)
    weight = gain.double()[:, None, None, None] * filters(host, circuit)
    with torch.no_grad():
        copied["weight"][units] = weight.to(copied["weight"])
        copied["bias"][units] = bias.to(copied["bias"])
    listed = ", ".join(map(str, units))
    made = replace(
        made,
        name=f"{host.name}+{circuit.theory}",
        fingerprint=state_fingerprint(made.network),
        source=f"{host.source}; {circuit.site} units {listed} handwritten from {circuit.theory}",
    )
    refuse_unlike_splice(made, circuit, gain, bias)
    return made


def refuse_unlike_splice(
    made: Host,
    circuit: HandwrittenCircuit,
    gain: Float[Tensor, " unit"],
    bias: Float[Tensor, " unit"],
) -> None:
    """Raises WorkbenchError if a copy differs from the splice on strong noise, borders included.

    Anything else that the site does to its convolution shows here.
    """
    size = made.picture_input.size_px
    rgb = NOISE * torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        site = made.activations(made.input.encode(rgb), circuit.site)[circuit.site]
        copied = slots_of(circuit).read(site)
        link = link_of(made.site(circuit.site))
        drives = drive(circuit, rgb, made.picture_input.mean_rgb)
        expected = link(gain[:, None, None] * drives + bias[:, None, None])
    off, largest = float((copied - expected).abs().max()), float(expected.max())
    if not off <= ROUNDING * largest:
        raise misfit(
            made,
            circuit,
            f"on noise the copy is up to {off:.3g} away from the splice, of at most {largest:.3g}",
        )
