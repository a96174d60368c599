"""Reading and replacing activations of a host."""

import copy
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.conftest import tiny_network
from workbench.errors import WorkbenchError
from workbench.hosts import Host, PictureInput, Site, host_from_module
from workbench.hosts.hooks import overridden
from workbench.hosts.pooling import MaxPool
from workbench.hosts.precision import bfloat16_after

INPUT = PictureInput(size_px=32, mean_rgb=(128.0, 128.0, 128.0))
# How long a thread waits for another to come; where none may come, this time passes.
WAIT_S = 0.5


class Bypass(nn.Module):
    """No plain sequence: the first activation reaches the logits past the second."""

    def __init__(self):
        super().__init__()
        stages = tiny_network(seed=4)
        self.first, self.second, self.third, self.head = stages

    def forward(self, x):
        first = self.first(x)
        return self.head(self.third(self.second(first) + first.repeat(1, 2, 1, 1)[:, :12]))


@pytest.fixture(scope="module")
def bypass() -> Host:
    return host_from_module(
        Bypass(), "bypass", {"first": "first", "second": "second", "third": "third"}, INPUT
    )


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["sequence", "bypass"])
def host(request, tiny_host, bypass) -> Host:
    return tiny_host if request.param == "sequence" else bypass


def test_resume_equals_the_full_run(host, x):
    logits, full = host.run(x, "first", "second", "third")
    resumed, later = host.resume(x, "second", full["second"], "third")
    assert torch.equal(resumed, logits)
    assert torch.equal(later["third"], full["third"])


def test_resume_equals_an_override_of_the_full_run(host, x):
    other = host.activations(x.flip(0), "second")["second"]
    with overridden(host, {"second": lambda value: other}) as fired:
        expected = host.network(x)
    assert fired == {"second": 1}
    resumed, _ = host.resume(x, "second", other)
    assert torch.equal(resumed, expected)
    assert not torch.equal(resumed, host.network(x))


def test_resume_keeps_what_bypasses_the_site(bypass, x):
    """Running only the stages after the site would lose the bypass: other pictures, same
    activation, other logits.
    """
    activation = bypass.activations(x, "second")["second"]
    assert not torch.equal(
        bypass.resume(x, "second", activation)[0], bypass.resume(x.flip(0), "second", activation)[0]
    )


def test_resume_of_a_plain_sequence_runs_nothing_before_the_site(tiny_host, x):
    activation = tiny_host.activations(x, "second")["second"]
    runs = []
    handle = tiny_host.module("first").register_forward_hook(lambda *_: runs.append(1))
    tiny_host.resume(x, "second", activation)
    handle.remove()
    assert runs == []


def test_onward_gives_the_activations_of_resume_and_runs_no_further(host, x):
    other = host.activations(x.flip(0), "first")["first"]
    _, expected = host.resume(x, "first", other, "second", "third")
    runs = []
    handle = host.module("third").register_forward_hook(lambda *_: runs.append(1))
    activations = host.onward(x, "first", other, "second")
    handle.remove()
    assert runs == []
    assert torch.equal(activations["second"], expected["second"])
    assert torch.equal(
        host.onward(x, "first", other, "second", "third")["third"], expected["third"]
    )
    assert not torch.equal(activations["second"], host.activations(x, "second")["second"])


def test_the_identity_override_changes_no_bit(host, x):
    expected = host.network(x)
    with overridden(host, dict.fromkeys(host.sites, lambda value: value)) as fired:
        assert torch.equal(host.network(x), expected)
    assert fired == dict.fromkeys(host.sites, 1)


def test_splicing_the_squeezenets_own_activations_back_changes_no_bit(squeezenet):
    x = torch.randn(2, 3, 227, 227, generator=torch.Generator().manual_seed(0)) * 60
    logits, natural = squeezenet.run(x, *squeezenet.sites)
    with overridden(squeezenet, {site: lambda _, site=site: natural[site] for site in natural}):
        assert torch.equal(squeezenet.network(x), logits)
    assert torch.equal(squeezenet.resume(x, "fire5", natural["fire5"])[0], logits)


def test_an_override_of_another_shape_is_refused_and_leaves_no_hook(tiny_host, x):
    expected = tiny_host.network(x)
    with (
        overridden(tiny_host, {"second": lambda value: value[:, :-1]}),
        pytest.raises(RuntimeError, match=r"second gave \(2, 11, 16, 16\)"),
    ):
        tiny_host.network(x)
    assert torch.equal(tiny_host.network(x), expected)


def test_activations_run_no_further_than_needed(tiny_host, x):
    runs = []
    handle = tiny_host.module("third").register_forward_hook(lambda *_: runs.append(1))
    assert list(tiny_host.activations(x, "first", "second")) == ["first", "second"]
    handle.remove()
    assert runs == []


def test_a_misspelt_site_gets_a_suggestion(tiny_host, x):
    with pytest.raises(WorkbenchError, match=r"host tiny: no site 'secnod'. Did you mean 'second'"):
        tiny_host.activations(x, "secnod")


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_encode_and_decode(order: str):
    given = PictureInput(
        size_px=1, mean_rgb=(10.0, 20.0, 30.0), scale_rgb=(1.0, 2.0, 4.0), order=order
    )
    rgb = torch.tensor([11.0, 24.0, 42.0]).view(1, 3, 1, 1)
    encoded = given.encode(rgb)
    assert encoded.flatten().tolist() == ([1.0, 2.0, 3.0] if order == "RGB" else [3.0, 2.0, 1.0])
    assert torch.equal(given.decode(encoded), rgb)


class Negative(nn.ReLU):
    def forward(self, x):
        return torch.relu(-x.flip(1))  # mixes channels


class Centred(nn.MaxPool2d):
    def forward(self, x):
        return super().forward(x - x.mean(1, keepdim=True))


class CentredToo(MaxPool):
    def forward(self, x):
        return super().forward(x - x.mean(1, keepdim=True))


def followed_by(*stages: nn.Module) -> Host:
    """A host with these stages after its site `first`, in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, last = nn.Conv2d(3, 8, 5, 2, padding=2), nn.Conv2d(8, 4, 3, padding=1)
    network = nn.Sequential(first, *stages, last, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    host = host_from_module(network, "followed", {"first": "0"}, INPUT, links={"first": "identity"})
    return replace(host, network=host.network.double())


@pytest.mark.parametrize(
    "stages",
    [
        (nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
        (nn.ReLU(), nn.AvgPool2d(2)),
        (MaxPool(), nn.ReLU()),
        (Negative(),),
        (Centred(3, 2),),
        (CentredToo(),),
        (nn.ReLU(inplace=True), Centred(2, 1)),
    ],
    ids=lambda stages: ", ".join(type(stage).__name__ for stage in stages),
)
def test_resume_of_a_pushed_activation_equals_the_whole_run(stages, x):
    """Pushing some channels gives those channels of pushing all, and the stages after them give the
    answers of the whole network.
    """
    host, x = followed_by(*stages), x.double()
    expected, seen = host.run(x, "first")
    before = copy.deepcopy(seen["first"])
    pushed = host.push("first", seen["first"])
    assert torch.equal(seen["first"], before)
    assert torch.equal(host.push("first", before[:, [5, 2]]), pushed[:, [5, 2]])
    assert (pushed.shape == before.shape) == (
        type(stages[0]) in (Negative, Centred, CentredToo) or type(stages[-1]) is Centred
    )
    resumed, _ = host.resume(x, "first", pushed, pushed=True)
    torch.testing.assert_close(resumed, expected, rtol=0, atol=1e-12)  # float64
    of_zeros, _ = host.resume(x, "first", 0 * pushed, pushed=True)
    assert (of_zeros - expected).abs().max() > 1e-3


class WritesOver(nn.Module):
    """A block that adds to what its norm gave, in place, as residual networks of torchvision do."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.conv(x)
        out += x
        return self.relu(out)


@pytest.mark.parametrize(
    "network", [WritesOver(), nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(inplace=True))]
)
def test_an_activation_is_what_the_site_gave_whatever_writes_over_it(network, x):
    conv = "conv" if isinstance(network, WritesOver) else "0"
    host = host_from_module(
        network, "writes", {"conv": conv}, INPUT, has_output=False, links={"conv": "identity"}
    )
    expected = network.get_submodule(conv)(x)
    assert expected.min() < -0.1
    assert torch.equal(host.run(x, "conv")[1]["conv"], expected)
    assert torch.equal(host.activations(x, "conv")["conv"], expected)
    assert any(
        getattr(stage, "inplace", False) for stage in network.modules()
    )  # the module that was given stays as it was


class Meets(nn.Module):
    """A stage that notes how many threads are in it at once, and waits a while for another."""

    def __init__(self):
        super().__init__()
        self.lock, self.other = threading.Lock(), threading.Event()
        self.within = self.most = 0

    def forward(self, x):
        with self.lock:
            self.within += 1
            self.most = max(self.most, self.within)
        if self.within == 2:
            self.other.set()
        self.other.wait(WAIT_S)
        with self.lock:
            self.within -= 1
        return x


@pytest.mark.parametrize("reentrant", [True, False])
def test_threads_run_a_host_at_once_only_if_it_is_reentrant(tiny_host, x, reentrant):
    meets, network = Meets(), nn.Sequential()
    for name, stage in tiny_host.network.named_children():
        network.add_module(name, stage)
    network.add_module("meets", meets)
    host = replace(tiny_host, network=network, reentrant=reentrant)
    pictures = [x, x.flip(0)]
    expected = [tiny_host.run(picture, "second") for picture in pictures]
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda picture: host.run(picture, "second"), pictures))
    assert meets.most == (2 if reentrant else 1)
    for (logits, seen), (expected_logits, alone) in zip(runs, expected, strict=True):
        assert torch.equal(logits, expected_logits)
        assert torch.equal(seen["second"], alone["second"])


def test_an_override_of_one_thread_is_not_that_of_another(tiny_host, x):
    host = replace(tiny_host, reentrant=True)
    expected = host.network(x)
    with ThreadPoolExecutor(1) as pool, overridden(host, {"second": torch.zeros_like}) as fired:
        untouched = pool.submit(host.network, x).result()
        touched = host.network(x)
    assert torch.equal(untouched, expected)
    assert not torch.allclose(touched, expected)
    assert fired == {"second": 1}


def test_a_stage_that_comes_twice_runs_twice(x):
    """Torch lists a module that has two names once."""
    torch.manual_seed(0)
    relu = nn.ReLU()
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2), relu, nn.Conv2d(4, 5, 3, 2), relu, nn.Flatten(), nn.Linear(5 * 49, 6)
    )
    sites, links = {"first": "0", "second": "2"}, {"first": "identity", "second": "identity"}
    host = host_from_module(network, "twice", sites, INPUT, links=links)
    logits, seen = host.run(x, "first")
    assert torch.equal(host.resume(x, "first", seen["first"])[0], logits)
    assert torch.equal(
        host.resume(x, "first", host.push("first", seen["first"]), pushed=True)[0], logits
    )
    low = bfloat16_after(host, "first")
    assert 0 < (low.network(x) - logits).abs().max() < 0.02 * logits.abs().max()


def test_threads_that_stop_early_do_not_disturb_each_other(tiny_host, x):
    host, switch = replace(tiny_host, reentrant=True), sys.getswitchinterval()
    expected = host.activations(x, "second")["second"]
    try:
        sys.setswitchinterval(1e-6)
        with ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(lambda _: host.activations(x, "second")["second"], range(400)))
    finally:
        sys.setswitchinterval(switch)
    assert all(torch.equal(activation, expected) for activation in runs)
    assert not any(module._forward_hooks for module in host.network.modules())


class InPlace(nn.Module):
    """Writes over its input and over what its stages gave, and gives the same tensor each time."""

    def __init__(self):
        super().__init__()
        self.first, self.second, _, _ = tiny_network(seed=4)
        self.answer = torch.zeros(2, 12)

    def forward(self, x):
        first = self.first(x.sub_(1.0).div_(2.0))
        self.answer.copy_(self.second(first.mul_(2.0)).mean((2, 3)))
        return self.answer


class Doubles(nn.Module):
    def forward(self, x):
        return x.mul_(2.0)


class Reuses(nn.Module):
    """Gives the same tensor on each run, with other numbers in it."""

    def __init__(self):
        super().__init__()
        self.given = None

    def forward(self, x):
        self.given = torch.zeros_like(x) if self.given is None else self.given
        return self.given.copy_(x)


def in_place() -> Host:
    sites = {
        name: Site.on_grid(name, name, channels, 16, 16, 2, 0)
        for name, channels in (("first", 8), ("second", 12))
    }
    network = InPlace().requires_grad_(False)
    return Host("writes", "0" * 64, network, INPUT, sites)


def in_place_sequence() -> Host:
    first, *rest = tiny_network(seed=4)
    network = nn.Sequential(Doubles(), first, Doubles(), Reuses(), *rest, Reuses())
    site = Site.on_grid("first", "1", 8, 16, 16, 2, 0)
    return Host("writes", "0" * 64, network.requires_grad_(False), INPUT, {"first": site})


@pytest.mark.parametrize("make", [in_place, in_place_sequence])
def test_run_network_that_writes_over_tensors_changes_none_of_the_callers(make, x):
    host, before = make(), x.clone()
    answer, seen = host.run(x, "first")
    answer_before, first = answer.clone(), seen["first"].clone()
    assert torch.equal(host.activations(x, "first")["first"], first)
    for resumed in (
        host.resume(x, "first", seen["first"])[0],
        host.resume(x, "first", host.push("first", seen["first"]), pushed=True)[0],
    ):
        assert torch.equal(resumed, answer)
    zeros = torch.zeros_like(first)
    assert not torch.allclose(host.resume(x, "first", zeros)[0], answer)
    host.onward(x.flip(0), "first", zeros)
    assert torch.equal(host.run(x.flip(0))[0], answer_before.flip(0))
    assert torch.equal(x, before)
    assert torch.equal(seen["first"], first)
    assert torch.equal(answer, answer_before)
    assert not zeros.any()


def test_activations_site_that_reuses_its_tensor_keeps_both_runs(x):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), Reuses())
    site = Site.on_grid("reuses", "1", 4, 30, 30, 1, 1)
    host = Host("reuses", "0" * 64, network.requires_grad_(False), INPUT, {"reuses": site})
    first = host.activations(x, "reuses")["reuses"]
    expected = first.clone()
    assert not torch.equal(host.activations(x.flip(0), "reuses")["reuses"], expected)
    assert torch.equal(first, expected)


def test_run_site_that_is_not_reached_raises(tiny_host, x):
    sites = {**tiny_host.sites, "unused": replace(tiny_host.site("third"), module="unused")}
    network = copy.deepcopy(tiny_host.network)
    network.append(nn.Identity())
    unused = nn.Module()
    unused.stages, unused.unused = network, nn.Identity()
    unused.forward = network.forward
    host = replace(tiny_host, network=unused, sites=sites)
    for read in (host.run, host.activations):
        with pytest.raises(WorkbenchError, match="site unused: its submodule ran 0 times in one"):
            read(x, "unused")
