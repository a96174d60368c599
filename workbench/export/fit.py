"""Whether a circuit fits into a host's own weights."""

from collections.abc import Iterator

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.errors import WorkbenchError
from workbench.export.filters import REMEDY, convolutions, filters, misfit
from workbench.hosts.host import Host
from workbench.spec.language import INPUT
from workbench.splice.slots import channels_of, slots_of


def refuse_unexportable(host: Host, circuit: HandwrittenCircuit) -> None:
    """Raises WorkbenchError, with every misfit, for a circuit or a site of the wrong shape."""
    channels_of(slots_of(circuit), "export")
    if problems := list(_not_one_layer(circuit)):
        raise WorkbenchError(
            f"circuit {circuit.theory}",
            "; ".join(problems),
            f"one family that reads only {INPUT} and gives its drive as it is",
            REMEDY,
        )
    if problems := list(_not_one_convolution(host, circuit)):
        raise misfit(host, circuit, "; ".join(problems))
    filters(host, circuit)


def _not_one_layer(circuit: HandwrittenCircuit) -> Iterator[str]:
    *above, layer = circuit.layers
    if above:
        families = ", ".join(layer.family for layer in circuit.layers)
        yield f"{len(circuit.layers)} families ({families})"
    if others := [read.source for read in layer.reads if read.source != INPUT]:
        yield f"{layer.family} reads {', '.join(others)}"
    kinds = {
        "normalise": layer.normalise,
        "pool": layer.pool,
        "rectify: full": layer.full,
        "a threshold": float(layer.threshold),
    }
    yield from (f"{layer.family} has {kind}" for kind, has in kinds.items() if has)


def _not_one_convolution(host: Host, circuit: HandwrittenCircuit) -> Iterator[str]:
    if (fingerprint := circuit.facts.get("fingerprint", host.fingerprint)) != host.fingerprint:
        yield (f"the circuit is for the host {circuit.host} with fingerprint {fingerprint[:12]}…")
    modules, channels = convolutions(host, circuit), host.site(circuit.site).channels
    if len(modules) != 1:
        yield f"{len(modules)} convolutions"
        return
    (convolution,) = modules
    stride, outputs = circuit.layers[-1].stride_px, convolution.out_channels
    facts = {  # a fact of the convolution -> whether it is as it must be
        f"{convolution.in_channels} input channels": convolution.in_channels == 3,
        f"stride {convolution.stride}": convolution.stride == (stride, stride),
        f"dilation {convolution.dilation}": convolution.dilation == (1, 1),
        f"{convolution.groups} groups": convolution.groups == 1,
        "no bias": convolution.bias is not None,
        f"{outputs} filters for {channels} channels": outputs == channels,
        f"no unit {max(circuit.units)}": max(circuit.units) < channels,
    }
    yield from (fact for fact, fits in facts.items() if not fits)
