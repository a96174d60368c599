"""Reading and replacing activations of a host."""

import pytest
import torch
from torch import nn

from tests.conftest import tiny_network
from workbench.errors import WorkbenchError
from workbench.hosts import Host, InputRange, host_from_module
from workbench.hosts.host import overridden

INPUT = InputRange(size_px=32, mean_rgb=(128.0, 128.0, 128.0))


class Bypass(nn.Module):
    """A network that is no chain: the first activation reaches the logits past the second."""

    def __init__(self):
        super().__init__()
        chain = tiny_network(seed=4)
        self.first, self.second, self.third, self.head = chain[0], chain[1], chain[2], chain[3]

    def forward(self, x):
        first = self.first(x)
        return self.head(self.third(self.second(first) + first.repeat(1, 2, 1, 1)[:, :12]))


@pytest.fixture(scope="module")
def bypass() -> Host:
    return host_from_module(Bypass(), "bypass", {"first": "first", "second": "second", "third": "third"}, INPUT)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["chain", "bypass"])
def host(request, tiny_host, bypass) -> Host:
    return tiny_host if request.param == "chain" else bypass


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
    """Resuming only what lies behind the site would lose the bypass: other pictures, same activation, other logits."""
    activation = bypass.activations(x, "second")["second"]
    assert not torch.equal(bypass.resume(x, "second", activation)[0], bypass.resume(x.flip(0), "second", activation)[0])


def test_resume_of_a_chain_runs_nothing_before_the_site(tiny_host, x):
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
    found = host.onward(x, "first", other, "second")
    handle.remove()
    assert runs == []
    assert torch.equal(found["second"], expected["second"])
    assert torch.equal(host.onward(x, "first", other, "second", "third")["third"], expected["third"])
    assert not torch.equal(found["second"], host.activations(x, "second")["second"])


def test_the_identity_override_changes_no_bit(host, x):
    expected = host.network(x)
    with overridden(host, dict.fromkeys(host.sites, lambda value: value)) as fired:
        assert torch.equal(host.network(x), expected)
    assert fired == dict.fromkeys(host.sites, 1)


def test_splicing_the_squeezenets_own_activations_back_changes_no_bit(squeezenet):
    x = torch.randn(2, 3, 227, 227, generator=torch.Generator().manual_seed(0)) * 60
    logits, own = squeezenet.run(x, *squeezenet.sites)
    with overridden(squeezenet, {site: lambda _, site=site: own[site] for site in own}):
        assert torch.equal(squeezenet.network(x), logits)
    assert torch.equal(squeezenet.resume(x, "fire5", own["fire5"])[0], logits)


def test_an_override_of_another_shape_is_refused_and_leaves_nothing_behind(tiny_host, x):
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
    eats = InputRange(size_px=1, mean_rgb=(10.0, 20.0, 30.0), scale_rgb=(1.0, 2.0, 4.0), order=order)
    rgb = torch.tensor([11.0, 24.0, 42.0]).view(1, 3, 1, 1)
    encoded = eats.encode(rgb)
    assert encoded.flatten().tolist() == ([1.0, 2.0, 3.0] if order == "RGB" else [3.0, 2.0, 1.0])
    assert torch.equal(eats.decode(encoded), rgb)
