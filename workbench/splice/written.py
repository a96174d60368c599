"""A circuit written into a copy of the host's own tensors: what a splice overrides from outside becomes filters of the network's first convolution.

The circuit's weights are in its own units, `(rgb - mean) / 127.5`, and the host's filters in those of its input, so scale and channel order of the
host are folded into the filters. The host's zero padding is the mean colour, which is what a circuit sees beyond the picture too.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from workbench.compiler.circuit import HandwrittenCircuit, Layer
from workbench.compiler.respond import INPUT_UNIT, drive
from workbench.errors import WorkbenchError
from workbench.hosts.custom import state_fingerprint
from workbench.hosts.host import Host
from workbench.spec.language import INPUT

REMEDY = "Splice it instead: workbench score."
LOUD = 2000.0  # spread of the noise that a copy is tried on: far above a picture's, so that a rectifier with a ceiling shows
ROUNDING = 1e-4  # of the largest activation: float32 stays a hundred times below, a filter moved by one tap is a hundred times above


def written(host: Host, circuit: HandwrittenCircuit, gain: Float[Tensor, " unit"], bias: Float[Tensor, " unit"]) -> Host:
    """A copy of the host in which the filters of the circuit's units are the handwritten ones; `host` itself stays as it was.

    At its site the copy says `max(0, gain * drive + bias)`, what the splice says, to rounding. Its fingerprint is that of its tensors. Raises
    WorkbenchError if the circuit is no single layer of filters, if the site is no convolution of the picture followed by a ReLU, and if
    the filters are larger than the host's.
    """
    refuse_unwritable(host, circuit)
    made, units = replace(host, network=copy.deepcopy(host.network)), list(circuit.units)
    own = dict(_convolutions(made, circuit)[0].named_parameters())
    with torch.no_grad():
        own["weight"][units] = (gain.double()[:, None, None, None] * _filters(host, circuit)).to(own["weight"])
        own["bias"][units] = bias.to(own["bias"])
    source = f"{host.source}; {circuit.site} units {', '.join(map(str, units))} written by hand from {circuit.theory}"
    made = replace(made, name=f"{host.name}+{circuit.theory}", fingerprint=state_fingerprint(made.network), source=source)
    _refuse_unlike_the_splice(made, circuit, gain, bias)
    return made


def refuse_unwritable(host: Host, circuit: HandwrittenCircuit) -> None:
    """Raises WorkbenchError, with all that does not fit, for a circuit or a site of the wrong shape."""
    if found := list(_not_one_layer(circuit)):
        raise WorkbenchError(
            f"circuit {circuit.theory}", "; ".join(found), f"one family that reads only {INPUT} and gives its drive as it is", REMEDY
        )
    if found := list(_not_one_convolution(host, circuit)):
        raise _misfit(host, circuit, "; ".join(found))
    _filters(host, circuit)


def _not_one_layer(circuit: HandwrittenCircuit) -> Iterator[str]:
    *above, layer = circuit.layers
    if above:
        yield f"{len(circuit.layers)} families ({', '.join(each.family for each in circuit.layers)})"
    if others := [read.source for read in layer.reads if read.source != INPUT]:
        yield f"{layer.family} reads {', '.join(others)}"
    kinds = {"normalise": layer.normalise, "pool": layer.pool, "rectify: full": layer.full, "a threshold": float(layer.threshold)}
    yield from (f"{layer.family} has {kind}" for kind, has in kinds.items() if has)


def _convolutions(host: Host, circuit: HandwrittenCircuit) -> list[nn.Conv2d]:
    """Those that make the site."""
    return [module for module in host.module(circuit.site).modules() if isinstance(module, nn.Conv2d)]


def _not_one_convolution(host: Host, circuit: HandwrittenCircuit) -> Iterator[str]:
    if circuit.facts.get("fingerprint", host.fingerprint) != host.fingerprint:
        yield f"the circuit is for the host {circuit.host} with fingerprint {circuit.facts['fingerprint'][:12]}…"
    found, site, stride = _convolutions(host, circuit), host.site(circuit.site), circuit.layers[-1].stride_px
    if len(found) != 1:
        yield f"{len(found)} convolutions"
        return
    (convolution,) = found
    facts = {  # what there is -> what it must be
        f"{convolution.in_channels} input channels": convolution.in_channels == 3,
        f"stride {convolution.stride}": convolution.stride == (stride, stride),
        f"dilation {convolution.dilation}": convolution.dilation == (1, 1),
        f"{convolution.groups} groups": convolution.groups == 1,
        "no bias": convolution.bias is not None,
        f"{convolution.out_channels} filters for {site.channels} channels": convolution.out_channels == site.channels,
        f"no unit {max(circuit.units)}": max(circuit.units) < site.channels,
    }
    yield from (fact for fact, fits in facts.items() if not fits)


def _filters(host: Host, circuit: HandwrittenCircuit) -> Float[Tensor, "unit 3 kh kw"]:
    """The circuit's kernels as the host's convolution would have them: its channels, its units, and its taps, 0 where the circuit has none."""
    layer: Layer = circuit.layers[-1]
    kernel = torch.as_tensor(layer.reads[0].weight).detach().double() / float(layer.ideal)
    kernel = kernel * torch.tensor(host.input.scale_rgb, dtype=torch.float64)[:, None, None] / INPUT_UNIT
    kernel = kernel if host.input.order == "RGB" else kernel.flip(1)
    size, reach = _convolutions(host, circuit)[0].kernel_size, kernel.shape[-1] // 2
    # cell (0, 0) of the circuit is centred on pixel offset_px, that of the host begins at its first tap
    middle = [circuit.grid.offset_px - first_px for first_px in _first_tap_px(host, circuit)]
    spare = [(at - reach, taps - 1 - at - reach) for at, taps in zip(middle, size, strict=True)]
    if min(map(min, spare)) < 0:
        most = 2 * (reach + min(map(min, spare))) + 1
        found = (
            f"filters of {size[0]} x {size[1]} taps; the circuit's {2 * reach + 1} x {2 * reach + 1} about tap {tuple(middle)} do not fit"
        )
        remedy = f"Give {layer.family} a window_px of at most {most}, or splice it." if most > 0 else REMEDY
        raise WorkbenchError(_where(host, circuit), found, "a kernel within the host's, as weights outside would be lost", remedy)
    (above, below), (left, right) = spare
    return F.pad(kernel, (left, right, above, below))


def _first_tap_px(host: Host, circuit: HandwrittenCircuit) -> tuple[int, int]:
    """Row and column of the pixel under the filters' first tap at cell (0, 0): minus the padding.

    Measured, since a network may pad in any way of its own: where a filter passes on that tap alone, each cell says the number of its pixel.
    """
    probe, site, size = replace(host, network=copy.deepcopy(host.network)), host.site(circuit.site), host.input.size_px
    x = torch.zeros(2, 3, size, size)
    x[0, 0], x[1, 0] = torch.arange(1.0, size + 1)[:, None], torch.arange(1.0, size + 1)[None, :]
    with torch.no_grad():
        own = dict(_convolutions(probe, circuit)[0].named_parameters())
        own["weight"].zero_()[:, 0, 0, 0] = 1
        own["bias"].zero_()
        said = probe.activations(x, site.name)[site.name][:, circuit.units[0]]

    def first_px(numbers: Float[Tensor, " cell"]) -> int:
        middle = len(numbers) // 2
        first = round(float(numbers[middle])) - 1 - site.stride_px * middle
        pixel = first + site.stride_px * torch.arange(len(numbers))
        if not torch.equal(numbers, torch.where((pixel >= 0) & (pixel < size), pixel + 1.0, 0.0)):
            raise _misfit(host, circuit, "a filter that passes on a single pixel does not give that pixel, and 0 beyond the picture")
        return first

    return first_px(said[0, :, site.width // 2]), first_px(said[1, site.height // 2])


def _refuse_unlike_the_splice(made: Host, circuit: HandwrittenCircuit, gain: Tensor, bias: Tensor) -> None:
    """Tries the copy on loud noise, borders and all: whatever else the site does to its convolution shows here."""
    size = made.input.size_px
    rgb = LOUD * torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        said = made.activations(made.input.encode(rgb), circuit.site)[circuit.site][:, list(circuit.units)]
        expected = F.relu(gain[:, None, None] * drive(circuit, rgb, made.input.mean_rgb) + bias[:, None, None])
    off, largest = float((said - expected).abs().max()), float(expected.max())
    if not off <= ROUNDING * largest:
        raise _misfit(made, circuit, f"on noise the copy is up to {off:.3g} away from the splice, of at most {largest:.3g}")


def _misfit(host: Host, circuit: HandwrittenCircuit, found: str) -> WorkbenchError:
    stride = circuit.layers[-1].stride_px
    expected = f"one convolution of the picture of stride {stride}, padded with nothing or with zeros, then a ReLU"
    return WorkbenchError(_where(host, circuit), found, expected, REMEDY)


def _where(host: Host, circuit: HandwrittenCircuit) -> str:
    return f"host {host.name}: site {circuit.site}"
