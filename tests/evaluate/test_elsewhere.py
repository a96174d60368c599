"""A run on another device: nothing is forgotten on the processor, its figures are the processor's,
and what is kept knows where it was computed.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.elsewhere import CUDA, Elsewhere, elsewhere
from tests.libraries import NO_CUDA
from tests.planted import EDGE_UNITS, UNITS, planted, planted_twice
from workbench.analyses.frontier.measure import grown, site_means
from workbench.arrays import to_numpy
from workbench.arrays.devices import chosen_device
from workbench.cache import Cache
from workbench.compiler import compile_spec
from workbench.evaluate.calibration import stream_inputs
from workbench.evaluate.keys import condition_keys
from workbench.evaluate.run import evaluate
from workbench.evaluate.statistics import Statistics
from workbench.hosts import Host
from workbench.splice.calibrate import Splices, calibrate, with_random_readout
from workbench.splice.network import SplicedNetwork
from workbench.vision.examples import examples
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn
from workbench.vision.tuning import tuning
from workbench.work import Work

# the same float32 operations on the same processor; the statistics' own sums are float64, torch's
# here and NumPy's there
SAME = 1e-12
# another device adds up in another order: the rounding of activations up to 20, and what
# calibration makes of it
FLOAT32 = 2e-3
GIB = 1 << 30


@pytest.fixture(scope="module")
def theory():
    return planted()


def joint_of(
    host: Host, specs, trained, cache: Cache | None = None, seed: int = 0
) -> list[Splices]:
    joint = []
    for spec, units in zip(specs, trained, strict=True):
        circuits = {"spliced": compile_spec(spec, units, host)}
        circuits["random"] = with_random_readout(circuits["spliced"], seed)
        joint.append(
            calibrate(
                circuits, stream_inputs(host, circuits, drawn(4, seed=1), Work(cache=cache)), seed
            )
        )
    return joint


def pictures():
    return [replace(picture, label=f"n{i % 3:08d}") for i, picture in enumerate(drawn(3, seed=2))]


def same(computed: Statistics, expected: Statistics, tolerance: float = SAME) -> None:
    assert computed.rows.keys() == expected.rows.keys()
    np.testing.assert_allclose(computed.peak, expected.peak, rtol=tolerance)
    for name, rows in expected.rows.items():
        for quantity, row in rows.items():
            assert isinstance(computed.rows[name][quantity], np.ndarray)
            np.testing.assert_allclose(
                computed.rows[name][quantity],
                row,
                rtol=tolerance,
                atol=tolerance,
                err_msg=f"{name} {quantity}",
            )


def test_a_forgotten_tensor_is_found():
    with elsewhere() as device:
        there, forgotten = torch.ones(3).to(device), torch.ones(3)
        assert isinstance(there, Elsewhere)
        for wrong in (
            lambda: there + forgotten,
            lambda: torch.cat([there, forgotten]),
            lambda: forgotten.mul_(there),
            there.numpy,
        ):
            with pytest.raises((RuntimeError, TypeError)):
                wrong()
        assert (there + forgotten.to(device)).cpu().tolist() == [2.0, 2.0, 2.0]


def test_every_condition_of_a_planted_theory(theory):
    host, trained, spec = theory
    expected = evaluate(host, joint_of(host, [spec], [trained]), pictures(), size=2)
    with elsewhere() as device:
        there = host.on(device)
        assert (there.device, host.device) == (str(CUDA), "cpu")
        assert not torch.backends.cudnn.allow_tf32
        joint = joint_of(there, [spec], [trained])
        assert joint[0].conditions["spliced"].gain.device == CUDA
        same(evaluate(there, joint, pictures(), size=2), expected)


@pytest.mark.full
def test_a_joint_splice_at_two_sites_and_a_frontier():
    host, trained, specs = planted_twice()
    expected = evaluate(host, joint_of(host, specs, trained), pictures())
    means = site_means(host, ["retina", "planted"], pictures())
    steps = grown(host, joint_of(host, specs, trained), means, pictures())
    with elsewhere() as device:
        moved = host.on(device)
        joint = joint_of(moved, specs, trained)
        same(evaluate(moved, joint, pictures()), expected)
        means = site_means(moved, ["retina", "planted"], pictures())
        for statistics, step in zip(grown(moved, joint, means, pictures()), steps, strict=True):
            same(statistics, step)
    assert len(EDGE_UNITS) + len(UNITS) == len(expected.units)


def test_the_plain_path_tuning_curves_and_examples(theory):
    host, trained, spec = theory
    (splices,) = joint_of(host, [spec], [trained])
    x = batch(pictures(), host.input)
    statistics = evaluate(host, [splices], pictures())
    with torch.inference_mode():
        logits = SplicedNetwork(host, (splices.circuits, splices.conditions["spliced"]))(x)
    curves, shown = (
        tuning(host, splices, step_deg=90),
        examples(host, [splices], statistics, pictures(), count=1),
    )
    with elsewhere() as device:
        there = host.on(device)
        (moved,) = joint_of(there, [spec], [trained])
        with torch.inference_mode():
            spliced_logits = SplicedNetwork(there, (moved.circuits, moved.conditions["spliced"]))(
                x.to(device)
            )
        assert spliced_logits.device == CUDA
        np.testing.assert_allclose(to_numpy(spliced_logits), logits, rtol=SAME)
        again = tuning(there, moved, step_deg=90)
        np.testing.assert_array_equal(again.handwritten, curves.handwritten)
        np.testing.assert_array_equal(again.trained, curves.trained)
        for one, other in zip(
            examples(there, [moved], statistics, pictures(), count=1), shown, strict=True
        ):
            np.testing.assert_array_equal(one.handwritten, other.handwritten)
            np.testing.assert_array_equal(one.rgb, other.rgb)


def test_what_is_kept_knows_the_device(theory, tmp_path):
    host, trained, spec = theory
    cache = Cache(tmp_path / "kept", GIB)
    joint = joint_of(host, [spec], [trained], cache)
    evaluate(host, joint, pictures(), Work(cache=cache))
    before = {path.name for path in cache.folder.rglob("*") if path.is_file()}
    with elsewhere() as device:
        there = host.on(device)
        moved = joint_of(there, [spec], [trained], cache)
        cold = evaluate(there, moved, pictures(), Work(cache=cache))
        after = {path.name for path in cache.folder.rglob("*") if path.is_file()}
        assert len(after) == 2 * len(
            before
        )  # none of the processor's was taken for one of the device
        same(evaluate(there, moved, pictures(), Work(cache=cache)), cold)
        assert {path.name for path in cache.folder.rglob("*") if path.is_file()} == after
        assert not set(condition_keys(there, moved).values()) & set(
            condition_keys(host, joint).values()
        )


@pytest.mark.parametrize(
    "name", ["squeezenet", pytest.param("inceptionv1", marks=pytest.mark.inceptionv1)]
)
def test_the_layers_of_hosts_keep_to_the_device(name, request):
    host = request.getfixturevalue(name)
    x, site = batch(pictures()[:1], host.input), list(host.sites)[2]
    with torch.no_grad():
        expected = host.network(x)
        with elsewhere() as device:
            there = host.on(device)
            answer, seen = there.run(x.to(device), site)
            resumed, _ = there.resume(x.to(device), site, there.push(site, seen[site]), pushed=True)
    np.testing.assert_allclose(answer.cpu(), expected, rtol=SAME)
    np.testing.assert_allclose(resumed.cpu(), expected, rtol=SAME)


@pytest.mark.gpu
@NO_CUDA
def test_a_real_device(theory):
    host, trained, spec = theory
    expected = evaluate(host, joint_of(host, [spec], [trained]), pictures())
    there = host.on(chosen_device("cuda", print))
    same(evaluate(there, joint_of(there, [spec], [trained]), pictures()), expected, FLOAT32)
