"""The whole site in place: the theory that planted it keeps the answers, a wrong one does not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.analyses.propose.site.planted_family import PLANTED_AT, network
from workbench.analyses.propose.site.controls import (
    MEAN,
    PERMUTED,
    SINGLE,
    TERMS,
    mean_of,
    single_weights,
    with_exceptions,
)
from workbench.analyses.propose.site.plan import searched
from workbench.analyses.propose.site.request import SiteRequest
from workbench.analyses.propose.site.run import propose_site
from workbench.analyses.propose.site.sample import sample, stage_of
from workbench.analyses.propose.site.splice import spliced_answers
from workbench.errors import WorkbenchError
from workbench.hosts.output import NoOutput
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

TERMS_PLANTED = 3
FIT, JUDGE = 32, 8


@pytest.fixture(scope="module")
def planted():
    """A network all of whose units at PLANTED_AT compute a few terms of labelled units."""
    host = network(0, False)
    stage = stage_of(host, PLANTED_AT)
    request = SiteRequest(host, PLANTED_AT, drawn(FIT, seed=1), drawn(JUDGE, seed=2))
    search, below, _ = searched(stage, request, Work())
    terms = search.dictionary(below)
    generator = np.random.default_rng(0)
    poses = generator.integers(len(terms.poses), size=host.site(PLANTED_AT).channels)
    convolution = host.module(PLANTED_AT)[0]
    with torch.no_grad():
        for unit, pose in enumerate(poses.tolist()):
            chosen = generator.permutation(len(terms.atoms))[:TERMS_PLANTED].tolist()
            kernel = terms.kernel(pose, chosen, torch.tensor([2.0, -1.0, 1.0]))
            kernel = kernel.unflatten(1, (stage.side, stage.side))
            convolution.weight[unit] = 4 * kernel / kernel.norm()
            convolution.bias[unit] = 0.2
    fit, judge = (
        sample(stage, pictures, Work(), "pictures")
        for pictures in (request.pictures, request.judge)
    )
    return stage, replace(search, fit=fit, judge=judge), poses


def test_the_theory_that_planted_the_site_keeps_the_answers(planted):
    stage, search, poses = planted
    counts = [TERMS_PLANTED + 1] * len(poses)
    terms, wrong = (
        search.dictionary(labels) for labels in (search.labels, search.labels.permuted(1))
    )
    right, _ = search.way(TERMS, terms, counts, poses)
    permuted, _ = search.way(PERMUTED, wrong, counts, poses)
    rivals = (
        single_weights(search, terms, right.bits),
        with_exceptions(search, terms, right.bits, poses),
    )
    ways = [right, permuted, *rivals, mean_of(search)]
    made = spliced_answers(stage, search, ways, drawn(JUDGE, seed=2))
    kl = {name: answers.quantities["kl"].value for name, answers in made.items()}
    assert kl[TERMS] < 0.02 * kl[MEAN]
    assert kl[PERMUTED] > 10 * kl[TERMS]
    assert made[TERMS].quantities["top1_agreement"].value > 0.9
    assert made[TERMS].ahead.value == pytest.approx(kl[SINGLE] - kl[TERMS])
    assert made[SINGLE].ahead.value == 0


def test_a_host_whose_answers_are_not_compared_is_refused(tmp_path):
    host = replace(network(0, False), output=NoOutput())
    request = SiteRequest(host, PLANTED_AT, drawn(8, seed=1), drawn(8, seed=2), splice=4)
    with pytest.raises(WorkbenchError, match="answers are compared, or no --splice"):
        propose_site(request, tmp_path / "out", Work())
