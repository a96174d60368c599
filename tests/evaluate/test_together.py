"""Evaluation of circuits at two sites, and of a growing set of them, against the slow, plain path."""

import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch

from tests.planted import planted_twice
from workbench.compiler import compile_spec
from workbench.evaluate import frontier
from workbench.evaluate import run as running
from workbench.evaluate.journal import Journal, run_journal
from workbench.evaluate.run import evaluate, scenes
from workbench.evaluate.statistics import RANKED, SAMPLED, Statistics
from workbench.hosts import Host
from workbench.pictures import Picture, batch
from workbench.pictures.drawn import drawn
from workbench.splice.calibrate import Splices, calibrate, condition_names, with_random_readout
from workbench.splice.network import SplicedNetwork

FLOAT32 = 2e-4  # logits and activations are float32 of size up to 20, summed in another order for another batch
FLOAT64 = 1e-11  # float64 sums of thousands of terms up to 20, in another order: a single product in float32 would be off by more
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
    """The second theory also as it was before it was tuned: with its units' drives turned around."""
    calibration = drawn(4, seed=1)
    joint = []
    for spec, own in zip(specs, trained, strict=True):
        circuits = {"spliced": compile_spec(spec, own, host)}
        if own.circuit == "curve":
            circuits["as_written"] = with_random_readout(circuits["spliced"], 7)
        circuits["random"] = with_random_readout(circuits["spliced"], 0)
        joint.append(calibrate(circuits, scenes(host, circuits, calibration)))
    pictures = [replace(picture, label=f"n{i % 3:08d}") for i, picture in enumerate(drawn(COUNT, seed=2))]
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
        spliced = SplicedNetwork(run.host, *((splices.circuits, splices.condition(name)) for splices in joint))
        q = spliced(x, donor)[0].double().softmax(0).numpy()
    return float((p * np.log(p / q)).sum())


def test_every_condition_equals_the_plain_path(run, whole):
    assert list(whole.rows) == list(condition_names(run.joint))
    assert {"as_written", "ablated.resample", "control.regression"} <= whole.rows.keys()
    for name, rows in whole.rows.items():
        for i, picture in enumerate(run.pictures):
            assert rows["kl"][i] == pytest.approx(plain_kl(run, run.joint, name, picture), abs=FLOAT32), name


def test_every_condition_equals_the_plain_path_in_float64_to_rounding(monkeypatch):
    """Calibration too is in float64: all of the difference is the order of sums."""
    host, trained, specs = planted_twice()
    monkeypatch.setattr(running, "batch", in_float64)
    run = calibrated_on(replace(host, network=copy.deepcopy(host.network).double()), trained, specs)
    whole = evaluate(run.host, run.joint, run.pictures)
    assert list(whole.rows) == list(condition_names(run.joint))
    assert max(rows["kl"].max() for rows in whole.rows.values()) > 0.1
    for name, rows in whole.rows.items():
        found = [plain_kl(run, run.joint, name, picture, in_float64) for picture in run.pictures]
        np.testing.assert_allclose(rows["kl"], found, rtol=0, atol=FLOAT64, err_msg=name)


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
    np.testing.assert_array_equal(edges.rows["as_written"]["moments"], edges.rows["spliced"]["moments"])
    assert np.abs(curves.rows["as_written"]["moments"] - curves.rows["spliced"]["moments"]).max() > 1
    assert condition_names(run.joint) == condition_names(run.joint[::-1])


def test_the_parts_are_what_each_circuit_says_alone(run, whole):
    for splices, part in zip(run.joint, whole.parts([4, 6]), strict=True):
        alone = evaluate(run.host, [splices], run.pictures)
        assert part.units == alone.units == tuple(f"{splices.site}:{unit}" for unit in splices.units)
        np.testing.assert_array_equal(part.peak, alone.peak)
        np.testing.assert_array_equal(part.level, alone.level)
        for name in ("natural", "spliced", "control.affine"):
            np.testing.assert_array_equal(part.rows[name]["moments"], alone.rows[name]["moments"])
            np.testing.assert_array_equal(part.rows[name]["sample"], alone.rows[name]["sample"])
            assert part.rows[name]["sample"].shape == (COUNT, SAMPLED if name in RANKED else 0, len(splices.units))
            np.testing.assert_array_equal(part.rows[name]["kl"], whole.rows[name]["kl"])  # the network's is of all of them


def test_the_circuit_fires_where_a_unit_of_either_does(whole):
    fires = [part.fires for part in whole.parts([4, 6])]
    np.testing.assert_array_equal(whole.fires, fires[0] | fires[1])


def test_the_journal_knows_which_circuits_and_which_rows(run, monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    kinds = (run.joint, "conditions"), (run.joint[:1], "conditions"), (run.joint[::-1], "conditions"), (run.joint, "frontier")
    journals = [run_journal(joint, run.host, run.calibration, 0, rows) for joint, rows in kinds]
    assert len({journal.folder for journal in journals}) == len(journals)


def test_each_step_of_the_frontier_is_an_evaluation_of_its_own(run):
    steps = frontier.grown(run.host, run.joint, run.pictures, size=2)
    assert [step.units for step in steps] == [("retina:6", "retina:7", "retina:8", "retina:9"), steps[1].units]
    for n, step in enumerate(steps, start=1):
        alone = evaluate(run.host, run.joint[:n], run.pictures)
        assert step.units == alone.units
        for name in frontier.CONDITIONS:
            for quantity in ("kl", "agreement", "top1", "top5"):
                assert step.rows[name][quantity] == pytest.approx(alone.rows[name][quantity], abs=FLOAT32), (n, name, quantity)
    for i, picture in enumerate(run.pictures):
        assert steps[0].rows["spliced"]["kl"][i] == pytest.approx(plain_kl(run, run.joint[:1], "spliced", picture), abs=FLOAT32)


def test_the_frontier_goes_on_where_it_stopped(run, tmp_path, monkeypatch):
    journal = Journal(tmp_path)
    expected = frontier.grown(run.host, run.joint, run.pictures, size=2, journal=journal)

    def computed(*_):
        raise AssertionError("every batch was finished")

    monkeypatch.setattr(frontier, "_rows", computed)
    found = frontier.grown(run.host, run.joint, run.pictures, size=2, journal=journal)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a.rows["spliced"]["kl"], b.rows["spliced"]["kl"])
