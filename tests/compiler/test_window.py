"""A circuit on a square about one cell: the same responses there as on the whole picture."""

from dataclasses import replace

import pytest
import torch

from tests.compiler.random_circuit import circuit as random_layers
from tests.compiler.random_circuit import layer
from workbench.compiler.circuit import Grid, HandwrittenCircuit, Pool, host_source
from workbench.compiler.families import families
from workbench.compiler.respond import drive
from workbench.compiler.window import drive_at, families_about, reach_px, window

CELL, AROUND = (7, 8), 1
EXACT = 1e-11  # float64 sums of some hundred numbers around 1, in another order
MEAN_RGB = (120.0, 110.0, 100.0)


def circuit(offset_px: int = 3) -> HandwrittenCircuit:
    """Grids of 2, 4 and 8 px on a picture of 140 px."""
    layers, _ = random_layers(offset_px)
    return HandwrittenCircuit(
        "random", "none", "site", (0,), Grid(140, 8, offset_px, 17, 17), tuple(layers)
    )


def pictures() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(6, 3, 140, 140, generator=generator, dtype=torch.float64) * 255


def about(responses, offset_px: int) -> dict[str, torch.Tensor]:
    """The responses within AROUND of each family's own cells from the centre of CELL."""
    values = {}
    for name, (value, sides) in responses.items():
        at = [
            (offset_px + 8 * index - cells.offset_px) // cells.stride_px
            for index, cells in zip(CELL, sides, strict=True)
        ]
        rows, columns = (slice(index - AROUND, index + AROUND + 1) for index in at)
        values[name] = value[:, :, rows, columns]
        assert values[name].shape[2:] == (2 * AROUND + 1, 2 * AROUND + 1)
    return values


@pytest.mark.parametrize("rectified", [True, False])
@pytest.mark.parametrize("offset_px", [0, 3, 7])
def test_responses_about_a_cell_are_those_of_the_whole_picture(offset_px, rectified):
    made, rgb = circuit(offset_px), pictures()
    whole = families(made, rgb, MEAN_RGB, rectified=rectified)
    part = families_about(made, rgb, MEAN_RGB, CELL, AROUND, rectified)
    assert list(part) == list(whole) == ["a", "b", "c"]
    assert part["a"][0].shape[2:] == (16, 16)  # of 64 px, every 4
    expected, values = about(whole, offset_px), about(part, offset_px)
    for name, value in values.items():
        assert value.abs().max() > 0
        torch.testing.assert_close(value, expected[name], rtol=0, atol=EXACT)


@pytest.mark.parametrize("cell", [CELL, (0, 8)])
@pytest.mark.parametrize("offset_px", [0, 3, 7, 11])
def test_the_drive_at_a_cell_and_its_gradient_are_those_of_the_whole_picture(offset_px, cell):
    made, row, column = circuit(offset_px), *cell
    whole, part = (pictures().requires_grad_(True) for _ in range(2))
    expected = drive(made, whole, MEAN_RGB)[:, :, row, column]
    value = drive_at(made, part, MEAN_RGB, cell)
    torch.testing.assert_close(value, expected, rtol=0, atol=EXACT)
    assert value.abs().min() > 0
    expected.sum().backward()
    value.sum().backward()
    torch.testing.assert_close(part.grad, whole.grad, rtol=0, atol=EXACT)


def test_a_window_has_the_pixels_that_matter_and_begins_and_ends_at_whole_cells():
    made = circuit()
    # a: 2 taps of 1 px and a pool of 1 cell of 2; c: 2 taps of 4 on b, b: 1 tap of 4 on a
    assert reach_px(made, 0) == 2 + 2 + 4 + 8
    assert reach_px(made, AROUND) == 16 + 8
    # rows from 59 - 24 to 59 + 24, columns from 67 - 24 to 67 + 24, in steps of 4 cells
    assert window(made, CELL, AROUND) == (slice(32, 96), slice(32, 96))


def test_reach_is_as_far_as_pixels_change_a_response_and_no_further():
    made, rgb = circuit(), pictures()[:1]
    reach, natural = reach_px(made, AROUND), families(made, rgb, MEAN_RGB)
    column = 3 + 8 * CELL[1]
    changes = {}
    for distance in (reach, reach + 1):
        changed = rgb.clone()
        changed[:, :, :, column + distance] += 100
        other = families(made, changed, MEAN_RGB)
        before, after = about(natural, 3)["c"], about(other, 3)["c"]
        changes[distance] = float((before - after).abs().max())
    assert changes[reach] > EXACT
    assert changes[reach + 1] == 0


@pytest.mark.parametrize("cell", [(2, 8), (8, 2), (8, 15)])
def test_no_window_where_units_see_beyond_the_picture(cell):
    made, rgb = circuit(), pictures()[:2]
    assert window(made, cell, AROUND) is None
    whole, same = families(made, rgb, MEAN_RGB), families_about(made, rgb, MEAN_RGB, cell, AROUND)
    for name, (value, cells) in whole.items():
        assert torch.equal(same[name][0], value)
        assert same[name][1] == cells


def test_no_window_for_a_circuit_that_reads_the_host():
    made = circuit()
    reading = layer("c", 8, {host_source("site"): (3, 1)}, seed=4, units=5)
    assert window(replace(made, layers=(*made.layers[:-1], reading)), CELL, AROUND) is None


def test_a_wider_pool_widens_the_window():
    made = circuit()
    first = replace(made.layers[0], pool=Pool(9, 4))
    assert reach_px(replace(made, layers=(first, *made.layers[1:])), 0) == 16 + 8 * 2
