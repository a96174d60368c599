"""A circuit spliced from outside and the same circuit in a copy's tensors are one network.

A filter out of place is not.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from tests.conftest import tiny_network
from tests.planted import EDGES, trained_circuit
from workbench.compiler import HandwrittenCircuit, compile_spec, write_circuit
from workbench.errors import WorkbenchError
from workbench.export.file import KEY, provenance, read_exported, write_exported
from workbench.export.weights import exported, refuse_unlike_splice
from workbench.hosts import Host, PictureInput, host_from_module
from workbench.hosts.frozen import state_fingerprint
from workbench.hosts.inception_blocks import ConvRelu
from workbench.score.scorecard import Cost
from workbench.spec import TrainedUnit, theory_from_text
from workbench.splice.conditions import Handwritten
from workbench.splice.network import SplicedNetwork
from workbench.tensor_file import CHECKSUM, tensor_bytes

READS = "{input: {kernel: gabor, wavelength_px: 4, sigma_px: 1.2, aspect: 0.7}}"
ABOVE = """\
  blob:
    poses: {orientation_deg: {every: 90, over: 180}}
    stride_px: 2
    window_px: 3
    reads: {input: {kernel: gabor, wavelength_px: 4, sigma_px: 1.2}}
"""
# no two alike under a turn, a mirror or another order of the colours
UNITS = (
    TrainedUnit(
        unit=5, centre_deg=20.0, phase_deg=270.0, scale=1.0, channel="luma", shift_px=(0.3, -0.2)
    ),
    TrainedUnit(unit=1, centre_deg=110.0, phase_deg=30.0, scale=0.8, channel="blue-yellow"),
    TrainedUnit(unit=6, centre_deg=250.0, phase_deg=90.0, scale=1.2, channel="red-green"),
)
COST = Cost(free=9, tuned=0, calibrated=6, poses=6, weights=100, bits=250)
GAIN, BIAS = torch.tensor([40.0, 25.0, 30.0]), torch.tensor([0.5, -0.3, 0.1])
ROUNDING = 2e-6  # float32, of the largest activation or logit
WRONG = 0.01  # of the same: what a misplaced filter is off by at least
INPUT = PictureInput(size_px=32, mean_rgb=(124.0, 117.0, 104.0), scale_rgb=(58.0, 40.0, 70.0))


class Pair(NamedTuple):
    host: Host
    circuit: HandwrittenCircuit


def first(*stages: nn.Module) -> nn.Sequential:
    """The tiny network with another first stage."""
    network = tiny_network()
    network[0] = nn.Sequential(*stages)
    return network


def pair(
    network: nn.Module | None = None,
    input: PictureInput = INPUT,
    theory: str = EDGES,
    site: str = "first",
    **sites: str,
) -> Pair:
    host = host_from_module(
        network or tiny_network(),
        "tiny",
        {"first": "0", "second": "1", **sites},
        input,
        links={"first": "relu"},
    )
    return on(host, site, theory)


def on(host: Host, site: str, theory: str = EDGES, units: tuple[TrainedUnit, ...] = UNITS) -> Pair:
    return Pair(
        host,
        compile_spec(theory_from_text(theory), trained_circuit(host, units, "edge", site), host),
    )


def pictures(host: Host, count: int = 2) -> Tensor:
    """White coloured noise: every pixel of every colour counts."""
    size = host.input.size_px
    return host.input.encode(
        torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0)) * 255
    )


def activation_at(host: Host, site: str, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return host.activations(x, site)[site].clone()


def check_exported_is_spliced(host: Host, circuit: HandwrittenCircuit, gain: Tensor = GAIN) -> None:
    """The copy's units, its other channels, its logits; and the host as it was."""
    before, x, units, site = (
        state_fingerprint(host.network),
        pictures(host),
        list(circuit.units),
        circuit.site,
    )
    made = exported(host, circuit, gain, BIAS)
    spliced = SplicedNetwork(
        host, ({"spliced": circuit}, Handwritten("spliced", gain, BIAS, torch.arange(len(units))))
    )
    with torch.inference_mode():
        logits, expected_logits, natural = made.network(x), spliced(x), host.network(x)
        expected = expected_site(host, circuit, x, gain)
    measured, trained = activation_at(made, site, x), activation_at(host, site, x)
    others = [channel for channel in range(measured.shape[1]) if channel not in units]
    assert difference(measured[:, units], expected) < ROUNDING
    assert torch.equal(measured[:, others], trained[:, others])
    assert difference(logits, expected_logits) < ROUNDING
    assert difference(natural, expected_logits) > WRONG
    assert (measured[:, units] > 0).float().mean((0, 2, 3)).min() > 0.1  # every unit speaks
    assert (
        state_fingerprint(host.network)
        == before
        != made.fingerprint
        == state_fingerprint(made.network)
    )


def expected_site(host: Host, circuit: HandwrittenCircuit, x: Tensor, gain: Tensor) -> Tensor:
    """The circuit one tap at a time, with the host's mean colour beyond the picture."""
    kernel, grid = circuit.layers[0].reads[0].weight, circuit.grid
    rgb = host.input.decode(x).double() - torch.tensor(host.input.mean_rgb)[:, None, None]
    reach, total = kernel.shape[-1] // 2, torch.zeros(())
    around = F.pad(rgb / 127.5, (16, 16, 16, 16))
    for row in range(-reach, reach + 1):
        for column in range(-reach, reach + 1):
            at = [
                16 + grid.offset_px + step + grid.stride_px * torch.arange(n)
                for step, n in ((row, grid.height), (column, grid.width))
            ]
            seen = around[:, :, at[0][:, None], at[1][None, :]]
            total = total + torch.einsum(
                "uc,nchw->nuhw", kernel[:, :, reach + row, reach + column], seen
            )
    return F.relu(gain[:, None, None] * total + BIAS[:, None, None]).float()


def difference(measured: Tensor, expected: Tensor) -> float:
    """The largest, as a part of the largest that is expected."""
    return float((measured - expected).abs().max() / expected.abs().max())


HOSTS: dict[str, tuple[Callable[[], nn.Module], PictureInput]] = {
    "5 x 5 in zeros": (tiny_network, INPUT),
    "blue first": (tiny_network, replace(INPUT, order="BGR")),
    "SAME, more on the far side": (lambda: first(ConvRelu(3, 8, 7, stride=2)), INPUT),
    "padded by a module": (
        lambda: first(nn.ZeroPad2d((0, 2, 0, 2)), nn.Conv2d(3, 8, 5, 2), nn.ReLU()),
        INPUT,
    ),
    "an even kernel": (lambda: first(nn.Conv2d(3, 8, 6, 2, padding=2), nn.ReLU()), INPUT),
    "3 x 3 of stride 1": (lambda: first(nn.Conv2d(3, 8, 3), nn.ReLU()), INPUT),
}


@pytest.mark.parametrize(("network", "input"), HOSTS.values(), ids=HOSTS)
def test_exported_is_spliced(network, input):
    check_exported_is_spliced(*pair(network(), input))


def test_exported_is_spliced_in_squeezenet(squeezenet):
    check_exported_is_spliced(*on(squeezenet, "conv1"), 50 * GAIN)


@pytest.mark.inceptionv1
def test_exported_is_spliced_in_inceptionv1(inceptionv1):
    check_exported_is_spliced(
        *on(inceptionv1, "conv2d0", EDGES.replace("window_px: 3", "window_px: 7")), 50 * GAIN
    )


DISPLACED: dict[str, Callable[[Tensor], Tensor]] = {
    "down by a tap": lambda weight: weight.roll(1, 2),
    "left by a tap": lambda weight: weight.roll(-1, 3),
    "red for blue": lambda weight: weight.flip(1),
    "mirrored": lambda weight: weight.flip(3),
    "transposed": lambda weight: weight.transpose(2, 3),
    "another unit's": lambda weight: weight.roll(1, 0),
}


@pytest.mark.parametrize("displaced", DISPLACED.values(), ids=DISPLACED)
def test_a_filter_out_of_place_is_seen(displaced):
    """The comparison above can fail, and so can the copy's own."""
    host, circuit = pair()
    made, units, x = exported(host, circuit, GAIN, BIAS), list(circuit.units), pictures(host)
    network = made.network[0][0].weight
    network[units] = displaced(network[units])
    assert (
        difference(activation_at(made, "first", x)[:, units], expected_site(host, circuit, x, GAIN))
        > WRONG
    )
    with pytest.raises(WorkbenchError, match=r"on noise the copy is up to .* away from the splice"):
        refuse_unlike_splice(made, circuit, GAIN, BIAS)


def test_the_name_tells_what_is_written():
    made = exported(*pair(), GAIN, BIAS)
    assert made.name == "tiny+edges"
    assert "first units 5, 1, 6 handwritten from edges" in made.source


CONVOLUTION = "host tiny: site first: "
MISFITS: dict[str, tuple[Callable[[], Pair], str]] = {
    "two families": (
        lambda: pair(theory=EDGES.replace("  edge:", ABOVE + "  edge:")),
        "circuit edges: 2 families (blob, edge)",
    ),
    "a family above": (
        lambda: pair(
            theory=EDGES.replace("window_px: 3", "window_px: 5")
            .replace("  edge:", ABOVE + "  edge:")
            .replace(READS, "{blob: {along: point, spread_px: 2, match: any}}")
        ),
        "edge reads blob; expected one family that reads only input",
    ),
    "full": (lambda: pair(theory=EDGES + "    rectify: full\n"), "edge has rectify: full"),
    "a threshold": (lambda: pair(theory=EDGES + "    threshold: 0.2\n"), "edge has a threshold"),
    "a later layer": (
        lambda: pair(site="second"),
        "host tiny: site second: 8 input channels; stride (1, 1); "
        "expected one convolution of the picture",
    ),
    "two convolutions": (
        lambda: pair(first(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 8, 5, 2, padding=2), nn.ReLU())),
        CONVOLUTION + "2 convolutions",
    ),
    "no convolution": (lambda: pair(site="relu", relu="0.1"), "site relu: 0 convolutions"),
    "a pool behind": (
        lambda: pair(first(nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2))),
        CONVOLUTION + "stride (1, 1); expected one convolution of the picture of stride 2",
    ),
    "holes": (lambda: pair(first(nn.Conv2d(3, 8, 3, 2, dilation=2), nn.ReLU())), "dilation (2, 2)"),
    "no bias": (lambda: pair(first(nn.Conv2d(3, 8, 5, 2, bias=False), nn.ReLU())), "no bias"),
    "a larger kernel": (
        lambda: pair(theory=EDGES.replace("window_px: 3", "window_px: 7")),
        "filters of 5 x 5 taps; the circuit's 7 x 7 about tap (2, 2) do not fit; expected a kernel "
        "within the host's, as weights outside would be lost. Give edge a window_px of at most 5",
    ),
    "another colour beyond": (
        lambda: pair(first(nn.Conv2d(3, 8, 5, 2, padding=2, padding_mode="replicate"), nn.ReLU())),
        "a filter that passes on a single pixel does not give that pixel, and 0 beyond",
    ),
    "normalised behind": (
        lambda: pair(first(nn.Conv2d(3, 8, 5, 2, padding=2), nn.ReLU(), nn.LocalResponseNorm(3))),
        "does not give that pixel",
    ),
    "a ceiling": (
        lambda: pair(first(nn.Conv2d(3, 8, 5, 2, padding=2), nn.ReLU6())),
        "does not give that pixel",
    ),
    "no rectifier": (
        lambda: pair(first(nn.Conv2d(3, 8, 5, 2, padding=2))),
        "on noise the copy is up to",
    ),
}


@pytest.mark.parametrize(("make", "measured"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_refused_with_what_to_do(make, measured):
    host, circuit = make()
    with pytest.raises(WorkbenchError) as caught:
        exported(host, circuit, GAIN[: len(circuit.units)], BIAS[: len(circuit.units)])
    assert measured in str(caught.value)
    assert "plice it" in caught.value.remedy


def test_another_hosts_circuit_is_refused():
    host = host_from_module(tiny_network(seed=1), "other", {"first": "0"}, INPUT)
    with pytest.raises(WorkbenchError, match="the circuit is for the host tiny with fingerprint"):
        exported(host, pair().circuit, GAIN, BIAS)


# ---- the file


@pytest.fixture
def exported_file(tmp_path):
    """An exported network, its base, and its file."""
    host, circuit = pair()
    made, path = exported(host, circuit, GAIN, BIAS), tmp_path / "edges.safetensors"
    write_exported(made, provenance(host, circuit, GAIN, BIAS, ["b" * 64, "a" * 64], COST), path)
    return made, host, path


def test_an_exported_network_comes_back(exported_file):
    made, host, path = exported_file
    back, content = read_exported(path, host), path.read_bytes()
    x = pictures(host)
    with torch.inference_mode():
        assert torch.equal(back.network(x), made.network(x))
    assert (back.name, back.fingerprint, back.source, back.sites) == (
        made.name,
        made.fingerprint,
        made.source,
        made.sites,
    )
    assert set(load_file(path)) == set(host.network.state_dict())
    facts = provenance(host, pair().circuit, GAIN, BIAS, ["a" * 64, "b" * 64], COST)
    write_exported(made, facts, path)
    assert path.read_bytes() == content


def changed(path, change) -> None:
    """The file with its header or tensors changed, and its checksum made to fit."""
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()[KEY])
        tensors = {name: file.get_tensor(name) for name in [*file.keys()]}
    del header[CHECKSUM]
    change(header, tensors)
    path.write_bytes(tensor_bytes(tensors, KEY, header))


FAULTS = {
    "truncated": (
        lambda path, content: path.write_bytes(content[:-100]),
        "cannot be read as safetensors",
    ),
    "no file": (lambda path, content: path.unlink(), "cannot be read as safetensors"),
    "a text": (lambda path, content: path.write_text(EDGES), "cannot be read as safetensors"),
    "plain weights": (
        lambda path, content: path.write_bytes(save({"w": torch.zeros(3)})),
        "is no exported network of this version",
    ),
    "a compiled circuit": (
        lambda path, content: write_circuit(pair().circuit, path),
        "is no exported network of this version",
    ),
    "one bit": (
        lambda path, content: path.write_bytes(content[:-1] + bytes([content[-1] ^ 1])),
        "was changed after it was written",
    ),
    "another weight": (
        lambda path, content: changed(path, lambda h, t: t["0.0.bias"].add_(1)),
        "altered: its tensors have fingerprint",
    ),
    "a missing key": (
        lambda path, content: changed(path, lambda h, t: h.pop("host_fingerprint")),
        "host_fingerprint: None; expected text",
    ),
    "a host that is a number": (
        lambda path, content: changed(path, lambda h, t: h.update(host=5)),
        "host: 5; expected text",
    ),
    "another network's tensors": (
        lambda path, content: changed(path, lambda h, t: t.pop("0.0.bias")),
        "has other tensors than its host",
    ),
    "a tensor of another shape": (
        lambda path, content: changed(path, lambda h, t: t.update({"0.0.bias": torch.zeros(1)})),
        "has other tensors than its host",
    ),
}


@pytest.mark.parametrize(("spoil", "measured"), FAULTS.values(), ids=FAULTS)
def test_what_is_no_exported_network_is_refused(exported_file, spoil, measured):
    _, host, path = exported_file
    spoil(path, path.read_bytes())
    with pytest.raises(WorkbenchError) as caught:
        read_exported(path, host)
    assert caught.value.where.startswith(str(path))
    assert caught.value.remedy == "Export it again: workbench export."
    assert measured in str(caught.value)


def test_another_base_is_refused(exported_file):
    made, _, path = exported_file
    with pytest.raises(
        WorkbenchError, match=r"is a copy of tiny with .*; expected a copy of tiny\+edges"
    ):
        read_exported(path, made)
