"""Feature use in a planted host: a right circuit restores what an ablation changed."""

import numpy as np
import pytest

from tests.planted import PlantedHost, planted
from workbench.analyses.usage.consumers import SHOWN, Consumers, consumers
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import stream_inputs
from workbench.hosts import Host
from workbench.splice.calibrate import calibrate, with_random_readout
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn


@pytest.fixture(scope="module")
def host() -> PlantedHost:
    return planted()


def consumers_in(host: Host, trained, spec, pictures) -> Consumers:
    circuit = compile_spec(spec, trained, host)
    circuits = {"spliced": circuit, "random": with_random_readout(circuit, 0)}
    return consumers(
        host, calibrate(circuits, stream_inputs(host, circuits, drawn(8, seed=1))), pictures
    )


@pytest.fixture(scope="module")
def right(host) -> Consumers:
    return consumers_in(host.host, host.trained, host.spec, drawn(6, seed=2))


def test_the_right_circuit_restores_what_ablation_changed(right):
    assert right.site == "consumers"
    assert right.changed.keys() == set(SHOWN)
    most = right.most(5)
    assert right.changed["ablated.zero"][most].min() > 0.01
    assert right.recovered("spliced")[most].min() > 0.99
    assert right.recovered("control.permuted")[most].max() < 0.9
    assert (
        list(right.changed["ablated.zero"][most])
        == sorted(right.changed["ablated.zero"], reverse=True)[:5]
    )


def test_a_wrong_circuit_restores_less(host, right):
    turned = [
        unit.model_copy(update={"centre_deg": (unit.centre_deg + 90) % 360})
        for unit in host.trained.units
    ]
    wrong = consumers_in(
        host.host,
        host.trained.model_copy(update={"units": tuple(turned)}),
        host.spec,
        drawn(6, seed=2),
    )
    most = right.most(5)
    assert wrong.recovered("spliced")[most].mean() < right.recovered("spliced")[most].mean() - 0.3


def test_changes_by_ablation_are_those_of_a_plain_run(host, right):
    """The units are set to 0 in a plain forward pass."""
    pictures = drawn(6, seed=2)
    x = batch(pictures, host.host.input)
    seen = host.host.activations(x, "planted", "consumers")
    silent = seen["planted"].clone()
    silent[:, [unit.unit for unit in host.trained.units]] = 0
    reached = host.host.module("consumers")(silent).double().numpy()
    natural = seen["consumers"].double().numpy()
    expected = ((reached - natural) ** 2).mean((0, 2, 3)) / natural.var((0, 2, 3))
    np.testing.assert_allclose(right.changed["ablated.zero"], expected, rtol=1e-5)


def test_units_that_nothing_changes_have_no_recovery():
    silent = Consumers("s", {name: np.zeros(2) for name in SHOWN})
    assert np.isnan(silent.recovered("spliced")).all()


def test_a_last_site_is_refused(host):
    whole = host.host
    sites = {name: whole.site(name) for name in ("retina", "planted")}
    last = Host(whole.name, whole.fingerprint, whole.network, whole.input, sites)
    with pytest.raises(WorkbenchError, match="planted:planted: the host's last site"):
        consumers_in(last, host.trained, host.spec, drawn(2, seed=2))
