"""A plan gives the plain drives with fewer multiplications, and equal layers have equal keys."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.planted import planted
from workbench.compiler import compile_spec, respond
from workbench.compiler import plan as planning
from workbench.compiler.cells import Cells, pool, read, read_by
from workbench.compiler.circuit import Grid, HandwrittenCircuit, Layer, Normalise, Pool, Read
from workbench.compiler.compile import compile_theory
from workbench.compiler.file import read_circuit, write_circuit
from workbench.compiler.plan import cheapest, layer_keys, plan
from workbench.compiler.respond import drive
from workbench.spec import load_circuit, load_theory
from workbench.theory.poses import every_combination
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn

ROOT = Path(__file__).parents[2]
ROUNDING = 1e-12  # float64: sums of some hundred numbers around 1
# weights that went through a float32 file: what a kernel may leave out, over some hundred numbers
FROM_FLOAT32 = 1e-5
UPSTREAM, DOWNSTREAM = ((Cells(1, 2, 13),) * 2, (Cells(3, 4, 6),) * 2)
LIKE_CURVES = ("curve-detectors", "curves-transferred", "distill-aann")


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def colours(directions: int = 2) -> Tensor:
    """Filters of four patterns in each of a few directions over three channels.

    The direction runs fastest; one filter has the opposite sign.
    """
    weight = torch.einsum("pij,dc->pdcij", noise(4, 5, 5), noise(directions, 3, seed=1)).flatten(
        0, 1
    )
    weight[3] *= -2
    return weight


WEIGHTS = {
    "dense": (noise(6, 4, 3, 3), {"after": False, "mixed": False}),
    "apart": (colours(), {"after": False, "mixed": True}),
    "opposite phases": (
        torch.cat([(few := noise(5, 4, 3, 3)), -few, few]),
        {"after": True, "mixed": False},
    ),
    "a rim of zeros": (
        torch.nn.functional.pad(noise(3, 4, 3, 3), (2, 2, 2, 2)),
        {"after": False, "mixed": False},
    ),
    "nothing at all": (torch.zeros(3, 2, 5, 5, dtype=torch.float64), {}),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_cheapest_gives_the_drive_of_the_weight_and_costs_no_more(name):
    weight, form = WEIGHTS[name]
    kernel, x = cheapest(weight, 2), noise(2, weight.shape[1], 13, 13, seed=2)
    for step, there in form.items():
        assert (getattr(kernel, step) is not None) == there
    response = read_by(kernel, x, UPSTREAM, DOWNSTREAM)
    response = response if kernel.order is None else response[:, kernel.order]
    expected = read(x, weight, UPSTREAM, DOWNSTREAM)
    torch.testing.assert_close(
        response, expected, rtol=0, atol=ROUNDING * max(1, float(expected.abs().max()))
    )
    assert kernel.cost <= weight.numel()
    if name != "dense":
        assert kernel.cost < weight.numel()


@pytest.mark.parametrize(("dtype", "apart"), [(torch.float32, 1e-3), (torch.float64, 1e-8)])
def test_directions_that_are_almost_one_are_two(dtype, apart):
    """Read by a colour at right angles to the direction they share, so that they differ in all."""
    shared, across = (
        torch.tensor(each, dtype=torch.float64) for each in ((0.6, 0.8, 0.0), (0.8, -0.6, 0.0))
    )
    directions = torch.stack([shared, shared + apart * across])
    weight = torch.einsum("pij,dc->pdcij", noise(4, 5, 5), directions).flatten(0, 1).to(dtype)
    x = across[None, :, None, None] * noise(2, 1, 13, 13, seed=2)
    kernel = cheapest(weight, 2)
    assert kernel.mixed is None or len(kernel.mixed) == 2
    response = read_by(kernel, x, UPSTREAM, DOWNSTREAM)
    response = response if kernel.order is None else response[:, kernel.order]
    expected = read(x, weight.double(), UPSTREAM, DOWNSTREAM)
    assert expected[:, 1::2].std() > apart
    left_out = (
        10
        * max(4 * torch.finfo(dtype).eps, 1e-14)
        * float(weight.double().flatten(1).norm(dim=1).max())
    )
    torch.testing.assert_close(response, expected, rtol=0, atol=left_out)
    assert left_out < apart / 20


def test_a_weight_of_nearly_low_rank_stays_dense():
    weight = torch.cat([(few := noise(5, 4, 3, 3)), -few]) + 1e-9 * noise(10, 4, 3, 3, seed=3)
    assert cheapest(weight, 1).after is None
    assert cheapest(colours() + 1e-9 * noise(8, 3, 5, 5, seed=3), 1).mixed is None


@pytest.mark.parametrize("taps", [1, 2, 3])
@pytest.mark.parametrize("offset_px", [1, 3])
@pytest.mark.parametrize("count", [12, 13])
def test_a_pool_is_the_highest_of_the_cells_about_each(taps, offset_px, count):
    x, below = noise(1, 2, count, count), Cells(offset_px, 4, (2 * count - offset_px) // 4)
    pooled = pool(x, taps, (Cells(1, 2, count),) * 2, (below, below))
    assert pooled.shape[2:] == (below.count, below.count)
    for i in range(below.count):
        for j in range(below.count):
            row, column = (2 * k + (offset_px - 1) // 2 for k in (i, j))
            about = x[
                0, :, max(0, row - taps) : row + taps + 1, max(0, column - taps) : column + taps + 1
            ]
            assert torch.equal(pooled[0, :, i, j], about.amax((1, 2)))


def test_a_pool_may_reach_beyond_all_of_the_cells():
    x = noise(1, 2, 3, 3)
    assert torch.equal(
        pool(x, 3, (Cells(1, 2, 3),) * 2, (Cells(5, 4, 1),) * 2), x.amax((2, 3), keepdim=True)
    )


def plainly(circuit: HandwrittenCircuit, rgb: Tensor, mean_rgb) -> Tensor:
    return respond.respond(
        circuit.layers, respond.Responses.to(respond.in_circuit_units(rgb, mean_rgb), circuit.grid)
    )


@pytest.mark.parametrize("name", LIKE_CURVES)
def test_a_planned_circuit_gives_the_plain_drive(name, squeezenet, tmp_path):
    trained = load_circuit(ROOT / "circuits" / "squeezenet" / "curve.yaml")
    circuit = compile_spec(load_theory(ROOT / "specs" / f"{name}.yaml"), trained, squeezenet)
    rgb = noise(5, 3, 227, 227) * 40 + 120
    expected = plainly(circuit, rgb, squeezenet.input.mean_rgb)
    planned = respond.drive(circuit, rgb, squeezenet.input.mean_rgb)
    torch.testing.assert_close(planned, expected, rtol=0, atol=ROUNDING * 10)
    assert expected.std() > 0.01
    write_circuit(circuit, tmp_path / "circuit.safetensors")
    torch.testing.assert_close(
        respond.drive(
            read_circuit(tmp_path / "circuit.safetensors"), rgb, squeezenet.input.mean_rgb
        ),
        expected,
        rtol=0,
        atol=FROM_FLOAT32,
    )
    dense = sum(
        read.weight.numel() / layer.stride_px**2 for layer in circuit.layers for read in layer.reads
    )
    planned = sum(
        reading.kernel.cost / layer.layer.stride_px**2
        for layer in plan(circuit)
        for reading in layer.readings
    )
    assert planned < 0.75 * dense  # multiplications a pixel


def test_equal_layers_of_two_compilations_run_once(monkeypatch):
    host, trained, spec = planted()
    one, two = (compile_spec(spec, trained, host) for _ in range(2))
    other = replace(
        two, layers=(*two.layers[:-1], replace(two.layers[-1], ideal=two.layers[-1].ideal * 2))
    )
    assert [a.key == b.key for a, b in zip(plan(one), plan(other), strict=True)] == [True, False]
    added = []
    add_by = respond.Responses.add_by
    monkeypatch.setattr(
        respond.Responses,
        "add_by",
        lambda self, planned: added.append(planned.layer.family) or add_by(self, planned),
    )
    rgb = noise(2, 3, 96, 96) * 40 + 120
    by_circuit = respond.drives({"one": one, "two": two, "other": other}, rgb, host.input.mean_rgb)
    assert added == ["gabor"]
    assert torch.equal(by_circuit["one"], by_circuit["two"])
    torch.testing.assert_close(by_circuit["other"] * 2, by_circuit["one"])


def test_a_weight_that_is_changed_in_place_is_read_as_it_is_now():
    host, trained, spec = planted()
    circuit, rgb = compile_spec(spec, trained, host), noise(2, 3, 96, 96) * 40 + 120
    keys, before = layer_keys(circuit), drive(circuit, rgb, host.input.mean_rgb)
    circuit.layers[-1].reads[0].weight.mul_(2)
    after = drive(circuit, rgb, host.input.mean_rgb)
    torch.testing.assert_close(
        after, plainly(circuit, rgb, host.input.mean_rgb), rtol=0, atol=ROUNDING * 10
    )
    assert (after - before).abs().max() > 0.05
    assert [a == b for a, b in zip(layer_keys(circuit), keys, strict=True)] == [True, False]


def test_equal_layers_are_decomposed_once(monkeypatch):
    host, trained, spec = planted()
    decomposed = []
    monkeypatch.setattr(planning, "_KERNELS", {})
    monkeypatch.setattr(
        planning,
        "cheapest",
        lambda weight, stride: decomposed.append(1) or cheapest(weight, stride),
    )
    for _ in range(3):
        drive(
            compile_spec(spec, trained, host), noise(2, 3, 96, 96) * 40 + 120, host.input.mean_rgb
        )
    assert len(decomposed) == 2  # layers of the theory


CHANGES = {
    "weight": lambda layer: replace(layer, reads=(Read("input", layer.reads[0].weight * 1.001),)),
    "threshold": lambda layer: replace(layer, threshold=layer.threshold + 0.01),
    "ideal": lambda layer: replace(layer, ideal=layer.ideal + 0.01),
    "rectifier": lambda layer: replace(layer, full=True),
    "grid": lambda layer: replace(layer, stride_px=4),
    "normalise": lambda layer: replace(layer, normalise=Normalise("scale", 0.1)),
    "floor": lambda layer: replace(layer, normalise=Normalise("phase", 0.2)),
    "axis": lambda layer: replace(layer, normalise=Normalise("scale", 0.2)),
    "pool": lambda layer: replace(layer, pool=Pool(1, 2)),
    "taps": lambda layer: replace(layer, pool=Pool(2, 4)),
    "stride of the pool": lambda layer: replace(layer, pool=Pool(1, 4)),
    "shape of the units": lambda layer: replace(
        layer, units=every_combination({"phase": (1.0, 2.0), "scale": (1.0,)})
    ),
}


def test_each_property_of_a_layer_changes_its_key_and_that_of_its_reader():
    value = torch.tensor(0.1, dtype=torch.float64)
    first = Layer(
        "a",
        every_combination({"scale": (1.0, 2.0), "phase": (1.0,)}),
        2,
        (Read("input", noise(2, 3, 3, 3)),),
        value,
        value,
    )
    last = Layer(
        "b",
        every_combination({"scale": (1.0, 2.0)}),
        4,
        (Read("a", noise(2, 2, 1, 1)),),
        value,
        value,
    )
    circuit = HandwrittenCircuit("t", "h", "s", (0, 1), Grid(16, 4, 1, 4, 4), (first, last))
    keys = {"as it was": layer_keys(circuit)}
    for name, change in CHANGES.items():
        keys[name] = layer_keys(replace(circuit, layers=(change(first), last)))
    for place in (0, 1):
        assert len({key[place] for key in keys.values()}) == len(keys)
    assert layer_keys(replace(circuit, theory="another")) == keys["as it was"]


@pytest.mark.parametrize("what", ["float32", "bound"])
def test_float32_weights_and_sites_of_the_host_are_read_as_plainly(what):
    host, trained, spec = planted()
    circuit, rgb = compile_spec(spec, trained, host), noise(3, 3, 96, 96) * 40 + 120
    activations = {}
    if what == "bound":
        last = circuit.layers[-1]
        units = last.reads[0].weight.shape[0]
        bound = Layer(
            "bound",
            last.units,
            8,
            (Read("host:retina", noise(units, 6, 3, 3)), *last.reads[:1]),
            last.threshold,
            last.ideal,
        )
        circuit = replace(circuit, layers=(*circuit.layers[:-1], bound))
        activation = torch.relu(noise(3, 6, 96, 96, seed=1))
        activations = respond.host_activations(host, {"retina": activation})
    else:
        circuit = in_float32(circuit)
        rgb = rgb.float()
    expected = respond.respond(
        circuit.layers,
        respond.Responses.to(
            respond.in_circuit_units(rgb, host.input.mean_rgb), circuit.grid, activations
        ),
    )
    planned = respond.drives({"it": circuit}, rgb, host.input.mean_rgb, activations)["it"]
    scale = float(expected.abs().max())
    torch.testing.assert_close(
        planned,
        expected,
        rtol=0,
        atol=scale * (FROM_FLOAT32 if what == "float32" else ROUNDING * 10),
    )
    assert expected.std() > 0.01 * scale
    if what == "bound":
        without_activations = respond.drives(
            {"it": circuit},
            rgb,
            host.input.mean_rgb,
            respond.host_activations(host, {"retina": 0 * activation}),
        )["it"]
        assert (without_activations - planned).abs().max() > 0.1 * scale


def in_float32(circuit: HandwrittenCircuit) -> HandwrittenCircuit:
    layers = (
        replace(
            layer, reads=tuple(replace(read, weight=read.weight.float()) for read in layer.reads)
        )
        for layer in circuit.layers
    )
    return replace(circuit, layers=tuple(layers))


def test_a_gradient_still_flows_through_the_plain_path():
    host, trained, spec = planted()
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    circuit = compile_theory(
        spec.theory,
        trained,
        host,
        lambda number: torch.tensor(number.tune, dtype=torch.float64) * scale,
    )
    plainly(circuit, noise(1, 3, 96, 96) * 40 + 120, host.input.mean_rgb).square().sum().backward()
    assert scale.grad is not None
    assert scale.grad.isfinite()
    assert scale.grad != 0


def test_a_gradient_by_the_pictures_goes_the_plain_way_to_the_same_drives():
    host, trained, spec = planted()
    circuit = compile_spec(spec, trained, host)
    rgb = host.input.decode(batch(drawn(2, seed=3), host.input))
    fast = drive(circuit, rgb, host.input.mean_rgb)
    leaf = rgb.clone().requires_grad_()
    slow = drive(circuit, leaf, host.input.mean_rgb)
    (gradient,) = torch.autograd.grad(slow.sum(), leaf)
    assert gradient.abs().sum() > 0
    assert not fast.requires_grad
    torch.testing.assert_close(fast, slow.detach(), rtol=1e-4, atol=1e-5)  # sums in another order


def test_a_gradient_by_the_weights_goes_the_plain_way_too():
    host, trained, spec = planted()
    circuit, rgb = compile_spec(spec, trained, host), noise(2, 3, 96, 96) * 40 + 120
    fast = drive(circuit, rgb, host.input.mean_rgb)
    last = circuit.layers[-1]
    weight = last.reads[0].weight.clone().requires_grad_()
    leaf = replace(
        circuit,
        layers=(
            *circuit.layers[:-1],
            replace(last, reads=(Read(last.reads[0].source, weight), *last.reads[1:])),
        ),
    )
    slow = drive(leaf, rgb, host.input.mean_rgb)
    (gradient,) = torch.autograd.grad(slow.square().sum(), weight)
    assert gradient.abs().sum() > 0
    torch.testing.assert_close(fast, slow.detach(), rtol=0, atol=ROUNDING * 10)
    with torch.no_grad():
        assert not drive(leaf, rgb, host.input.mean_rgb).requires_grad
