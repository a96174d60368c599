"""Feature use in a planted host: its consumers lean on the planted channels, and a right circuit gives them back what silence took."""

import numpy as np
import pytest

from tests.planted import PlantedHost, planted
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.consumers import SHOWN, Consumers, consumers
from workbench.evaluate.run import scenes
from workbench.hosts import Host
from workbench.pictures import batch
from workbench.pictures.drawn import drawn
from workbench.splice.calibrate import calibrate, with_random_readout


@pytest.fixture(scope="module")
def host() -> PlantedHost:
    return planted()


def found_in(host: Host, trained, spec, pictures) -> Consumers:
    circuit = compile_spec(spec, trained, host)
    circuits = {"spliced": circuit, "random": with_random_readout(circuit, 0)}
    return consumers(host, calibrate(circuits, scenes(host, circuits, drawn(8, seed=1))), pictures)


@pytest.fixture(scope="module")
def found(host) -> Consumers:
    return found_in(host.host, host.trained, host.spec, drawn(6, seed=2))


def test_the_right_circuit_gives_the_consumers_back_what_silence_took(found):
    assert found.site == "consumers"
    assert found.changed.keys() == set(SHOWN)
    most = found.most(5)
    assert found.changed["ablated.zero"][most].min() > 0.01
    assert found.recovered("spliced")[most].min() > 0.99
    assert found.recovered("control.permuted")[most].max() < 0.9
    assert list(found.changed["ablated.zero"][most]) == sorted(found.changed["ablated.zero"], reverse=True)[:5]


def test_a_wrong_circuit_gives_them_back_less(host, found):
    turned = [unit.model_copy(update={"centre_deg": (unit.centre_deg + 90) % 360}) for unit in host.trained.units]
    wrong = found_in(host.host, host.trained.model_copy(update={"units": tuple(turned)}), host.spec, drawn(6, seed=2))
    most = found.most(5)
    assert wrong.recovered("spliced")[most].mean() < found.recovered("spliced")[most].mean() - 0.3


def test_what_silence_changes_is_what_a_plain_run_says(host, found):
    """With the units' weights to their consumers at 0, against the change that is counted."""
    pictures = drawn(6, seed=2)
    x = batch(pictures, host.host.input)
    seen = host.host.activations(x, "planted", "consumers")
    silent = seen["planted"].clone()
    silent[:, [unit.unit for unit in host.trained.units]] = 0
    reached = host.host.module("consumers")(silent).double().numpy()
    natural = seen["consumers"].double().numpy()
    expected = ((reached - natural) ** 2).mean((0, 2, 3)) / natural.var((0, 2, 3))
    np.testing.assert_allclose(found.changed["ablated.zero"], expected, rtol=1e-5)


def test_units_that_nothing_changes_have_no_recovery():
    silent = Consumers("s", {name: np.zeros(2) for name in SHOWN})
    assert np.isnan(silent.recovered("spliced")).all()


def test_a_site_with_nothing_behind_it_is_refused(host):
    whole = host.host
    sites = {name: whole.site(name) for name in ("retina", "planted")}
    last = Host(whole.name, whole.fingerprint, whole.network, whole.input, sites)
    with pytest.raises(WorkbenchError, match="planted:planted: the host's last site"):
        found_in(last, host.trained, host.spec, drawn(2, seed=2))
