"""A spliced network is a new object: the trained units' own activation changes no bit, every splice
fires once, and the host stays as it was.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.planted import SITE, PlantedHost, Whole, planted, truth
from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.errors import WorkbenchError
from workbench.hosts import Host, PictureInput, host_from_module
from workbench.spec import load_circuit, load_theory
from workbench.splice.conditions import Donor, Handwritten, Mean, natural, zero
from workbench.splice.inputs import condition_inputs
from workbench.splice.natural import Part, natural_parts, site_before, sites_before
from workbench.splice.network import SplicedNetwork

ROOT = Path(__file__).parents[2]
LOGITS = 1e-3  # float32: the planted gain of 40 amplifies the rounding of a drive
NOTHING_CHANGES = 0


@pytest.fixture(scope="module")
def toy() -> PlantedHost:
    return planted()


def curves(host: Host) -> HandwrittenCircuit:
    return compile_spec(
        load_theory(ROOT / "specs" / "curve-detectors.yaml"),
        load_circuit(ROOT / "circuits" / host.name / "curve.yaml"),
        host,
    )


def circuit_of(toy: PlantedHost) -> dict[str, HandwrittenCircuit]:
    return {"spliced": compile_spec(toy.spec, toy.trained, toy.host)}


def pictures(host: Host, count: int = 2) -> Tensor:
    """Noise that is smooth enough for every site to answer to it."""
    generator, size = torch.Generator().manual_seed(0), host.input.size_px
    coarse = torch.rand(count, 3, size // 8, size // 8, generator=generator) * 255
    return host.input.encode(
        nn.functional.interpolate(coarse, (size, size), mode="bicubic").clamp(0, 255)
    )


def state(host: Host) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in host.network.state_dict().items()}


def check_natural_and_zero(host: Host) -> None:
    circuits, x, before = {"spliced": curves(host)}, pictures(host), state(host)
    same, silent = SplicedNetwork(host, (circuits, natural)), SplicedNetwork(host, (circuits, zero))
    with torch.inference_mode():
        expected = host.network(x)
        assert torch.equal(same(x), expected)
        assert (silent(x) - expected).abs().max() > 1e-3 * expected.abs().max()
        assert torch.equal(host.network(x), expected)  # and no hook is left
    assert (same.fired, silent.fired) == (1, 1)
    assert all(
        torch.equal(tensor, before[name]) for name, tensor in host.network.state_dict().items()
    )


def test_the_trained_units_own_activation_changes_no_bit_of_squeezenet(squeezenet):
    check_natural_and_zero(squeezenet)


@pytest.mark.inceptionv1
def test_the_trained_units_own_activation_changes_no_bit_of_inceptionv1(inceptionv1):
    check_natural_and_zero(inceptionv1)


def test_a_circuit_of_the_planted_weights_gives_the_planted_logits(toy):
    gain, bias = truth(toy.host)
    order = torch.arange(len(gain))
    right = SplicedNetwork(toy.host, (circuit_of(toy), Handwritten("spliced", gain, bias, order)))
    wrong = SplicedNetwork(
        toy.host, (circuit_of(toy), Handwritten("spliced", gain, bias, order.roll(1)))
    )
    x = pictures(toy.host)
    with torch.inference_mode():
        expected = toy.host.network(x)
        torch.testing.assert_close(right(x), expected, rtol=0, atol=LOGITS)
        assert (wrong(x) - expected).abs().max() > 100 * LOGITS


def test_the_slow_path_and_the_resumed_host_agree(toy):
    circuits, x = circuit_of(toy), pictures(toy.host)
    condition = Mean(torch.linspace(0.5, 2, 6))
    with torch.inference_mode():
        here = condition_inputs(toy.host, circuits, x, torch.zeros(2, dtype=torch.long))
        resumed, _ = toy.host.resume(
            x, SITE, here.put(condition(here), toy.host.activations(x, SITE)[SITE])
        )
        assert torch.equal(SplicedNetwork(toy.host, (circuits, condition))(x), resumed)


def test_each_picture_gets_the_donor_that_is_asked_for(toy):
    circuits, x = circuit_of(toy), pictures(toy.host, 3)
    with torch.inference_mode():
        activations = condition_inputs(
            toy.host, circuits, x, torch.zeros(3, dtype=torch.long)
        ).trained
        spliced = SplicedNetwork(toy.host, (circuits, Donor(activations=activations)))
        assert torch.equal(spliced(x, torch.arange(3)), toy.host.network(x))
        assert not torch.allclose(spliced(x, torch.tensor([1, 2, 0])), toy.host.network(x))


@pytest.mark.parametrize("times", [0, 2])
def test_a_splice_that_does_not_fire_exactly_once_raises(toy, times):
    sites = {name: replace(site, module=f"stages.{name}") for name, site in toy.host.sites.items()}
    host = replace(toy.host, network=Whole(toy.host, times), sites=sites)
    spliced = SplicedNetwork(host, (circuit_of(toy), natural))
    with (
        torch.inference_mode(),
        pytest.raises(
            WorkbenchError,
            match=rf"site planted: its submodule ran {times} times in one run of the network",
        ),
    ):
        spliced(pictures(toy.host))
    assert spliced.fired == 0


def test_fired_counts_the_calls(toy):
    spliced = SplicedNetwork(toy.host, (circuit_of(toy), zero))
    with torch.inference_mode():
        for _ in range(3):
            spliced(pictures(toy.host, 1))
    assert spliced.fired == 3
    assert isinstance(spliced, nn.Module)


def test_only_the_replaced_units_change(toy):
    with torch.inference_mode():
        x = pictures(toy.host)
        here, site = (
            condition_inputs(toy.host, circuit_of(toy), x, torch.zeros(2, dtype=torch.long)),
            toy.host.activations(x, SITE)[SITE],
        )
        spliced = here.put(zero(here), site)
    replaced = list(here.slots.indices)
    others = [channel for channel in range(12) if channel not in replaced]
    assert not spliced[:, replaced].any()
    assert torch.equal(spliced[:, others], site[:, others])
    assert torch.equal(here.put(here.trained, site), site)


def test_the_layer_before_is_seen_at_the_same_places(toy):
    """Site "planted" lies at pixels 3, 11, 19, ...; the retina before it has every pixel."""
    x = pictures(toy.host)
    with torch.inference_mode():
        here = condition_inputs(toy.host, circuit_of(toy), x, torch.zeros(2, dtype=torch.long))
    assert torch.equal(here.before, torch.cat([x, -x], 1).relu()[:, :, 3::8, 3::8])
    assert [site_before(toy.host, name) for name in toy.host.sites] == [None, "retina", "planted"]


class Residual(nn.Module):
    """A block with a shortcut: its output is its input plus what it adds."""

    def __init__(self):
        super().__init__()
        self.entering, self.within, self.given = (
            nn.Sequential(nn.Conv2d(c, 6, 1), nn.ReLU()) for c in (3, 6, 6)
        )
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        entering = self.entering(x)
        return self.head(self.given(entering + 0.1 * self.within(entering)).mean((2, 3)))


def test_where_a_shortcut_may_bypass_the_site_before_controls_read_further_back():
    """A regression on the inside of the block alone cannot predict what the shortcut adds; the
    block's input must be there, too.
    """
    torch.manual_seed(0)
    host = host_from_module(
        Residual(),
        "residual",
        {name: name for name in ("entering", "within", "given")},
        PictureInput(16, (0, 0, 0)),
    )
    assert [sites_before(host, name) for name in host.sites] == [
        (),
        ("entering",),
        ("within", "entering"),
    ]
    x = torch.randn(4, 3, 16, 16)
    before = natural_parts(host, x, [Part("before", "given")])[Part("before", "given")]
    seen = host.activations(x, "entering", "within", "given")
    assert torch.equal(before, torch.cat([seen["within"], seen["entering"]], 1))
    rows, target = (
        value.movedim(1, -1).flatten(0, 2).double() for value in (before, seen["given"])
    )
    firing = target[:, 0] > 0  # after a ReLU: where it fires it is the sum of the two
    left = [_left(upstream[firing], target[firing, :1]) for upstream in (rows, rows[:, :6])]
    assert left[0] < 1e-10 < 1e-3 < left[1]


def _left(rows: Tensor, target: Tensor) -> float:
    """Share of the variance that the least squares leave."""
    rows = torch.cat([rows, torch.ones_like(rows[:, :1])], 1)
    return float(
        (rows @ torch.linalg.lstsq(rows, target, driver="gelsd").solution - target).var()
        / target.var()
    )
