"""Layers in bfloat16 after a splice: nothing before them changes by a bit, and answers change by
rounding alone.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.planted import SITE, Whole, planted_run
from workbench.cache import GIB, Cache
from workbench.errors import WorkbenchError
from workbench.evaluate.run import evaluate
from workbench.evaluate.statistics import Statistics
from workbench.hosts.precision import bfloat16_after
from workbench.hosts.store import load
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

EIGHT_BITS = 2.0**-8  # relative, of a bfloat16 number
LAYERS = 4  # roundings that add up, of the activations and of the weights
PARITY = 0.03  # of a mean KL over a few pictures; `make bench` writes it


@pytest.fixture(scope="module")
def run():
    return planted_run(5, 4)[:3]


def test_only_activations_after_the_site_change(run):
    host, _, pictures = run
    x = batch(pictures, host.input)
    low = bfloat16_after(host, "retina", SITE)
    with torch.inference_mode():
        logits, seen = low.run(x, SITE, "consumers")
        expected, natural = host.run(x, SITE, "consumers")
    assert torch.equal(seen[SITE], natural[SITE])
    assert seen["consumers"].dtype == torch.bfloat16
    assert logits.dtype == torch.float32
    assert 0 < (logits - expected).abs().max() < LAYERS * EIGHT_BITS * expected.abs().max()
    assert low.precision == f"bfloat16 behind {SITE}"
    assert low.facts != host.facts  # or the cache would mix them


def test_the_host_it_was_made_of_stays(run):
    host, _, pictures = run
    x = batch(pictures, host.input)
    before = host.network(x)
    bfloat16_after(host, SITE)
    assert torch.equal(host.network(x), before)


def test_a_suffix_is_the_end_of_a_whole_run(run):
    host, _, pictures = run
    low, x = bfloat16_after(host, SITE), batch(pictures, host.input)
    with torch.inference_mode():
        logits, seen = low.run(x, SITE)
        assert torch.equal(low.resume(x, SITE, low.push(SITE, seen[SITE]), pushed=True)[0], logits)


def test_conditions_lose_what_they_lose(run, tmp_path):
    host, splices, pictures = run
    low = bfloat16_after(host, SITE)
    expected, rounded = evaluate(host, [splices], pictures), evaluate(low, [splices], pictures)
    alike(expected, rounded)
    for _ in ("cold", "warm"):
        again = evaluate(low, [splices], pictures, Work(cache=Cache(tmp_path, GIB)))
        for name, rows in rounded.rows.items():
            assert again.rows[name]["kl"] == pytest.approx(rows["kl"], rel=1e-3, abs=1e-6)
            assert again.rows[name]["consumer"] == pytest.approx(
                rows["consumer"], rel=1e-3, abs=1e-6
            )


def test_another_splice_is_not_alike(run):
    """`alike` can fail."""
    host, splices, pictures = run
    worse = replace(
        splices, conditions=splices.conditions | {"spliced": splices.conditions["control.flipped"]}
    )
    with pytest.raises(AssertionError):
        alike(
            evaluate(host, [splices], pictures),
            evaluate(bfloat16_after(host, SITE), [worse], pictures),
        )


def alike(expected: Statistics, other: Statistics) -> None:
    for name, rows in expected.rows.items():
        # moments are of the units themselves
        assert np.array_equal(other.rows[name]["moments"], rows["moments"]), name
        assert other.rows[name]["kl"].mean() == pytest.approx(
            rows["kl"].mean(), rel=PARITY, abs=1e-3
        ), name


def test_squeezenet_answers_alike():
    host, pictures = load("squeezenet"), drawn(4, seed=3)
    low, x = bfloat16_after(host, "fire4"), batch(pictures, host.input)
    with torch.inference_mode():
        expected, logits = host.network(x), low.network(x)
    assert 0 < (logits - expected).abs().max() < 8 * EIGHT_BITS * expected.abs().max()


def test_bfloat16_after_without_a_later_convolution_is_the_host_itself(run):
    assert bfloat16_after(run[0], "consumers") is run[0]


def test_a_network_with_a_bypass_is_refused(run):
    host = run[0]
    with pytest.raises(WorkbenchError, match="bypass"):
        bfloat16_after(replace(host, network=Whole(host)), SITE)


def test_a_site_that_is_not_there_is_refused(run):
    with pytest.raises(WorkbenchError, match="no site 'plantd'"):
        bfloat16_after(run[0], "plantd")
