"""Evaluation of circuits at two sites, and of ever more of them, against the plain path."""

import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch

from tests.planted import planted_twice
from workbench.compiler import compile_spec
from workbench.evaluate.calibration import stream_inputs
from workbench.evaluate.run import evaluate
from workbench.evaluate.statistics import RANKED, SAMPLED, Statistics
from workbench.hosts import Host, PictureInput
from workbench.splice.calibrate import Splices, calibrate, condition_names, with_random_readout
from workbench.splice.network import SplicedNetwork
from workbench.vision.pictures import Picture, batch
from workbench.vision.pictures.drawn import drawn

# logits and activations are float32 of size up to 20, summed in another order for another batch
FLOAT32 = 2e-4
# float64 sums of thousands of terms up to 20, in another order: a single product in float32 would
# be off by more
FLOAT64 = 1e-11
COUNT = 4  # pictures


def in_float64(pictures, input):
    """The pictures as a host in float64 takes them."""
    return batch(pictures, input).double()


class Run(NamedTuple):
    host: Host
    joint: list[Splices]
    pictures: list[Picture]
    calibration: list[Picture]


@pytest.fixture(scope="module")
def run() -> Run:
    host, trained, specs = planted_twice()
    return calibrated_on(host, trained, specs)


def calibrated_on(host: Host, trained, specs) -> Run:
    """The second theory also as it was before it was tuned: with random weights."""
    calibration = drawn(4, seed=1)
    joint = []
    for spec, units in zip(specs, trained, strict=True):
        circuits = {"spliced": compile_spec(spec, units, host)}
        if units.circuit == "curve":
            circuits["as_written"] = with_random_readout(circuits["spliced"], 7)
        circuits["random"] = with_random_readout(circuits["spliced"], 0)
        joint.append(calibrate(circuits, stream_inputs(host, circuits, calibration)))
    pictures = [
        replace(picture, label=f"n{i % 3:08d}") for i, picture in enumerate(drawn(COUNT, seed=2))
    ]
    return Run(host, joint, pictures, calibration)


@pytest.fixture(scope="module")
def whole(run) -> Statistics:
    return evaluate(run.host, run.joint, run.pictures)


def plain_kl(run: Run, joint: list[Splices], name: str, picture: Picture, batch=batch) -> float:
    """The whole host run from the pixels on one picture alone."""
    x = batch([picture], run.host.input)
    donor = torch.tensor([int(picture.sha256[:12], 16) % joint[0].donors])
    with torch.inference_mode():
        p = run.host.network(x)[0].double().softmax(0).numpy()
        spliced = SplicedNetwork(
            run.host, *((splices.circuits, splices.condition(name)) for splices in joint)
        )
        q = spliced(x, donor)[0].double().softmax(0).numpy()
    return float((p * np.log(p / q)).sum())


def test_every_condition_equals_the_plain_path(run, whole):
    assert list(whole.rows) == list(condition_names(run.joint))
    assert {"as_written", "ablated.resample", "baseline.regression"} <= whole.rows.keys()
    for name, rows in whole.rows.items():
        for i, picture in enumerate(run.pictures):
            assert rows["kl"][i] == pytest.approx(
                plain_kl(run, run.joint, name, picture), abs=FLOAT32
            ), name


def test_every_condition_equals_the_plain_path_in_float64_to_rounding(monkeypatch):
    """Calibration too is in float64: all of the difference is the order of sums."""
    host, trained, specs = planted_twice()
    plain = PictureInput.batch
    monkeypatch.setattr(PictureInput, "batch", lambda *given: plain(*given).double())
    run = calibrated_on(replace(host, network=copy.deepcopy(host.network).double()), trained, specs)
    whole = evaluate(run.host, run.joint, run.pictures)
    assert list(whole.rows) == list(condition_names(run.joint))
    assert max(rows["kl"].max() for rows in whole.rows.values()) > 0.1
    for name, rows in whole.rows.items():
        expected = [plain_kl(run, run.joint, name, picture, in_float64) for picture in run.pictures]
        np.testing.assert_allclose(rows["kl"], expected, rtol=0, atol=FLOAT64, err_msg=name)


def test_natural_changes_nothing_and_both_splices_count(run, whole):
    assert whole.rows["natural"]["kl"].tolist() == [0.0] * COUNT
    assert whole.rows["natural"]["changed"].tolist() == [0.0] * COUNT
    for splices in run.joint:
        alone = evaluate(run.host, [splices], run.pictures).rows["ablated.zero"]
        assert (alone["kl"] > 1e-3).all()
        assert (np.abs(alone["kl"] - whole.rows["ablated.zero"]["kl"]) > 1e-3).all()
        assert (whole.rows["ablated.zero"]["changed"] >= alone["changed"]).all()


def test_a_circuit_without_a_condition_stays_handwritten_under_it(run, whole):
    """The first theory was never tuned: beside the second one as written it is as it is."""
    edges, curves = whole.parts([4, 6])
    np.testing.assert_array_equal(
        edges.rows["as_written"]["moments"], edges.rows["spliced"]["moments"]
    )
    assert (
        np.abs(curves.rows["as_written"]["moments"] - curves.rows["spliced"]["moments"]).max() > 1
    )
    assert condition_names(run.joint) == condition_names(run.joint[::-1])


def test_the_parts_are_what_each_circuit_says_alone(run, whole):
    for splices, part in zip(run.joint, whole.parts([4, 6]), strict=True):
        alone = evaluate(run.host, [splices], run.pictures)
        assert (
            part.units == alone.units == tuple(f"{splices.site}:{unit}" for unit in splices.units)
        )
        np.testing.assert_array_equal(part.peak, alone.peak)
        np.testing.assert_array_equal(part.level, alone.level)
        for name in ("natural", "spliced", "baseline.affine"):
            np.testing.assert_array_equal(part.rows[name]["moments"], alone.rows[name]["moments"])
            np.testing.assert_array_equal(part.rows[name]["sample"], alone.rows[name]["sample"])
            assert part.rows[name]["sample"].shape == (
                COUNT,
                SAMPLED if name in RANKED else 0,
                len(splices.units),
            )
            np.testing.assert_array_equal(
                part.rows[name]["kl"], whole.rows[name]["kl"]
            )  # the network's is of all of them


def test_the_circuit_fires_where_a_unit_of_either_does(whole):
    fires = [part.fires for part in whole.parts([4, 6])]
    np.testing.assert_array_equal(whole.fires, fires[0] | fires[1])
