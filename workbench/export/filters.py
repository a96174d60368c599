"""A circuit's kernels as filters of a host's convolution.

The circuit's weights apply to `(rgb - mean) / 127.5`, and the host's filters to its own input, so
scale and channel order of the host are folded into the filters. The host's zero padding is the mean
colour, which is what a circuit has beyond the picture too.
"""

import copy
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.respond import INPUT_UNIT
from workbench.errors import WorkbenchError
from workbench.hosts.host import Host

REMEDY = "Splice it instead: workbench score."


def convolutions(host: Host, circuit: HandwrittenCircuit) -> list[nn.Conv2d]:
    """The convolutions that make the circuit's site."""
    modules = host.module(circuit.site).modules()
    return [module for module in modules if isinstance(module, nn.Conv2d)]


def parameters(host: Host, circuit: HandwrittenCircuit) -> dict[str, nn.Parameter]:
    """Weight and bias of the one convolution that makes the circuit's site."""
    return dict(convolutions(host, circuit)[0].named_parameters())


def filters(host: Host, circuit: HandwrittenCircuit) -> Float[Tensor, "unit 3 kh kw"]:
    """The circuit's kernels with the taps of the host's filters, 0 where the circuit has none.

    Raises WorkbenchError for kernels that do not fit into the host's filters.
    """
    layer = circuit.layers[-1]
    kernel = torch.as_tensor(layer.reads[0].weight).detach().double() / float(layer.ideal)
    scale = torch.tensor(host.picture_input.scale_rgb, dtype=torch.float64)[:, None, None]
    kernel = kernel * scale / INPUT_UNIT
    kernel = kernel if host.picture_input.order == "RGB" else kernel.flip(1)
    size, reach = convolutions(host, circuit)[0].kernel_size, kernel.shape[-1] // 2
    # cell (0, 0) of the circuit is centred on pixel offset_px, that of the host begins at its first
    # tap
    middle = [circuit.grid.offset_px - first_px for first_px in _first_tap_px(host, circuit)]
    spare = [(at - reach, taps - 1 - at - reach) for at, taps in zip(middle, size, strict=True)]
    least = min(map(min, spare))
    if least < 0:
        taps = 2 * reach + 1
        problem = (
            f"filters of {size[0]} x {size[1]} taps; the circuit's {taps} x {taps} about tap "
            f"{tuple(middle)} do not fit"
        )
        expected = "a kernel within the host's, as weights outside would be lost"
        most = 2 * (reach + least) + 1
        remedy = f"Give {layer.family} a window_px of at most {most}, or splice it."
        raise WorkbenchError(
            place(host, circuit), problem, expected, remedy if most > 0 else REMEDY
        )
    (above, below), (left, right) = spare
    return F.pad(kernel, (left, right, above, below))


def _first_tap_px(host: Host, circuit: HandwrittenCircuit) -> tuple[int, int]:
    """Row and column of the pixel under the filters' first tap at cell (0, 0): minus the padding.

    It is measured, since a network may pad in any way of its own: with a filter that passes on that
    tap alone, and pixels that hold their own number, each cell gives the number of its pixel.
    """
    probe, site = replace(host, network=copy.deepcopy(host.network)), host.site(circuit.site)
    size = host.picture_input.size_px
    x = torch.zeros(2, 3, size, size)
    x[0, 0], x[1, 0] = torch.arange(1.0, size + 1)[:, None], torch.arange(1.0, size + 1)[None, :]
    with torch.no_grad():
        of_probe = parameters(probe, circuit)
        of_probe["weight"].zero_()[:, 0, 0, 0] = 1
        of_probe["bias"].zero_()
        numbers = probe.activations(x, site.name)[site.name][:, circuit.units[0]]
    rows, columns = numbers[0, :, site.width // 2], numbers[1, site.height // 2]
    first = [_first_px(line, site.stride_px, size) for line in (rows, columns)]
    if first[0] is None or first[1] is None:
        raise misfit(
            host,
            circuit,
            "a filter that passes on a single pixel does not give that pixel, and 0 beyond the "
            "picture",
        )
    return first[0], first[1]


def _first_px(numbers: Float[Tensor, " cell"], stride_px: int, size_px: int) -> int | None:
    """The pixel of the first cell, where cells have the numbers of their pixels, counted from 1.

    Cells beyond the picture must have 0. None for any other numbers.
    """
    middle = len(numbers) // 2
    first = round(float(numbers[middle])) - 1 - stride_px * middle
    pixel = first + stride_px * torch.arange(len(numbers))
    expected = torch.where((pixel >= 0) & (pixel < size_px), pixel + 1.0, 0.0)
    return first if torch.equal(numbers, expected) else None


def misfit(host: Host, circuit: HandwrittenCircuit, problem: str) -> WorkbenchError:
    """The error of a site that cannot hold the circuit."""
    stride = circuit.layers[-1].stride_px
    expected = (
        f"one convolution of the picture of stride {stride}, padded with nothing or with zeros, "
        "then a ReLU"
    )
    return WorkbenchError(place(host, circuit), problem, expected, REMEDY)


def place(host: Host, circuit: HandwrittenCircuit) -> str:
    """The host and site, as errors name them."""
    return f"host {host.name}: site {circuit.site}"
