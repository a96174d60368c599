"""A host that is no function of each input, or whose sites are not as declared, is refused before
anything rests on it.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.conftest import tiny_network
from workbench.cache import GIB, Cache
from workbench.compiler.circuit import Grid, HandwrittenCircuit
from workbench.errors import WorkbenchError
from workbench.hosts import Host, NoOutput, PictureInput, Site, host_from_module
from workbench.hosts.precision import bfloat16_after
from workbench.splice.check import FLOAT32, LOW_PRECISION, check_host

INPUT = PictureInput(size_px=32, mean_rgb=(128.0, 128.0, 128.0), scale_rgb=(64.0, 64.0, 64.0))
SITES = {
    "a": Site.on_grid("a", "first", 8, 16, 16, 2, 0),
    "b": Site.on_grid("b", "second", 12, 16, 16, 2, 0),
}


def circuits(site: str, *units: int) -> dict[str, HandwrittenCircuit]:
    """A circuit without layers: the check reads its site and its units alone."""
    return {
        "spliced": HandwrittenCircuit("made up", "mine", site, units, Grid(32, 2, 0, 16, 16), ())
    }


JOINT = (circuits("a", 1, 3),)


class Network(nn.Module):
    """Two convolutions and a classifier; `change` is made between the convolutions."""

    def __init__(self, change: Callable[[nn.Module, Tensor], object] = lambda network, a: a):
        super().__init__()
        self.first, self.second, _, _ = tiny_network(seed=4)
        self.head = nn.Linear(12, 5)
        self.change, self.runs = change, 0

    def forward(self, x: Tensor) -> Tensor:
        self.runs += 1
        return self.head(self.second(self.change(self, self.first(x))).mean((2, 3)))


def host_of(network: nn.Module, **changes: object) -> Host:
    """A host without the checks that `host_from_module` makes on one input."""
    network = network.requires_grad_(False).eval()
    return replace(Host("mine", "0" * 64, network, INPUT, SITES), **changes)


@pytest.fixture(scope="module")
def x() -> Tensor:
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def seeded_noise(network: nn.Module, a: Tensor) -> Tensor:
    return a + torch.randn(a.shape, generator=torch.Generator().manual_seed(0))


def attention_over_the_batch(network: nn.Module, a: Tensor) -> Tensor:
    rows = a.flatten(1)
    return (F.softmax(rows @ rows.T / 100, dim=1) @ rows).view_as(a)


RANDOM = "the same inputs, run again, give others at"
MIXED = "an input gives another result alone than in a batch, at"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda network, a: a + torch.randn_like(a), RANDOM),
        (lambda network, a: F.dropout(a, 0.1), RANDOM),  # training is True by default
        (lambda network, a: a * network.runs, RANDOM),
        (lambda network, a: a * (1 + network.runs % 2), RANDOM),
        (seeded_noise, MIXED),
        (lambda network, a: a - a.mean(0), MIXED),
        (lambda network, a: F.batch_norm(a, None, None, training=True), MIXED),
        (attention_over_the_batch, MIXED),
        (lambda network, a: a.flip(0), MIXED),
    ],
    ids=[
        "noise",
        "dropout",
        "counter",
        "every second run",
        "seeded noise",
        "mean over the batch",
        "batch norm in training",
        "attention over the batch",
        "order of the batch",
    ],
)
def test_check_host_no_function_of_each_input_raises(change, message, x):
    with pytest.raises(WorkbenchError, match=rf"host mine: {message} site b \(module 'second'\)"):
        check_host(host_of(Network(change)), JOINT, x)


def test_check_host_one_input_alone_is_checked_in_a_batch(x):
    with pytest.raises(WorkbenchError, match=MIXED):
        check_host(host_of(Network(lambda network, a: a - a.mean(0))), JOINT, x[:1])


def test_check_host_without_output_is_checked_at_its_sites(x):
    noisy = host_of(Network(lambda network, a: a + torch.randn_like(a)), output=NoOutput())
    with pytest.raises(WorkbenchError, match=RANDOM):
        check_host(noisy, JOINT, x)
    assert max(check_host(host_of(Network(), output=NoOutput()), JOINT, x).values()) <= FLOAT32


class OnBatches(Network):
    """As `Network` on one input; on more, `change` of everything that `forward` has."""

    def __init__(self, change: Callable[["OnBatches", Tensor], Tensor]):
        super().__init__()
        self.on_batches = change

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) if len(x) == 1 else self.on_batches(self, x)


def twice(network: OnBatches, x: Tensor) -> Tensor:
    network.first(x)
    return Network.forward(network, x)


def never(network: OnBatches, x: Tensor) -> Tensor:
    return network.head(network.second.forward(network.first(x)).mean((2, 3)))


def in_another_order(network: OnBatches, x: Tensor) -> Tensor:
    network.second(torch.zeros(len(x), 8, 16, 16))
    return network.head(F.pad(network.first(x).mean((2, 3)), (0, 4)))


def smaller(network: OnBatches, x: Tensor) -> Tensor:
    return Network.forward(network, x[..., :16])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (twice, "host mine, site a: its submodule ran 2 times in one run of the network; "),
        (never, "host mine, site b: its submodule ran 0 times in one run of the network; "),
        (
            in_another_order,
            "host mine: declares its sites in the order a, b; .* computes them: b, a",
        ),
        (
            smaller,
            r"host mine, site a: its module 'first' gives \(4, 8, 16, 8\); .*\(4, 8, 16, 16\)",
        ),
        (lambda network, x: Network.forward(network, x)[0], "host mine: the network gives"),
        (
            lambda network, x: Network.forward(network, x).mean(0, keepdim=True),
            "gives 1 answers to 4",
        ),
        (lambda network, x: {"logits": Network.forward(network, x)}, "gives dict for one item"),
        (
            lambda network, x: Network.forward(network, x.view(1, 3, 32, 32)),
            "on a batch of 4: Runtime",
        ),
    ],
    ids=["twice", "never", "order", "shape", "row", "mean", "dict", "one input"],
)
def test_check_host_other_on_a_batch_raises(change, message, x):
    with pytest.raises(WorkbenchError, match=message):
        check_host(host_of(OnBatches(change)), JOINT, x)


def test_check_host_site_that_gives_a_tuple_raises(x):
    class Pair(nn.Module):
        def __init__(self, stage: nn.Module):
            super().__init__()
            self.stage = stage

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.stage(x), x

    network = Network(lambda network, pair: pair[0])
    network.first = Pair(network.first)
    with pytest.raises(WorkbenchError, match=r"site a: its module 'first' gives tuple"):
        check_host(host_of(network), JOINT, x)


@pytest.mark.parametrize("channels", [7, 9])
def test_check_host_wrong_channels_raises(channels, x):
    sites = SITES | {"a": replace(SITES["a"], channels=channels)}
    with pytest.raises(WorkbenchError, match=rf"expected one tensor of \(4, {channels}, 16, 16\)"):
        check_host(host_of(Network(), sites=sites), JOINT, x)


class Mixes(nn.Module):
    """A stage that declares wrongly that it acts on each channel alone."""

    channelwise = True

    def forward(self, a: Tensor) -> Tensor:
        return a - a.mean(1, keepdim=True)


def test_check_host_splice_that_changes_the_answer_raises(x):
    network = nn.Sequential(*tiny_network(seed=4))
    network.insert(1, Mixes())
    sites = {"a": replace(SITES["a"], module="0"), "b": replace(SITES["b"], module="2")}
    with pytest.raises(
        WorkbenchError, match=r"own activation, spliced back, gives another result at site b"
    ):
        check_host(host_of(network, sites=sites), JOINT, x)


class InPlace(Network):
    """A network that normalises its input in place, as many a preprocessing step does."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.div_(2.0))


def test_check_host_that_writes_over_its_input_gets_copies(x):
    before = x.clone()
    assert max(check_host(host_of(InPlace()), JOINT, x).values()) <= FLOAT32
    assert torch.equal(x, before)
    with pytest.raises(WorkbenchError, match="host mine: its network writes over its input"):
        check_host(host_of(InPlace(), reentrant=True), JOINT, x.clone())


@pytest.mark.parametrize("joint", [JOINT, (circuits("b", 0),), (*JOINT, circuits("b", 2, 5))])
@pytest.mark.parametrize("make", [Network, InPlace])
def test_check_host_ordinary_host_differs_by_rounding(make, joint, x):
    differences = check_host(host_of(make()), joint, x)
    assert list(differences) == ["repeated", "alone", "spliced"]
    assert (differences["repeated"], differences["spliced"]) == (0, 0)
    assert differences["alone"] < 1e-5  # float32: one picture sums in another order than four


def test_check_host_bfloat16_differs_by_its_rounding(tiny_host, x):
    low = bfloat16_after(tiny_host, "first")
    differences = check_host(low, (circuits("first", 1, 3),), x)
    assert max(differences.values()) <= LOW_PRECISION


class Rounded(Network):
    """An input's answer depends a little on its place in the batch, as by rounding."""

    def forward(self, x: Tensor) -> Tensor:
        answer = super().forward(x)
        return answer + 1e-3 * answer.abs().max() * torch.arange(len(x))[:, None]


class Given(nn.Module):
    """A convolution whose activation is given in another type of number."""

    def __init__(self, stage: nn.Module, dtype: torch.dtype):
        super().__init__()
        self.stage, self.dtype = stage, dtype

    def forward(self, x: Tensor) -> Tensor:
        return self.stage(x).to(self.dtype)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_check_host_after_a_site_of_few_bits_allows_their_rounding(dtype, x):
    network = Rounded(lambda network, a: a.float())
    network.first = Given(network.first, dtype)
    if dtype is torch.float32:
        with pytest.raises(WorkbenchError, match=f"{MIXED} its answers"):
            check_host(host_of(network), JOINT, x)
    else:
        assert FLOAT32 < check_host(host_of(network), JOINT, x)["alone"] <= LOW_PRECISION


def test_check_host_equal_infinities_do_not_differ(x):
    infinite = host_of(Network(lambda network, a: a.index_fill(1, torch.tensor([0]), torch.inf)))
    assert max(check_host(infinite, JOINT, x).values()) <= FLOAT32


def test_check_host_of_squeezenet_differs_by_rounding(squeezenet):
    x = torch.randn(3, 3, 227, 227, generator=torch.Generator().manual_seed(0)) * 60
    differences = check_host(squeezenet, (circuits("fire5", 1, 3),), x)
    assert differences["spliced"] == 0
    assert max(differences.values()) <= FLOAT32


@pytest.mark.parametrize(("name", "runs"), [("mine", 0), ("my.py:make", 4)])
def test_check_host_with_a_warm_cache_runs_no_published_host(name, runs, x, tmp_path):
    network, cache = Network(), Cache(tmp_path, GIB)
    host = host_of(network, name=name)
    first = check_host(host, JOINT, x, cache)
    network.runs = 0
    assert check_host(host, JOINT, x, cache) == first
    assert network.runs == runs
    check_host(host, JOINT, x.flip(0), cache)
    check_host(host, (circuits("a", 2, 3),), x, cache)
    assert network.runs == runs + 8


def test_check_host_of_a_measured_host(x):
    """`host_from_module` measures what is declared above."""
    host = host_from_module(Network(), "mine", {"a": "first", "b": "second"}, INPUT)
    assert host.sites == SITES
    assert check_host(host, JOINT, x) == check_host(host_of(Network()), JOINT, x)
