"""Pictures of the units of a circuit: the right theory's drive the trained units, others do not."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.interrupted import counted, quiet
from tests.planted import CHANNELS, SITE, PlantedHost, mixed_host, mixed_units, planted
from workbench.cache import GIB, Cache
from workbench.compiler import compile_spec
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.hosts import Host, host_from_module
from workbench.spec import TrainedUnit
from workbench.vision.pictures.drawn import drawn
from workbench.vision.visualise import ascent, units
from workbench.vision.visualise.canvas import colour_axes
from workbench.vision.visualise.units import Visualised, visualised
from workbench.work import Work

STEPS = 24
SHOWN = [0, 1, 4]
SAME, OTHER = 0.8, 0.6  # shares of the right theory are above the first, of a wrong one below


@pytest.fixture(autouse=True)
def brief(monkeypatch) -> None:
    monkeypatch.setattr(units, "STEPS", STEPS)


def made(host: Host, circuit: HandwrittenCircuit, work: Work = Work()) -> Visualised:  # noqa: B008
    colours = colour_axes(drawn(2, seed=1), host)
    return visualised(host, circuit, SHOWN, colours, quiet("", 0), work)


def compiled(toy: PlantedHost, order: Sequence[int] = range(6)) -> HandwrittenCircuit:
    """The planted circuit, each unit at the pose of another one."""
    poses = [toy.trained.units[i].centre_deg for i in order]
    moved = [
        unit.model_copy(update={"centre_deg": pose})
        for unit, pose in zip(toy.trained.units, poses, strict=True)
    ]
    return of_units(toy, toy.host, moved)


def of_units(toy: PlantedHost, host: Host, given: Sequence[TrainedUnit]) -> HandwrittenCircuit:
    trained = toy.trained.model_copy(
        update={"units": tuple(given), "fingerprint": host.fingerprint}
    )
    return compile_spec(toy.spec, trained, host)


def test_the_right_theory_shows_what_the_trained_units_want():
    toy = planted()
    result = made(toy.host, compiled(toy))
    assert result.units == tuple(f"{SITE}:{toy.trained.units[i].unit}" for i in SHOWN)
    assert (result.steps, result.missing) == (STEPS, "")
    assert result.trained.shape == result.handwritten.shape
    assert result.trained.dtype == np.uint8
    assert min(result.shares) > SAME


def test_a_shuffled_circuit_gives_other_pictures_that_the_trained_units_want_less():
    toy = planted()
    right, wrong = made(toy.host, compiled(toy)), made(toy.host, compiled(toy, (2, 4, 0, 1, 5, 3)))
    assert np.array_equal(right.trained, wrong.trained)
    apart = np.abs(right.handwritten.astype(float) - wrong.handwritten).mean((1, 2, 3))
    assert apart.min() > 5
    assert max(wrong.shares) < OTHER


def test_directions_have_the_pictures_of_the_channels_that_they_were():
    toy = planted()
    matrix = torch.linalg.qr(
        torch.randn(CHANNELS, CHANNELS, generator=torch.Generator().manual_seed(0))
    ).Q
    host = mixed_host(toy, matrix)
    circuit = of_units(toy, host, mixed_units(toy, matrix))
    assert circuit.vectors
    result, channels = made(host, circuit), made(toy.host, compiled(toy))
    assert np.array_equal(result.handwritten, channels.handwritten)
    assert np.abs(result.trained.astype(float) - channels.trained).mean() < 1
    np.testing.assert_allclose(result.shares, channels.shares, rtol=0.02)


class NoGradient(nn.Sequential):
    @torch.no_grad()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class WritesOver(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.relu(x).mul_(1.0))  # a ReLU needs its answer for the gradient


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (NoGradient(), "its network computes no gradient"),
        (WritesOver(), "host planted: RuntimeError: one of the variables needed for gradient"),
    ],
)
def test_a_network_that_passes_no_gradient_gives_a_reason(network, reason):
    toy = planted()
    for name, stage in toy.host.network.named_children():
        network.add_module(name, stage)
    host = host_from_module(network, "planted", toy.host.sites, toy.host.input, toy.host.classes)
    result = made(host, compiled(toy))
    assert reason in result.missing
    assert result.trained is None


def test_pictures_are_read_from_the_cache_and_depend_on_the_circuit_and_the_seed(
    tmp_path, monkeypatch
):
    toy, cache = planted(), Cache(tmp_path, GIB)
    calls = counted(monkeypatch, ascent, "transformed")
    first = made(toy.host, compiled(toy), Work(cache=cache))
    assert len(calls) == 2 * STEPS
    again = made(toy.host, compiled(toy), Work(cache=cache))
    assert len(calls) == 2 * STEPS
    assert np.array_equal(first.trained, again.trained)
    assert np.array_equal(first.handwritten, again.handwritten)
    made(toy.host, compiled(toy, (1, 0, 2, 3, 4, 5)), Work(cache=cache))
    assert len(calls) == 3 * STEPS  # those of the trained units are the same
    other = made(toy.host, compiled(toy), Work(cache=cache, seed=1))
    assert len(calls) == 5 * STEPS
    assert not np.array_equal(first.trained, other.trained)
