"""Responses of a circuit, against a slow second implementation and under shifts and turns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.compiler import slow
from tests.compiler.random_circuit import PLAIN_CASES, circuit, tensor
from tests.planted import UNITS, planted
from workbench.compiler import compile_spec
from workbench.compiler.circuit import Grid, HandwrittenCircuit, Layer, Read
from workbench.compiler.respond import INPUT_UNIT, Responses, drive, drives, respond
from workbench.spec import TrainedUnit
from workbench.theory.poses import every_combination

ROUNDING = 1e-12  # float64: sums of some hundred numbers around 1
FLOAT32_ROUNDING = 1e-5


@pytest.mark.parametrize("offset_px", [0, 3, 7])
@pytest.mark.parametrize("first", PLAIN_CASES.values(), ids=PLAIN_CASES)
def test_responses_are_those_of_the_slow_second_implementation(first, offset_px):
    layers, grid = circuit(offset_px, **first)
    picture = np.random.default_rng(0).normal(size=(3, 41, 41))
    response = respond(layers, Responses.to(torch.tensor(picture)[None], grid))[0].numpy()
    expected = slow.respond(layers, grid, picture)
    assert np.abs(expected).std() > 0.1
    np.testing.assert_allclose(response, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())


def test_a_picture_need_not_be_square_nor_end_on_a_cell():
    layers, grid = circuit(3)
    grid = replace(grid, height=4, width=6)
    picture = np.random.default_rng(0).normal(size=(3, 36, 50))
    response = respond(layers, Responses.to(torch.tensor(picture)[None], grid))[0].numpy()
    np.testing.assert_allclose(response, slow.respond(layers, grid, picture), rtol=0, atol=1e-11)


@pytest.mark.parametrize("threshold", [-0.5, 0.0, 0.2, 0.8])
@pytest.mark.parametrize(
    ("drive", "expected"),
    [(1.0, lambda t: 1.0), (0.5, lambda t: max(0.0, 0.5 - t) / (1 - t)), (-2.0, lambda t: 0.0)],
)
def test_a_threshold_keeps_1_at_1_and_makes_0_of_responses_below_it(threshold, drive, expected):
    one = Layer(
        "a",
        every_combination({"scale": (1.0,)}),
        1,
        (Read("input", torch.ones(1, 3, 1, 1)),),
        tensor(threshold),
        tensor(6.0),
    )
    responses = Responses.to(
        torch.full((1, 3, 4, 4), 2.0 * drive, dtype=torch.float64), Grid(4, 1, 0, 4, 4)
    )
    responses.add(one)
    assert responses.of["a"].unique().tolist() == pytest.approx([expected(threshold)], abs=1e-15)


def test_a_full_rectified_unit_responds_alike_to_either_sign():
    layers, grid = circuit(3, full=True)
    picture = torch.randn(
        1, 3, 41, 41, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    assert torch.equal(
        respond(layers, Responses.to(picture, grid)), respond(layers, Responses.to(-picture, grid))
    )
    layers, grid = circuit(3, full=False)
    assert not torch.allclose(
        respond(layers, Responses.to(picture, grid)), respond(layers, Responses.to(-picture, grid))
    )


def test_shifting_the_picture_by_a_cell_shifts_the_response_by_a_cell():
    layers, grid = circuit(3)
    grid = replace(grid, height=10, width=10)
    picture = torch.randn(
        1, 3, 88, 88, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    here, there = (
        respond(layers, Responses.to(p, grid))
        for p in (picture[..., :80, :80], picture[..., 8:, :80])
    )
    inside = slice(4, 6)  # a unit of the last layer sees 16 + 8 + 4 + 2 px to each side
    np.testing.assert_allclose(
        there[..., inside, inside], here[..., 5:7, inside], rtol=0, atol=1e-11
    )
    assert (there[..., inside, inside] - here[..., inside, inside]).abs().max() > 0.1


def test_turning_the_picture_about_a_cell_turns_the_response():
    """The whole network is equivariant.

    A planted curve unit responds to the turned picture as the unit that is turned back.
    """
    host, trained, spec = planted(
        units=tuple(TrainedUnit(unit=i, centre_deg=90.0 * i + 15) for i in range(4))
    )
    compiled = compile_spec(spec, trained, host)
    grid = Grid(
        size_px=97, stride_px=8, offset_px=0, height=13, width=13
    )  # pixel 48, the middle of 97, is a cell of every grid
    picture = torch.randn(
        1, 3, 97, 97, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    here, there = (
        respond(compiled.layers, Responses.to(p, grid))
        for p in (picture, torch.rot90(picture, -1, (2, 3)))
    )
    np.testing.assert_allclose(
        there, torch.rot90(here, -1, (2, 3)).roll(1, 1), rtol=0, atol=ROUNDING * 10
    )
    assert (
        there - torch.rot90(here, -1, (2, 3))
    ).abs().max() > 0.1  # negative control: without the turn of the units


def planted_circuit() -> tuple[HandwrittenCircuit, tuple[float, float, float]]:
    host, trained, spec = planted()
    return compile_spec(spec, trained, host), host.input.mean_rgb


def test_drive_reads_rgb_less_the_hosts_mean_colour():
    compiled, mean_rgb = planted_circuit()
    rgb = (
        torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        * 255
    )
    centred = (rgb - torch.tensor(mean_rgb, dtype=torch.float64)[:, None, None]) / INPUT_UNIT
    response = drive(compiled, rgb, mean_rgb)
    assert response.shape == (2, len(UNITS), 12, 12)
    np.testing.assert_allclose(
        response,
        respond(compiled.layers, Responses.to(centred, compiled.grid)),
        rtol=0,
        atol=ROUNDING,
    )
    np.testing.assert_allclose(
        drive(compiled, rgb.float(), mean_rgb),
        response,
        rtol=0,
        atol=FLOAT32_ROUNDING * float(response.abs().max()) * 10,
    )


def test_drive_of_a_flat_colour_is_zero():
    compiled, mean_rgb = planted_circuit()
    flat = torch.tensor(mean_rgb, dtype=torch.float64)[:, None, None].expand(1, 3, 96, 96)
    assert drive(compiled, flat, mean_rgb).abs().max() < ROUNDING
    other = drive(compiled, torch.zeros(1, 3, 96, 96, dtype=torch.float64), mean_rgb)
    assert (
        other[..., 4:8, 4:8].abs().max() < ROUNDING
    )  # beyond a receptive field's reach of the padding


def test_drives_of_circuits_that_share_layers_are_those_alone():
    """Layers are distinguished by their weights and constants, not by their names."""
    compiled, mean_rgb = planted_circuit()
    doubled = [
        replace(layer, reads=tuple(replace(read, weight=2 * read.weight) for read in layer.reads))
        for layer in compiled.layers
    ]
    same_below, other_below = (
        replace(compiled, layers=(compiled.layers[0], doubled[1])),
        replace(compiled, layers=(doubled[0], compiled.layers[1])),
    )
    rgb = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 255
    circuits = {"one": compiled, "above": same_below, "below": other_below}
    together = drives(circuits, rgb, mean_rgb)
    for name, layer in circuits.items():
        assert torch.equal(together[name], drive(layer, rgb, mean_rgb)), name
    assert not torch.allclose(together["one"], together["above"])
    assert not torch.allclose(together["one"], together["below"])
