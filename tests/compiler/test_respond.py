"""What a circuit computes: against a slow second implementation, and against the picture's shifts and turns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.compiler import slow
from tests.planted import UNITS, planted
from workbench.compiler import compile_spec
from workbench.compiler.circuit import Grid, HandwrittenCircuit, Layer, Normalise, Pool, Read
from workbench.compiler.respond import INPUT_UNIT, Responses, drive, drives, respond
from workbench.spec import TrainedUnit
from workbench.theory.poses import every_combination

ROUNDING = 1e-12  # float64: sums of some hundred numbers around 1
FLOAT32_ROUNDING = 1e-5
AXES = {"orientation_deg": (0.0, 60.0, 120.0), "scale": (1.0, 0.7)}


def tensor(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def layer(family: str, stride_px: int, sources: dict[str, tuple[int, int]], seed: int, units: int | None = None, **more) -> Layer:
    """Random weights; `sources` gives the upstream units and the taps to each side."""
    generator = torch.Generator().manual_seed(seed)
    own = every_combination(AXES if units is None else {"orientation_deg": tuple(map(float, range(units)))})
    reads = [
        Read(source, torch.randn(len(own), count, 2 * taps + 1, 2 * taps + 1, generator=generator, dtype=torch.float64))
        for source, (count, taps) in sources.items()
    ]
    return Layer(family, own, stride_px, tuple(reads), more.pop("threshold", tensor(0.1)), more.pop("ideal", tensor(1.7)), **more)


def circuit(offset_px: int, **first) -> tuple[list[Layer], Grid]:
    """Three layers on grids of 2, 4 and 8 px; the last reads both others."""
    layers = [
        layer("a", 2, {"input": (3, 2)}, seed=1, pool=Pool(1, 4), **first),
        layer("b", 4, {"a": (6, 1)}, seed=2, units=4, threshold=tensor(-0.3), ideal=tensor(9.0)),
        layer("c", 8, {"b": (4, 2), "a": (6, 1)}, seed=3, units=5, ideal=tensor(3.0)),
    ]
    return layers, Grid(size_px=41, stride_px=8, offset_px=offset_px, height=5, width=5)


PLAIN_CASES = {
    "half": {},
    "full": {"full": True},
    "normalised over orientation": {"normalise": Normalise("orientation_deg", tensor(0.5))},
    "normalised over scale": {"normalise": Normalise("scale", tensor(0.05)), "threshold": tensor(0.4)},
}


@pytest.mark.parametrize("offset_px", [0, 3, 7])
@pytest.mark.parametrize("first", PLAIN_CASES.values(), ids=PLAIN_CASES)
def test_responses_are_those_of_the_slow_second_implementation(first, offset_px):
    layers, grid = circuit(offset_px, **first)
    picture = np.random.default_rng(0).normal(size=(3, 41, 41))
    found = respond(layers, Responses.to(torch.tensor(picture)[None], grid))[0].numpy()
    expected = slow.respond(layers, grid, picture)
    assert np.abs(expected).std() > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING * np.abs(expected).max())


def test_a_picture_need_not_be_square_nor_end_on_a_cell():
    layers, grid = circuit(3)
    grid = replace(grid, height=4, width=6)
    picture = np.random.default_rng(0).normal(size=(3, 36, 50))
    found = respond(layers, Responses.to(torch.tensor(picture)[None], grid))[0].numpy()
    np.testing.assert_allclose(found, slow.respond(layers, grid, picture), rtol=0, atol=1e-11)


@pytest.mark.parametrize("threshold", [-0.5, 0.0, 0.2, 0.8])
@pytest.mark.parametrize(("said", "expected"), [(1.0, lambda t: 1.0), (0.5, lambda t: max(0.0, 0.5 - t) / (1 - t)), (-2.0, lambda t: 0.0)])
def test_a_threshold_keeps_1_at_1_and_silences_what_is_below_it(threshold, said, expected):
    one = Layer("a", every_combination({"scale": (1.0,)}), 1, (Read("input", torch.ones(1, 3, 1, 1)),), tensor(threshold), tensor(6.0))
    responses = Responses.to(torch.full((1, 3, 4, 4), 2.0 * said, dtype=torch.float64), Grid(4, 1, 0, 4, 4))
    responses.add(one)
    assert responses.of["a"].unique().tolist() == pytest.approx([expected(threshold)], abs=1e-15)


def test_a_full_rectified_unit_does_not_care_for_the_sign():
    layers, grid = circuit(3, full=True)
    picture = torch.randn(1, 3, 41, 41, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(respond(layers, Responses.to(picture, grid)), respond(layers, Responses.to(-picture, grid)))
    layers, grid = circuit(3, full=False)
    assert not torch.allclose(respond(layers, Responses.to(picture, grid)), respond(layers, Responses.to(-picture, grid)))


def test_shifting_the_picture_by_a_cell_shifts_the_response_by_a_cell():
    layers, grid = circuit(3)
    grid = replace(grid, height=10, width=10)
    picture = torch.randn(1, 3, 88, 88, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    here, there = (respond(layers, Responses.to(p, grid)) for p in (picture[..., :80, :80], picture[..., 8:, :80]))
    inside = slice(4, 6)  # a unit of the last layer sees 16 + 8 + 4 + 2 px to each side
    np.testing.assert_allclose(there[..., inside, inside], here[..., 5:7, inside], rtol=0, atol=1e-11)
    assert (there[..., inside, inside] - here[..., inside, inside]).abs().max() > 0.1


def test_turning_the_picture_about_a_cell_turns_the_response():
    """The whole network is equivariant: a planted curve unit answers to the turned picture as the unit that is turned back."""
    host, trained, spec = planted(units=tuple(TrainedUnit(unit=i, centre_deg=90.0 * i + 15) for i in range(4)))
    compiled = compile_spec(spec, trained, host)
    grid = Grid(size_px=97, stride_px=8, offset_px=0, height=13, width=13)  # pixel 48, the middle of 97, is a cell of every grid
    picture = torch.randn(1, 3, 97, 97, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    here, there = (respond(compiled.layers, Responses.to(p, grid)) for p in (picture, torch.rot90(picture, -1, (2, 3))))
    np.testing.assert_allclose(there, torch.rot90(here, -1, (2, 3)).roll(1, 1), rtol=0, atol=ROUNDING * 10)
    assert (there - torch.rot90(here, -1, (2, 3))).abs().max() > 0.1  # negative control: without the turn of the units


def planted_circuit() -> tuple[HandwrittenCircuit, tuple[float, float, float]]:
    host, trained, spec = planted()
    return compile_spec(spec, trained, host), host.input.mean_rgb


def test_drive_reads_rgb_less_the_hosts_mean_colour():
    compiled, mean_rgb = planted_circuit()
    rgb = torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 255
    centred = (rgb - torch.tensor(mean_rgb, dtype=torch.float64)[:, None, None]) / INPUT_UNIT
    found = drive(compiled, rgb, mean_rgb)
    assert found.shape == (2, len(UNITS), 12, 12)
    np.testing.assert_allclose(found, respond(compiled.layers, Responses.to(centred, compiled.grid)), rtol=0, atol=ROUNDING)
    np.testing.assert_allclose(drive(compiled, rgb.float(), mean_rgb), found, rtol=0, atol=FLOAT32_ROUNDING * float(found.abs().max()) * 10)


def test_the_hosts_mean_colour_and_any_flat_colour_say_nothing():
    compiled, mean_rgb = planted_circuit()
    flat = torch.tensor(mean_rgb, dtype=torch.float64)[:, None, None].expand(1, 3, 96, 96)
    assert drive(compiled, flat, mean_rgb).abs().max() < ROUNDING
    other = drive(compiled, torch.zeros(1, 3, 96, 96, dtype=torch.float64), mean_rgb)
    assert other[..., 4:8, 4:8].abs().max() < ROUNDING  # beyond a receptive field's reach of the padding


def test_circuits_that_share_layers_say_what_they_say_alone():
    """Layers are told apart by what they are, not by their name."""
    compiled, mean_rgb = planted_circuit()
    loud = [replace(each, reads=tuple(replace(read, weight=2 * read.weight) for read in each.reads)) for each in compiled.layers]
    same_below, other_below = (
        replace(compiled, layers=(compiled.layers[0], loud[1])),
        replace(compiled, layers=(loud[0], compiled.layers[1])),
    )
    rgb = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 255
    circuits = {"one": compiled, "above": same_below, "below": other_below}
    together = drives(circuits, rgb, mean_rgb)
    for name, each in circuits.items():
        assert torch.equal(together[name], drive(each, rgb, mean_rgb)), name
    assert not torch.allclose(together["one"], together["above"])
    assert not torch.allclose(together["one"], together["below"])
