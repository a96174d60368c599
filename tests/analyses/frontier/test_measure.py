"""Statistics of a growing set of circuits, against an evaluation of each set by itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.planted import spliced_twice
from workbench.analyses.frontier import measure as measure_module
from workbench.analyses.frontier.measure import CONDITIONS, grown
from workbench.cache import GIB, Cache
from workbench.evaluate.run import evaluate
from workbench.hosts.host import sites_up_to
from workbench.score.score import Spliced
from workbench.splice.conditions import Zero
from workbench.splice.network import SplicedNetwork
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

# logits are float32 of size up to 20, summed in another order for another batch
FLOAT32 = 2e-4
PICTURES = [replace(picture, label=f"n{i % 3:08d}") for i, picture in enumerate(drawn(4, seed=2))]


@pytest.fixture(scope="module")
def spliced() -> Spliced:
    return spliced_twice((0, 0), drawn(4, seed=1))


def test_grown_each_step_equals_an_evaluation_of_its_own(spliced):
    steps = grown(spliced.host, spliced.joint, PICTURES, size=2)
    assert steps[0].units == ("retina:6", "retina:7", "retina:8", "retina:9")
    for n, step in enumerate(steps, start=1):
        alone = evaluate(spliced.host, spliced.joint[:n], PICTURES)
        assert step.units == alone.units
        np.testing.assert_allclose(step.peak, alone.peak, atol=FLOAT32)
        for name in CONDITIONS:
            for quantity in ("kl", "agreement", "top1", "top5"):
                assert step.rows[name][quantity] == pytest.approx(
                    alone.rows[name][quantity], abs=FLOAT32
                ), (n, name, quantity)


def test_grown_first_step_equals_the_plain_path(spliced):
    """The whole host runs from the pixels, on one picture at a time."""
    host, first = spliced.host, spliced.joint[0]
    (step, _) = grown(host, spliced.joint, PICTURES)
    network = SplicedNetwork(host, (first.circuits, first.condition("spliced")))
    for i, picture in enumerate(PICTURES):
        x = host.input.batch([picture])
        with torch.inference_mode():
            p, q = (answer(x)[0].double().softmax(0) for answer in (host.network, network))
        kl = float((p * (p / q).log()).sum())
        assert step.rows["spliced"]["kl"][i] == pytest.approx(kl, abs=FLOAT32)


def test_grown_with_finished_batches_in_the_cache_computes_none(spliced, tmp_path, monkeypatch):
    work = Work(cache=Cache(tmp_path, GIB))
    expected = grown(spliced.host, spliced.joint, PICTURES, work, size=2)

    def computed(*_):
        raise AssertionError("every batch was finished")

    monkeypatch.setattr(measure_module, "_rows", computed)
    steps = grown(spliced.host, spliced.joint, PICTURES, work, size=2)
    for step, whole in zip(steps, expected, strict=True):
        np.testing.assert_array_equal(step.rows["spliced"]["kl"], whole.rows["spliced"]["kl"])
    with pytest.raises(AssertionError, match="finished"):
        grown(spliced.host, spliced.joint[::-1], PICTURES, work, size=2)


class Uncached(Zero):
    """A condition that does not declare that its rows may be cached."""


def test_grown_with_a_condition_that_may_not_be_cached_computes_its_rows(spliced, tmp_path):
    work = Work(cache=Cache(tmp_path, GIB))
    first = spliced.joint[0]
    zero = first.conditions["ablated.zero"]
    conditions = {**first.conditions, "ablated.zero": Uncached(**vars(zero))}
    joint = [replace(first, conditions=conditions), *spliced.joint[1:]]
    steps = grown(spliced.host, joint, PICTURES, work, size=2)
    expected = grown(spliced.host, spliced.joint, PICTURES, size=2)
    for step, whole in zip(steps, expected, strict=True):
        np.testing.assert_array_equal(
            step.rows["ablated.zero"]["kl"], whole.rows["ablated.zero"]["kl"]
        )
    assert not list(tmp_path.rglob("frontier/*"))


@pytest.mark.inceptionv1
def test_the_first_five_layers_of_inceptionv1_have_1056_units(inceptionv1):
    assert sum(sites_up_to(inceptionv1, ["conv2d1", "mixed3b"]).values()) == 1056
    assert sites_up_to(inceptionv1, ["conv2d0"]) == {"conv2d0": 64}
