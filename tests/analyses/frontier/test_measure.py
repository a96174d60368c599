"""Statistics of a growing set of circuits, against an evaluation of each set by itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.planted import spliced_twice
from workbench.analyses.frontier import measure as measure_module
from workbench.analyses.frontier.measure import OTHERS, OWN, SPLICED, Means, grown, site_means
from workbench.cache import GIB, Cache
from workbench.evaluate.run import evaluate
from workbench.hosts.host import sites_up_to
from workbench.score.score import Spliced
from workbench.splice.conditions import Mean
from workbench.splice.network import SplicedNetwork
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

# logits are float32 of size up to 20, summed in another order for another batch
FLOAT32 = 2e-4
SITES = ["retina", "planted"]
PICTURES = [replace(picture, label=f"n{i % 3:08d}") for i, picture in enumerate(drawn(4, seed=2))]


@pytest.fixture(scope="module")
def spliced() -> Spliced:
    return spliced_twice((0, 0), drawn(4, seed=1))


@pytest.fixture(scope="module")
def means(spliced) -> Means:
    return site_means(spliced.host, SITES, drawn(4, seed=1))


def test_site_means_are_those_of_all_positions_and_pictures(spliced, means):
    host, pictures = spliced.host, drawn(4, seed=1)
    for name, activation in host.activations(host.input.batch(pictures), *SITES).items():
        assert torch.allclose(means[name], activation.mean((0, 2, 3)), atol=FLOAT32)


def test_grown_each_step_equals_an_evaluation_of_its_own(spliced, means):
    """All theories handwritten; and the last of them under another condition."""
    steps = grown(spliced.host, spliced.joint, means, PICTURES, size=2)
    assert steps[0].units == ("retina:6", "retina:7", "retina:8", "retina:9")
    for n, step in enumerate(steps, start=1):
        *before, last = spliced.joint[:n]
        for name in ("natural", SPLICED, *OWN):
            written = [
                replace(each, conditions={name: each.conditions[SPLICED]}) for each in before
            ]
            joint = [*written, replace(last, conditions={name: last.conditions[name]})]
            if name == "natural":
                joint = spliced.joint[:n]
            alone = evaluate(spliced.host, joint, PICTURES)
            assert step.units == alone.units
            np.testing.assert_allclose(step.peak, alone.peak, atol=FLOAT32)
            for quantity in ("kl", "agreement", "top1", "top5"):
                assert step.rows[name][quantity] == pytest.approx(
                    alone.rows[name][quantity], abs=FLOAT32
                ), (n, name, quantity)


def kl_of(logits: torch.Tensor, other: torch.Tensor) -> float:
    p, q = (answer.double().softmax(0) for answer in (logits, other))
    return float((p * (p / q).log()).sum())


def test_grown_first_step_equals_the_plain_path(spliced, means):
    """The whole host runs from the pixels, on one picture at a time."""
    host, first = spliced.host, spliced.joint[0]
    (step, _) = grown(host, spliced.joint, means, PICTURES)
    network = SplicedNetwork(host, (first.circuits, first.condition(SPLICED)))
    for i, picture in enumerate(PICTURES):
        x = host.input.batch([picture])
        with torch.inference_mode():
            kl = kl_of(host.network(x)[0], network(x)[0])
        assert step.rows[SPLICED]["kl"][i] == pytest.approx(kl, abs=FLOAT32)


def test_grown_others_at_mean_equals_a_network_run_by_hand(spliced, means):
    """Stage by stage: every channel at its mean, but for the handwritten ones of the first site."""
    host, first = spliced.host, spliced.joint[0]
    (step, _) = grown(host, spliced.joint, means, PICTURES)
    stages = dict(host.network.named_children())
    later = list(stages)[list(stages).index("planted") + 1 :]
    x = host.input.batch(PICTURES)
    with torch.inference_mode():
        planted = host.activations(x, "planted")["planted"]
        answer = means["planted"][:, None, None].expand_as(planted)
        for name in later:
            answer = stages[name](answer)
        natural = host.network(x)
    for i in range(len(PICTURES)):  # the second site is all at its mean: the first does not matter
        kl = kl_of(natural[i], answer[i])
        assert step.rows[OTHERS]["kl"][i] == pytest.approx(kl, abs=FLOAT32)
    assert first.site == "retina"


def test_grown_with_finished_batches_in_the_cache_computes_none(
    spliced, means, tmp_path, monkeypatch
):
    work = Work(cache=Cache(tmp_path, GIB))
    expected = grown(spliced.host, spliced.joint, means, PICTURES, work, size=2)

    def computed(*_):
        raise AssertionError("every batch was finished")

    monkeypatch.setattr(measure_module, "_rows", computed)
    steps = grown(spliced.host, spliced.joint, means, PICTURES, work, size=2)
    for step, whole in zip(steps, expected, strict=True):
        np.testing.assert_array_equal(step.rows[SPLICED]["kl"], whole.rows[SPLICED]["kl"])
    others = {**means, "planted": means["planted"] + 1}
    for joint, at in ((spliced.joint[::-1], means), (spliced.joint, others)):
        with pytest.raises(AssertionError, match="finished"):
            grown(spliced.host, joint, at, PICTURES, work, size=2)


class Uncached(Mean):
    """A condition that does not declare that its rows may be cached."""


def test_grown_with_a_condition_that_may_not_be_cached_computes_its_rows(spliced, means, tmp_path):
    work = Work(cache=Cache(tmp_path, GIB))
    first, name = spliced.joint[0], "ablated.mean"
    conditions = {**first.conditions, name: Uncached(**vars(first.conditions[name]))}
    joint = [replace(first, conditions=conditions), *spliced.joint[1:]]
    steps = grown(spliced.host, joint, means, PICTURES, work, size=2)
    expected = grown(spliced.host, spliced.joint, means, PICTURES, size=2)
    for step, whole in zip(steps, expected, strict=True):
        np.testing.assert_array_equal(step.rows[name]["kl"], whole.rows[name]["kl"])
    assert not list(tmp_path.rglob("frontier/*"))


@pytest.mark.inceptionv1
def test_the_first_five_layers_of_inceptionv1_have_1056_units(inceptionv1):
    assert sum(sites_up_to(inceptionv1, ["conv2d1", "mixed3b"]).values()) == 1056
    assert sites_up_to(inceptionv1, ["conv2d0"]) == {"conv2d0": 64}
