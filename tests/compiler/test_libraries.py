"""Every array library compiles NumPy's circuit, on another device too, and runs it alike.

The plain way of running a circuit is compared with torch's and with slow loops.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests import shipped
from tests.compiler import slow
from tests.compiler.random_circuit import PLAIN_CASES, circuit
from tests.elsewhere import elsewhere
from tests.libraries import LIBRARIES, OTHERS, plain
from tests.planted import INPUT
from workbench.arrays import Array, device
from workbench.compiler.cells import Cells, pool, pool_by_taps, read, read_by_taps
from workbench.compiler.circuit import HandwrittenCircuit, Layer
from workbench.compiler.compile import compile_theory
from workbench.compiler.respond import Responses, respond
from workbench.hosts import Host, Site
from workbench.spec import load_circuit, load_theory

# float64: exp, cos and atan2 differ in the last place, times angles in degrees and gains; constants
# have six digits, and are equal
SAME = 1e-11
SUMS = 1e-12  # float64 sums of some hundred numbers around 1, in another order
FLOAT32 = 1e-4  # the same arithmetic in float32: angles of some hundred degrees are known to 3e-5
ROOT = Path(__file__).parents[2]
CIRCUITS = {
    "gabor": "inceptionv1/gabor",
    "high-low-frequency": "inceptionv1/high-low-frequency",
    "line": "inceptionv1/line-mixed3a",
}
# those that CIRCUITS does not name are of curves
SPECS = [path.stem for path in shipped.SPECS]


def compiled(spec: str, like: Array) -> HandwrittenCircuit:
    """A spec compiled for surveyed units, on a host of which nothing but the grid is known."""
    trained = load_circuit(ROOT / "circuits" / f"{CIRCUITS.get(spec, 'squeezenet/curve')}.yaml")
    site = Site.on_grid(trained.site, trained.site, 1000, 12, 12, 8, 3)
    host = Host("draft", trained.fingerprint, nn.Identity(), INPUT, {trained.site: site})
    return compile_theory(
        load_theory(ROOT / "specs" / f"{spec}.yaml").theory, trained, host, like=like
    )


def arrays(made: HandwrittenCircuit) -> dict[str, Array]:
    """Each array of a circuit by its name."""
    named = {}
    for layer in made.layers:
        named |= {
            f"{layer.family}/ideal": layer.ideal,
            f"{layer.family}/threshold": layer.threshold,
        }
        named |= {f"{layer.family}/floor": layer.normalise.floor} if layer.normalise else {}
        named |= {f"{layer.family}<-{each.source}": each.weight for each in layer.reads}
    return named


@cache
def in_numpy(spec: str) -> dict[str, np.ndarray]:
    return arrays(compiled(spec, np.zeros(())))


@pytest.mark.parametrize("library", OTHERS)
@pytest.mark.parametrize("spec", SPECS)
def test_every_spec_compiles_to_numpys_circuit_in_every_library(spec, library):
    like = library(np.zeros(()))
    expected, compiled_arrays = in_numpy(spec), arrays(compiled(spec, like))
    assert compiled_arrays.keys() == expected.keys()
    for name, array in compiled_arrays.items():
        assert (type(array), array.dtype, device(array)) == (
            type(like),
            like.dtype,
            device(like),
        ), name
        np.testing.assert_allclose(
            plain(array),
            expected[name],
            rtol=0,
            atol=0 if name.endswith("/ideal") else SAME,
            err_msg=name,
        )
        assert np.abs(expected[name]).max() > 0 or name.endswith("/threshold")


def test_a_spec_compiles_on_the_device_of_like():
    with elsewhere() as there:
        for name, array in arrays(
            compiled("high-low-frequency", torch.zeros((), dtype=torch.float64, device=there))
        ).items():
            assert str(array.device) == there, name
            np.testing.assert_allclose(
                array.cpu(), in_numpy("high-low-frequency")[name], rtol=0, atol=SAME, err_msg=name
            )


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_dtype_is_that_of_like(library):
    compiled_arrays = arrays(compiled("high-low-frequency", library(np.zeros((), np.float32))))
    for name, expected in in_numpy("high-low-frequency").items():
        array = plain(compiled_arrays[name])
        assert array.dtype == np.float32, name
        np.testing.assert_allclose(array, expected, rtol=FLOAT32, atol=FLOAT32, err_msg=name)


def in_library(library, layer: Layer) -> Layer:
    """A layer of torch's arrays, with arrays of a library in their place."""

    def there(tensor: torch.Tensor) -> Array:
        return library(tensor.numpy())

    reads = tuple(replace(each, weight=there(each.weight)) for each in layer.reads)
    normalise = (
        replace(layer.normalise, floor=there(layer.normalise.floor)) if layer.normalise else None
    )
    return replace(
        layer,
        reads=reads,
        normalise=normalise,
        threshold=there(layer.threshold),
        ideal=there(layer.ideal),
    )


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("case", PLAIN_CASES)
def test_a_circuit_responds_in_every_library_as_slow_loops_do(case, library):
    layers, grid = circuit(3, **PLAIN_CASES[case])
    picture = np.random.default_rng(0).normal(size=(3, 36, 41))
    there = library(picture[None])
    response = respond([in_library(library, layer) for layer in layers], Responses.to(there, grid))
    assert (type(response), response.dtype, device(response)) == (
        type(there),
        there.dtype,
        device(there),
    )
    expected = slow.respond(layers, grid, picture)
    np.testing.assert_allclose(
        plain(response)[0], expected, rtol=0, atol=SUMS * np.abs(expected).max()
    )


UPSTREAM = Cells(1, 2, 9), Cells(1, 2, 12)
DOWNSTREAM = {
    "strided": (Cells(3, 4, 4), Cells(1, 4, 6)),
    "as dense": (Cells(1, 2, 9), Cells(1, 2, 12)),
    "one cell, cropped": (Cells(9, 2, 1), Cells(11, 2, 1)),
    "one cell at the rim": (Cells(1, 2, 1), Cells(23, 2, 1)),
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("taps", [0, 1, 3])
@pytest.mark.parametrize("cells", DOWNSTREAM.values(), ids=DOWNSTREAM)
def test_shifted_slices_are_torchs_convolution_and_pool(cells, taps, library):
    generator = np.random.default_rng(taps)
    x, weight = (
        generator.normal(size=(2, 5, 9, 12)),
        generator.normal(size=(4, 5, 2 * taps + 1, 2 * taps + 1)),
    )
    here = torch.tensor(x)
    read_there = read_by_taps(library(x), library(weight), UPSTREAM, cells)
    np.testing.assert_allclose(
        plain(read_there),
        read(here, weight, UPSTREAM, cells),
        rtol=0,
        atol=SUMS * np.abs(weight).sum(),
    )
    np.testing.assert_array_equal(
        plain(pool_by_taps(library(x), taps, UPSTREAM, cells)), pool(here, taps, UPSTREAM, cells)
    )


def test_gradients_pass_shifted_slices_as_torchs_convolution_and_pool():
    generator, slopes = np.random.default_rng(0), []
    x, weight = generator.normal(size=(2, 5, 9, 12)), generator.normal(size=(4, 5, 3, 3))
    for read_with, pool_with in ((read, pool), (read_by_taps, pool_by_taps)):
        leaves = [torch.tensor(each, requires_grad=True) for each in (x, weight)]
        highest_drive = pool_with(
            read_with(*leaves, UPSTREAM, UPSTREAM), 1, UPSTREAM, DOWNSTREAM["strided"]
        )
        slopes.append(torch.autograd.grad(highest_drive.square().sum(), leaves))
    for slope, other in zip(*slopes, strict=True):
        torch.testing.assert_close(slope, other, rtol=0, atol=SUMS * float(other.abs().max()) * 10)
        assert slope.abs().max() > 1
