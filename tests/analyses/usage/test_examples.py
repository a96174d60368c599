"""Dataset examples of a planted host, whose trained and handwritten units are the same."""

import numpy as np
import pytest

from tests.planted import PlantedHost, planted
from workbench.analyses.usage.examples import SIDES, strongest
from workbench.compiler import compile_spec
from workbench.evaluate.calibration import stream_inputs
from workbench.hosts import Host
from workbench.splice.calibrate import Splices, calibrate, with_random_readout
from workbench.vision.pictures.drawn import drawn

COUNT = 3
ALIKE = 1e-3  # of a response: the gain and bias are fitted, not known


@pytest.fixture(scope="module")
def host() -> PlantedHost:
    return planted()


@pytest.fixture(scope="module")
def splices(host) -> Splices:
    circuit = compile_spec(host.spec, host.trained, host.host)
    circuits = {"spliced": circuit, "random": with_random_readout(circuit, 0)}
    return calibrate(circuits, stream_inputs(host.host, circuits, drawn(8, seed=1)))


def test_both_sides_pick_the_same_places_and_depend_on_the_same_pixels(host, splices):
    pictures, counted = drawn(12, seed=2), []
    examples = strongest(host.host, splices, pictures, [0, 4], COUNT, counted.append)
    assert sum(counted) == len(pictures)
    by = {side: [example for example in examples if example.side == side] for side in SIDES}
    assert [each.unit for each in by["trained"]] == ["planted:1"] * COUNT + ["planted:8"] * COUNT
    for trained, handwritten in zip(*by.values(), strict=True):
        assert (trained.unit, trained.picture) == (handwritten.unit, handwritten.picture)
        assert trained.response == pytest.approx(handwritten.response, rel=ALIKE)
        np.testing.assert_array_equal(trained.rgb, handwritten.rgb)
        # the planted retina has no gradient at a pixel of exactly the mean colour, as flat drawings
        # have many
        assert np.corrcoef(trained.saliency.ravel(), handwritten.saliency.ravel())[0, 1] > 0.9
        assert trained.saliency.max() == 1


def test_the_strongest_come_first_and_are_the_hosts(host, splices):
    pictures = drawn(12, seed=2)
    examples = [
        example
        for example in strongest(host.host, splices, pictures, [0], COUNT)
        if example.side == "trained"
    ]
    responses = [example.response for example in examples]
    assert responses == sorted(responses, reverse=True)
    trained = np.concatenate(
        [
            inputs.trained[:, 0].numpy()
            for inputs in stream_inputs(host.host, splices.circuits, pictures)
        ]
    )
    np.testing.assert_allclose(responses, np.sort(trained.max((1, 2)))[::-1][:COUNT], rtol=1e-6)


def test_the_pixels_that_a_response_depends_on_are_about_the_cell(host, splices):
    """A unit sees 32 px across at the most, and its Gabors some more: it does not depend on what is
    farther away.
    """
    for example in strongest(host.host, splices, drawn(4, seed=3), [2], 2):
        rows, columns = np.nonzero(example.saliency > 0.05)
        middle = example.saliency.shape[0] // 2
        assert np.abs(rows - middle).max() < 32
        assert np.abs(columns - middle).max() < 32


def test_a_wrong_theory_picks_other_pixels(host, splices):
    """Units in each other's place hang on other pixels of the same picture."""
    turned = [
        unit.model_copy(update={"centre_deg": (unit.centre_deg + 90) % 360})
        for unit in host.trained.units
    ]
    circuit = compile_spec(
        host.spec, host.trained.model_copy(update={"units": tuple(turned)}), host.host
    )
    circuits = {"spliced": circuit, "random": with_random_readout(circuit, 0)}
    wrong = calibrate(circuits, stream_inputs(host.host, circuits, drawn(8, seed=1)))
    right, false = (
        [
            (each.picture, each.side)
            for each in strongest(host.host, made, drawn(12, seed=2), [0], COUNT)
        ]
        for made in (splices, wrong)
    )
    names = {
        made: [[p for p, s in rows if s == side] for side in SIDES]
        for made, rows in (("right", right), ("wrong", false))
    }
    assert names["right"][0] == names["right"][1]
    assert names["wrong"][0] != names["wrong"][1]


def test_a_silent_unit_has_no_examples(splices):
    host = planted().host
    stage = host.module("planted")
    stage.bias[:] = -1e6
    silent = Host(host.name, host.fingerprint, host.network, host.input, host.sites, host.output)
    assert [each.side for each in strongest(silent, splices, drawn(2, seed=2), [0], 1)] == [
        "handwritten"
    ]
