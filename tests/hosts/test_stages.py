"""A sequence that does more than its stages do runs whole, and a stage with hooks is not pushed."""

import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from workbench.errors import WorkbenchError
from workbench.hosts import Host, PictureInput, host_from_module
from workbench.hosts.branches import stages_between
from workbench.hosts.precision import bfloat16_after

INPUT = PictureInput(size_px=32, mean_rgb=(128.0, 128.0, 128.0))
ROUNDING = 1e-5  # float32, of values around 1


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()),
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)),
        )


def times_four(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
    return output * 4


def centred(a: Tensor) -> Tensor:
    return a - a.mean(1, keepdim=True)


def hook(network: nn.Sequential) -> None:
    network.register_forward_hook(times_four)


def hook_with_keywords(network: nn.Sequential) -> None:
    network.register_forward_hook(lambda m, x, given, out: out * 4, with_kwargs=True)


def hook_before(network: nn.Sequential) -> None:
    network.register_forward_pre_hook(lambda module, inputs: (inputs[0] * 4,))


def patched_forward(network: nn.Sequential) -> None:
    network.forward = types.MethodType(lambda self, x: nn.Sequential.forward(self, x) * 4, network)


def patched_call(network: nn.Sequential) -> None:
    network._call_impl = lambda x: nn.Sequential.forward(network, x) * 4


ALTERED = [hook, hook_with_keywords, hook_before, patched_forward, patched_call]


def pool_hook(network: nn.Sequential) -> None:
    network[2].register_forward_hook(lambda module, inputs, output: centred(output))


def pool_hook_before(network: nn.Sequential) -> None:
    network[2].register_forward_pre_hook(lambda module, inputs: (centred(inputs[0]),))


def pool_patched(network: nn.Sequential) -> None:
    network[2].forward = types.MethodType(
        lambda self, a: nn.MaxPool2d.forward(self, centred(a)), network[2]
    )


def relu_hook(network: nn.Sequential) -> None:
    network[1].register_forward_hook(lambda module, inputs, output: centred(output))


def relu_patched(network: nn.Sequential) -> None:
    network[1].forward = centred


STAGE_ALTERED = [pool_hook, pool_hook_before, pool_patched, relu_hook, relu_patched]


def made(network: nn.Sequential, later: str = "3") -> Host:
    return host_from_module(
        network, "mine", {"a": "0", "b": later}, INPUT, links=dict.fromkeys("ab", "identity")
    )


def spliced_back(host: Host, x: Tensor) -> tuple[Tensor, Tensor]:
    """The network's answer, and that with three units' own activation spliced back."""
    with torch.inference_mode():
        expected, seen = host.run(x, "a")
        pushed = host.push("a", seen["a"]).clone()
        pushed[:, :3] = host.push("a", seen["a"][:, :3])
        return expected, host.resume(x, "a", pushed, pushed=True)[0]


@pytest.mark.parametrize("alter", [*ALTERED, *STAGE_ALTERED])
def test_resume_altered_network_splices_back_its_own_answer(alter, network, x):
    host = made(network)
    plain = host.network(x)
    alter(host.network)
    expected, given = spliced_back(host, x)
    torch.testing.assert_close(given, expected, rtol=0, atol=ROUNDING)
    assert (expected - plain).abs().max() > 100 * ROUNDING


@pytest.mark.parametrize("alter", [hook, patched_forward, pool_hook, relu_patched])
def test_resume_network_altered_before_the_host_is_made_splices_back(alter, network, x):
    alter(network)
    expected, given = spliced_back(made(network), x)
    torch.testing.assert_close(given, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("alter", ALTERED)
def test_staged_altered_sequence_is_none(alter, network):
    host = made(network)
    assert host.staged("a")
    assert stages_between(host, "a", "b") is not None
    alter(host.network)
    assert not host.staged("a")
    assert stages_between(host, "a", "b") is None
    assert host.stages_after_push("a") == []
    with pytest.raises(WorkbenchError, match="layers that may bypass a"):
        bfloat16_after(host, "a")


@contextmanager
def for_every_module(registered: Callable, hook: Callable) -> Iterator[None]:
    handle = registered(hook)
    try:
        yield
    finally:
        handle.remove()


def test_staged_hook_of_every_module_is_none(network, x):
    host = made(network)
    with for_every_module(torch_module.register_module_forward_hook, times_four):
        assert not host.staged("a")
        expected, given = spliced_back(host, x)
        torch.testing.assert_close(given, expected, rtol=ROUNDING, atol=ROUNDING)
    with for_every_module(torch_module.register_module_forward_pre_hook, lambda m, i: None):
        assert not host.staged("a")
    assert host.staged("a")


@pytest.mark.parametrize("alter", STAGE_ALTERED)
def test_push_ends_before_an_altered_stage(alter, network, x):
    host = made(network)
    assert len(host.stages_after_push("a")) == 2
    alter(host.network)
    assert len(host.stages_after_push("a")) == (3 if "pool" in alter.__name__ else 4)
    assert host.staged("a")


def test_staged_hooks_within_a_stage_are_run(network, x):
    """A stage is called as a module, so what hangs on it and in it takes place."""
    network[3].register_forward_hook(times_four)
    network[3][0].register_forward_pre_hook(lambda module, inputs: (centred(inputs[0]),))
    host = made(network)
    assert host.staged("a")
    expected, given = spliced_back(host, x)
    assert torch.equal(given, expected)


def test_staged_is_not_changed_by_the_workbench_s_own_hooks(network, x):
    host = made(network, later="2")
    staged = []
    host.network[4].register_forward_hook(
        lambda *_: staged.append((host.staged("a"), len(host.stages_after_push("a"))))
    )
    host.run(x, "a", "b")
    assert staged == [(True, 3)]
