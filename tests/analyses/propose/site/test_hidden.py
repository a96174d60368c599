"""Hidden families: a bottleneck that computes terms of labelled units is written by such terms."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.analyses.propose.site.planted_family import PLANTED_AT, READ, network
from tests.planted import CHANNELS, CONSUMERS, INPUT
from workbench.analyses.propose.site.controls import (
    MEAN,
    PERMUTED,
    SINGLE,
    TERMS,
    mean_of,
    single_weights,
)
from workbench.analyses.propose.site.hidden import (
    Hidden,
    bottleneck,
    hidden_families,
    hidden_name,
)
from workbench.analyses.propose.site.plan import searched
from workbench.analyses.propose.site.request import SiteRequest
from workbench.analyses.propose.site.sample import Sample, sample, stage_of
from workbench.analyses.propose.site.splice import WAYS, spliced_answers
from workbench.hosts import host_from_module
from workbench.hosts.squeezenet import Fire
from workbench.splice.inputs import ConditionInputs
from workbench.splice.link import RELU
from workbench.splice.rivals import Window
from workbench.splice.sampled import windows_at
from workbench.splice.slots import Channels
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

HIDDEN, READ_BY_UNIT, TERMS_PLANTED = 6, 4, 3
BITS = 300.0
SHORT_BITS = 90.0  # of a theory of one or two terms
FIT, JUDGE = 32, 8
EXACT = 1e-4  # float32


def squeezed_host():
    """The planted network with a fire block at PLANTED_AT."""
    host = network(0, False)
    stages = dict(host.network.named_children())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stages[PLANTED_AT] = Fire(CHANNELS, HIDDEN, CONSUMERS)
    module = nn.Sequential()
    for name, stage in stages.items():
        module.add_module(name, stage)
    return host_from_module(module, "squeezed", host.sites, INPUT, list(host.classes))


@pytest.fixture(scope="module")
def planted():
    """The search of a host whose hidden units are terms of labelled units at a point."""
    host = squeezed_host()
    stage = stage_of(host, PLANTED_AT)
    request = SiteRequest(host, PLANTED_AT, drawn(FIT, seed=1), drawn(JUDGE, seed=2))
    search, _, _ = searched(stage, request, Work())
    terms = bottleneck(stage, search).search.dictionary(search.labels)
    generator = np.random.default_rng(0)
    fire = host.module(PLANTED_AT)
    with torch.no_grad():
        for unit in range(HIDDEN):
            chosen = generator.permutation(len(terms.atoms))[:TERMS_PLANTED].tolist()
            kernel = terms.kernel(4 * unit, chosen, torch.tensor([2.0, -1.0, 1.0]))
            fire.squeeze1x1.weight[unit] = (4 * kernel / kernel.norm())[:, :, None]
        drive = fire.squeeze1x1.weight.flatten(1) @ search.fit.windows[..., 4].T
        fire.squeeze1x1.bias.copy_(-drive.mean(1))  # shut at half of the places
        for expand in (fire.expand1x1, fire.expand3x3):
            flat = expand.weight.flatten(1)
            few = flat.abs() >= flat.abs().topk(READ_BY_UNIT).values[:, -1:]
            expand.weight.copy_(4 * (flat * few).view_as(expand.weight))
            expand.bias.fill_(0.1)
    fit, judge = (sample(stage, shown, Work(), "") for shown in (request.pictures, request.judge))
    return host, stage, replace(search, fit=fit, judge=judge)


def test_hidden_units_that_are_terms_are_written_by_terms_and_keep_the_answers(planted):
    _, stage, search = planted
    bits = np.full(CONSUMERS, BITS)
    single = single_weights(search, search.dictionary(search.labels), bits)
    hidden = hidden_families(stage, search, bits, TERMS_PLANTED)
    assert [row.unit for row in hidden.rows] == list(range(HIDDEN))
    pearson = [row.pearson for row in hidden.rows]
    assert min(pearson) > 0.9
    by_way = {name: figure.value for name, figure in hidden.pearson.items()}
    assert by_way[TERMS] == pytest.approx(np.mean(pearson))
    assert by_way[PERMUTED] < by_way[TERMS] - 0.05
    assert list(by_way) == list(WAYS)
    ways = [*hidden.ways, single, mean_of(search)]
    for way in ways:
        assert (way.bits + search.label_bits * way.labelled <= BITS + 1e-6).all(), way.name
    made = spliced_answers(stage, search, ways, drawn(JUDGE, seed=2))
    kl = {name: answers.quantities["kl"].value for name, answers in made.items()}
    terms, wrong = hidden_name(TERMS), hidden_name(PERMUTED)
    assert kl[terms] < 0.02 * kl[MEAN]
    assert kl[wrong] > 3 * kl[terms]
    assert kl[SINGLE] > 5 * kl[terms]


def test_hidden_units_cost_no_more_where_some_units_have_short_theories(planted):
    _, stage, search = planted
    bits = np.where(np.arange(CONSUMERS) % 2, 2 * BITS - SHORT_BITS, SHORT_BITS)
    for way in hidden_families(stage, search, bits).ways:
        assert way.bits.mean() + search.label_bits * way.labelled <= bits.mean(), way.name


def test_a_prediction_through_hidden_units_is_the_same_on_rows_and_on_whole_maps(planted):
    _, stage, search = planted
    made = bottleneck(stage, search)
    entering = F.relu(torch.randn(2, CHANNELS, 5, 5, generator=torch.Generator().manual_seed(0)))
    row, column = (torch.from_numpy(index).flatten() for index in np.indices((5, 5)))
    windows = windows_at(entering, row, column, stage.side // 2).unflatten(1, (CHANNELS, -1))
    none = torch.zeros(len(windows), 1)
    hidden = Window(
        torch.randn(HIDDEN, CHANNELS, 1, 1), torch.rand(HIDDEN), torch.ones(HIDDEN), RELU
    )
    weight = torch.randn(3, made.candidates)
    through = made.through(hidden, weight, torch.ones(3), torch.zeros(3))
    inputs = ConditionInputs(
        PLANTED_AT, Channels((0, 1, 2)), none, {}, torch.zeros(2), entering=entering
    )
    sampled = Sample(windows, none, none, none, np.zeros(len(windows)))
    rows = made.features(sampled, hidden) @ weight.T
    whole = through(inputs).flatten(2).movedim(1, 2).flatten(0, 1)
    assert torch.allclose(F.relu(rows), whole, atol=EXACT, rtol=EXACT)
    assert (
        through.fitted_parameters()
        != made.through(
            replace(hidden, bias=torch.zeros(HIDDEN)), weight, torch.ones(3), torch.zeros(3)
        ).fitted_parameters()
    )


def test_a_stage_without_a_bottleneck_has_no_hidden_units(planted):
    _, _, search = planted
    stage = stage_of(network(0, False), PLANTED_AT)
    assert hidden_families(stage, search, np.full(CONSUMERS, BITS)) == Hidden()
    assert stage.before == READ


def test_hidden_units_are_judged_on_trained_ones_where_a_site_below_is_handwritten(planted):
    host, stage, search = planted
    network = nn.Sequential()
    for name, module in host.network.named_children():
        below = nn.Sequential(module, nn.Hardtanh(0.0, 0.1)) if name == READ else module
        network.add_module(name, below)
    written = replace(host, network=network.eval(), fingerprint="0" * 64)
    below = stage_of(host, PLANTED_AT, written)
    fit, judge = (
        sample(below, drawn(count, seed=seed), Work(), "") for count, seed in ((FIT, 1), (JUDGE, 2))
    )
    trained = bottleneck(stage, search).search
    made = bottleneck(stage, replace(search, fit=fit, judge=judge)).search
    assert made.judge.windows.amax() <= 0.1 < trained.judge.windows.amax()
    assert torch.equal(made.judge.trained, trained.judge.trained)
    assert not torch.equal(made.fit.trained, trained.fit.trained)
