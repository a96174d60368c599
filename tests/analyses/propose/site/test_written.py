"""Sites written one upon another: the first reads the input, later ones what is written below."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from workbench.analyses.propose.site import run
from workbench.analyses.propose.site.controls import MEAN, PERMUTED, SINGLE, TERMS
from workbench.analyses.propose.site.cost import unit_costs
from workbench.analyses.propose.site.families import LEAST
from workbench.analyses.propose.site.grouped import GROUPED
from workbench.analyses.propose.site.pixels import pixel_dictionary
from workbench.analyses.propose.site.request import SiteRequest
from workbench.analyses.propose.site.run import propose_site
from workbench.analyses.propose.site.sample import sample, stage_of
from workbench.analyses.propose.site.written import (
    WrittenFacts,
    WrittenSite,
    file_name,
    host_of,
    read_sites,
    write_sites,
)
from workbench.cache import GIB, Cache
from workbench.errors import WorkbenchError
from workbench.hosts import Host, PictureInput, Site, host_from_module
from workbench.hosts.first_stage import first_branch, patches
from workbench.hosts.frozen import state_fingerprint
from workbench.hosts.inception_blocks import Mixed
from workbench.hosts.layout import PictureGrid
from workbench.hosts.output import EmbeddingOutput
from workbench.splice.link import RELU
from workbench.splice.natural import Part, natural_parts
from workbench.splice.rivals import Window
from workbench.splice.written import FromInput
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

SIDE_PX, KERNEL_PX, FIRST, SECOND, CLASSES = 64, 5, 8, 10, 6
TERMS_PLANTED = 2
FIT, JUDGE = 24, 8
EXACT = 1e-4  # float32
INPUT = PictureInput(size_px=SIDE_PX, mean_rgb=(120.0,) * 3, scale_rgb=(60.0,) * 3)


def host_of_filters() -> Host:
    """A network whose first units are a few filters of the language each."""
    sites = {
        name: Site(name, name, units, PictureGrid(32, 32, 2, 0))
        for name, units in (("first", FIRST), ("second", SECOND))
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential()
        first = nn.Conv2d(3, FIRST, KERNEL_PX, stride=2, padding=KERNEL_PX // 2)
        network.add_module("first", nn.Sequential(first, nn.ReLU()))
        second = nn.Conv2d(FIRST, SECOND, 3, padding=1)
        network.add_module("second", nn.Sequential(second, nn.ReLU()))
        head = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(SECOND * 16, CLASSES))
        network.add_module("head", head)
    terms = pixel_dictionary(range(3 * KERNEL_PX**2))
    generator = np.random.default_rng(0)
    with torch.no_grad():
        for unit in range(FIRST):
            chosen = generator.permutation(len(terms.atoms))[:TERMS_PLANTED].tolist()
            kernel = terms.kernel(3 * unit, chosen, torch.tensor([2.0, -1.0]))
            first.weight[unit] = (kernel / kernel.norm()).view_as(first.weight[unit])
            first.bias[unit] = 0.1
        second.weight.mul_(4)
        head[2].weight.mul_(20)
    return host_from_module(
        network.eval(), "filters", sites, INPUT, [f"n{i:08d}" for i in range(6)]
    )


@pytest.fixture(scope="module")
def host():
    return host_of_filters()


@pytest.fixture(scope="module")
def first(host, tmp_path_factory):
    """The proposal of the first site with its written files."""
    folder = tmp_path_factory.mktemp("written") / "first"
    request = asked(host, "first", rows=(TERMS, SINGLE, PERMUTED, MEAN), terms=2 * TERMS_PLANTED)
    return propose_site(request, folder, Work()), folder


def asked(host: Host, site: str, **how) -> SiteRequest:
    return SiteRequest(
        host, site, drawn(FIT, seed=1), drawn(JUDGE, seed=2), splice=JUDGE, weights=True, **how
    )


def kl_of(result, row: str) -> float:
    return result.row(row).answers.quantities["kl"].value


def test_patches_with_the_trained_weights_are_the_first_units(host):
    x = host.input.batch(drawn(3, seed=3))
    drive = first_branch(host).convolutions[0](patches(host, x))
    assert torch.allclose(torch.relu(drive), host.activations(x, "first")["first"], atol=EXACT)


def test_patches_and_the_input_are_not_kept_in_the_cache(host, tmp_path):
    cache, x = Cache(tmp_path, GIB), host.input.batch(drawn(1, seed=3))
    parts = [Part("entering", "first"), Part("input", "first")]
    for _ in range(2):
        made = natural_parts(host, x, parts, cache)
        assert torch.equal(made[parts[0]], patches(host, x))
        assert torch.equal(made[parts[1]], x)
    assert cache.bytes == 0
    natural_parts(host, x, [Part("entering", "second")], cache)
    assert cache.bytes > 0


@pytest.mark.parametrize(
    "other",
    [
        nn.Sequential(nn.Conv2d(3, FIRST, 5, 2, 2), nn.BatchNorm2d(FIRST), nn.ReLU()),
        Mixed(3, 2, 2, 2, 2, 2, 2),
    ],
    ids=["normalised", "branches"],
)
def test_a_first_stage_that_is_not_known_is_refused(host, other):
    network = nn.Sequential()
    for name, stage in zip(("first", "second", "head"), [other, *host.network[1:]], strict=True):
        network.add_module(name, stage)
    with pytest.raises(WorkbenchError, match="one convolution and a ReLU"):
        stage_of(replace(host, network=network.eval()), "first")


class Bypassed(nn.Module):
    """A network in which a connection bypasses the second site."""

    def __init__(self, host: Host):
        super().__init__()
        self.first, self.second, self.head = host.network

    def forward(self, x):
        activation = self.first(x)
        return self.head(self.second(activation) + activation.mean(1, keepdim=True))


def test_a_site_that_a_connection_may_bypass_is_refused(host):
    network = Bypassed(host).eval()
    with pytest.raises(WorkbenchError, match="other than first may enter its stage"):
        stage_of(replace(host, network=network), "second")


def test_units_that_are_filters_are_written_by_filters(first):
    result, _ = first
    assert result.reads == "input"
    assert result.row(TERMS).pearson.value > 0.98
    assert result.row(PERMUTED).pearson.value < 0.9
    assert kl_of(result, TERMS) < 0.05 * kl_of(result, MEAN)
    assert kl_of(result, TERMS) < 0.5 * kl_of(result, SINGLE)
    assert kl_of(result, PERMUTED) > 5 * kl_of(result, TERMS)
    family, term = result.units[0].terms[0]
    assert family == "input"
    assert {"kernel", "sigma_px", "channel", "gain"} <= set(term)


def test_numbers_are_those_of_all_units(first):
    row = first[0].row(TERMS)
    assert row.numbers == FIRST * (2 * TERMS_PLANTED + 3)  # a pose, a gain and a bias each


def test_the_trained_weights_as_windows_leave_the_network_as_it_is(host):
    branch, second = first_branch(host).convolutions[0], host.module("second")[0]
    windows = [
        WrittenSite(
            WrittenFacts(site, TERMS, 0, 0.0, len(part.weight)),
            Window(part.weight.detach(), torch.ones(len(part.weight)), part.bias.detach(), RELU),
            tuple(range(len(part.weight))),
        )
        for site, part in (("first", branch), ("second", second))
    ]
    x = host.input.batch(drawn(3, seed=3))
    written = host_of(host, windows)
    assert written.fingerprint != host.fingerprint
    assert torch.allclose(written.run(x)[0], host.run(x)[0], atol=EXACT)
    assert host_of(host, []) is host


def test_a_later_site_is_chosen_and_judged_on_the_site_below_as_it_is_written(
    host, first, tmp_path
):
    """The answers of a splice are those of the network in which both sites are written."""
    below = read_sites(host, first[1] / file_name(MEAN))
    request = asked(host, "second", rows=(MEAN,), terms=8, below=below)
    result = propose_site(request, tmp_path / "second", Work())
    assert kl_of(result, TERMS) == pytest.approx(kl_of(result, MEAN), rel=0.2)  # nothing enters
    below = read_sites(host, first[1] / file_name(TERMS))
    folder = tmp_path / "on-terms"
    result = propose_site(
        asked(host, "second", rows=(TERMS, MEAN), terms=8, below=below), folder, Work()
    )
    both = read_sites(host, folder / file_name(TERMS))
    x = host.input.batch(drawn(JUDGE, seed=2))
    p, q = (torch.log_softmax(other.run(x)[0].double(), 1) for other in (host, host_of(host, both)))
    assert kl_of(result, TERMS) == pytest.approx(float((p.exp() * (p - q)).sum(1).mean()), rel=1e-3)
    assert kl_of(result, TERMS) < 0.3 * kl_of(result, MEAN)
    numbers, bits = result.written(TERMS)
    assert numbers == first[0].row(TERMS).numbers + result.row(TERMS).numbers
    assert bits > result.row(TERMS).bits * SECOND


def test_the_sample_reads_what_is_written_and_its_targets_are_trained(host, first):
    below = read_sites(host, first[1] / file_name(MEAN))
    trained = sample(stage_of(host, "second"), drawn(2, seed=3), Work(), "")
    written = sample(stage_of(host, "second", host_of(host, below)), drawn(2, seed=3), Work(), "")
    assert torch.equal(trained.trained, written.trained)
    assert torch.equal(trained.target, written.target)
    assert trained.windows.std(0).max() > 0.01 > written.windows[:, :, 4].std(0).max()


def test_families_are_not_searched_for_on_handwritten_sites(host, first, tmp_path, monkeypatch):
    """Their circuit files would have peaks and poses that are not those of the trained units."""
    monkeypatch.setattr(run, "families", lambda *_: pytest.fail("searched for"))
    below = read_sites(host, first[1] / file_name(MEAN))
    request = replace(asked(host, "second", terms=2, below=below), splice=0)
    assert propose_site(request, tmp_path / "out", Work()).families == []
    with pytest.raises(pytest.fail.Exception, match="searched for"):
        propose_site(replace(request, below=()), tmp_path / "out", Work())


def test_files_of_other_networks_and_other_sites_are_refused(host, first, tmp_path):
    file = first[1] / file_name(MEAN)
    request = asked(host, "first", below=read_sites(host, file))
    with pytest.raises(WorkbenchError, match="sites that lie before first"):
        propose_site(request, tmp_path / "out", Work())
    with pytest.raises(WorkbenchError, match="of filters with its weights"):
        read_sites(replace(host, fingerprint="0" * 64), file)
    changed = bytearray(file.read_bytes())
    changed[-1] ^= 1
    (tmp_path / "changed.safetensors").write_bytes(changed)
    with pytest.raises(WorkbenchError, match="was changed after it was written"):
        read_sites(host, tmp_path / "changed.safetensors")
    write_sites(host, read_sites(host, file), tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("row", ["single weight", "hidden: terms"])
def test_a_row_that_the_site_does_not_have_is_refused(host, tmp_path, row):
    with pytest.raises(WorkbenchError, match="--row of second: no row"):
        propose_site(asked(host, "second", rows=(row,)), tmp_path / "out", Work())


def sent(function, items):
    """An engine that sends everything to another place, as a cluster does."""
    function = pickle.loads(pickle.dumps(function))
    return [function(pickle.loads(pickle.dumps(item))) for item in items]


def test_a_search_that_is_sent_elsewhere_finds_the_same(host, tmp_path):
    request = replace(asked(host, "second", rows=("single weights",)), splice=0, weights=False)
    propose_site(request, tmp_path / "here", Work())
    propose_site(request, tmp_path / "there", Work(engine=sent))
    first, second = ((tmp_path / name / "site.json").read_bytes() for name in ("here", "there"))
    assert first == second


def test_a_splice_above_written_sites_is_known_by_what_is_written(host, first):
    sites = [read_sites(host, first[1] / file_name(row)) for row in (TERMS, TERMS, MEAN)]
    here, again, there = (FromInput(host_of(host, written)) for written in sites)
    assert here.fitted_parameters() == again.fitted_parameters()
    part = replace(sites[0][0], window=first_units(sites[0][0].window, 2), units=(0, 1))
    moved = replace(part, units=(0, 2))
    others = [FromInput(host_of(host, [written])) for written in (part, moved)]
    assert len({condition.fitted_parameters() for condition in (here, there, *others)}) == 4


def first_units(window: Window, count: int) -> Window:
    return Window(window.weight[:count], window.gain[:count], window.bias[:count], window.link)


@pytest.mark.parametrize("site", ["first", "second"])
def test_units_that_are_not_written_stay_trained(host, first, site):
    channels, units = host.site(site).channels, (1, 4)
    below = host.site("first").channels if site == "second" else 0
    shape = (2, below, 3, 3) if below else (2, 3 * KERNEL_PX**2, 1, 1)
    window = Window(torch.zeros(shape), torch.ones(2), torch.tensor([0.25, 0.5]), RELU)
    written = host_of(host, [WrittenSite(WrittenFacts(site, MEAN, 2, 0.0, 2), window, units)])
    x = host.input.batch(drawn(2, seed=3))
    trained, made = (network.activations(x, site)[site] for network in (host, written))
    others = [unit for unit in range(channels) if unit not in units]
    assert torch.equal(made[:, others], trained[:, others])
    assert torch.equal(made[:, 1], torch.full_like(made[:, 1], 0.25))
    assert torch.equal(made[:, 4], torch.full_like(made[:, 4], 0.5))


def test_families_of_some_units_are_judged_in_the_network_that_is_written(host, first, tmp_path):
    """Units that stay trained read what is handwritten below, in the splice and in the file."""
    below = read_sites(host, first[1] / file_name(TERMS))
    request = asked(host, "second", rows=(GROUPED,), terms=8, below=below)
    every = propose_site(request, tmp_path / "every", Work())
    assert every.of == SECOND == len(every.units)
    cheapest = propose_site(replace(request, units=LEAST + 1), tmp_path / "some", Work())
    units = [row.unit for row in cheapest.units]
    assert len(units) == 2 * LEAST  # two whole families
    assert sorted(unit for group in cheapest.groups for unit in group.poses) == units
    both = read_sites(host, tmp_path / "some" / file_name(GROUPED))
    assert both[1].units == tuple(units)
    assert both[1].facts.units == len(units)
    x = host.input.batch(drawn(JUDGE, seed=2))
    p, q = (torch.log_softmax(other.run(x)[0].double(), 1) for other in (host, host_of(host, both)))
    kl = float((p.exp() * (p - q)).sum(1).mean())
    assert kl_of(cheapest, GROUPED) == pytest.approx(kl, rel=1e-3)


@pytest.mark.parametrize("ignored", [range(7), range(3, SECOND)], ids=["first", "last"])
def test_units_that_cost_the_answers_least_are_put_in_families(host, tmp_path, ignored):
    """Nothing reads seven of the units: they cost nothing, and the first family is of them."""
    network = copy.deepcopy(host.network)
    with torch.no_grad():
        network.head[2].weight.view(CLASSES, SECOND, -1)[:, list(ignored)] = 0
    changed = replace(host, network=network, fingerprint=state_fingerprint(network))
    costs = unit_costs(changed, "second", drawn(JUDGE, seed=2), Work())
    assert {unit for unit in range(SECOND) if costs[unit] == 0} == set(ignored)
    request = replace(asked(changed, "second", rows=(GROUPED,), terms=2), units=LEAST)
    result = propose_site(request, tmp_path / "out", Work())
    assert {row.unit for row in result.units} <= set(ignored)
    assert kl_of(result, GROUPED) < 1e-6


def test_cost_is_the_kl_that_small_errors_cause(host):
    """Half of the Fisher information times the squared error is the KL."""
    pictures, error = drawn(64, seed=5), 1e-2
    costs = unit_costs(host, "second", pictures, Work())
    x = host.input.batch(pictures)
    natural, activations = host.run(x, "second")
    generator = torch.Generator().manual_seed(0)
    measured = torch.zeros(SECOND)
    for unit in range(SECOND):
        changed = activations["second"].clone()
        noise = error * torch.randn(changed[:, unit].shape, generator=generator)
        changed[:, unit] += noise
        p, q = (
            torch.log_softmax(answer.double(), 1)
            for answer in (natural, host.resume(x, "second", changed)[0])
        )
        measured[unit] = (p.exp() * (p - q)).sum(1).mean()
    assert torch.allclose(measured, costs * error**2 / 2, rtol=0.5)


def test_units_are_for_families_of_classifiers(host, tmp_path):
    for request, message in (
        (asked(host, "second", rows=(TERMS,), units=6), "--units: given without families"),
        (asked(host, "second", rows=(GROUPED,), units=2), "--units: 2; expected 3 or more"),
    ):
        with pytest.raises(WorkbenchError, match=message):
            propose_site(request, tmp_path / "out", Work())
    other = replace(host, output=EmbeddingOutput())
    with pytest.raises(WorkbenchError, match="its answers are no classes"):
        unit_costs(other, "second", drawn(1, seed=1), Work())


def test_answers_above_written_sites_are_the_same_from_the_cache(host, first, tmp_path):
    below = read_sites(host, first[1] / file_name(TERMS))
    request = asked(host, "second", rows=(TERMS,), terms=4, below=below)
    cache = Cache(tmp_path / "cache", GIB)
    for name, kept in (("without", None), ("new", cache), ("kept", cache)):
        propose_site(request, tmp_path / name, Work(cache=kept))
    without, new, again = (
        (tmp_path / name / "site.json").read_bytes() for name in ("without", "new", "kept")
    )
    assert without == new == again
