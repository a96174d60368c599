"""Inputs: pictures, and a kind that the workbench knows nothing of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.planted import SITE, UNITS, grey_host, planted, trained_circuit
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import calibrated
from workbench.evaluate.run import evaluate
from workbench.hosts import ClassOutput, PictureInput, Site, host_from_module
from workbench.score.recovery import recovered
from workbench.spec import TrainedUnit
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn

EXACT = 1e-4  # float32 of numbers up to 255
GREY = PictureInput(32, (115.0,) * 3, (60.0,) * 3, order="grey")
VOCABULARY, PLACES, WIDTH = 11, 5, 4


@dataclass(frozen=True)
class TokenInput:
    """Sentences of PLACES tokens."""

    def batch(self, items: Sequence[Sequence[int]]) -> Tensor:
        return torch.tensor(items)

    def encode(self, stimuli: Tensor) -> Tensor:
        return stimuli

    def decode(self, x: Tensor) -> Tensor:
        return x

    def example(self) -> Tensor:
        return torch.zeros(1, PLACES, dtype=torch.long)


@dataclass(frozen=True)
class Places:
    positions: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.positions,)


class Channels(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(-1, 1)


def language_model() -> nn.Sequential:
    torch.manual_seed(0)
    head = nn.Sequential(nn.Flatten(), nn.Linear(WIDTH * PLACES, VOCABULARY))
    return nn.Sequential(nn.Embedding(VOCABULARY, WIDTH), Channels(), head)


def test_a_host_of_another_kind_of_input_runs_and_is_overridden():
    site = Site("embedded", "1", WIDTH, Places(PLACES), "identity")
    host = host_from_module(language_model(), "words", {"embedded": site}, TokenInput())
    x = host.input.batch([[1, 2, 3, 4, 5], [0, 0, 10, 1, 1]])
    logits, seen = host.run(x, "embedded")
    assert seen["embedded"].shape == (2, WIDTH, *site.layout.shape)
    again, _ = host.resume(x, "embedded", seen["embedded"])
    assert torch.equal(again, logits)
    other, _ = host.resume(x, "embedded", seen["embedded"] + 1)
    rows = ClassOutput().statistics(logits.numpy(), other.numpy(), np.array([-1, -1]))
    assert (rows["kl"] > 0).all()


def test_a_site_that_is_not_over_pictures_must_be_declared():
    network = nn.Sequential(nn.Embedding(VOCABULARY, WIDTH), nn.Unflatten(1, (1, PLACES)))
    network.append(nn.Flatten())
    with pytest.raises(
        WorkbenchError, match=r"site a: only sites over pictures are measured.*Site"
    ):
        host_from_module(network, "words", {"a": "1"}, TokenInput())


def test_an_input_that_the_network_does_not_take_is_refused():
    with pytest.raises(WorkbenchError, match="host words: does not take an input of 3 x 8 x 8"):
        host_from_module(language_model(), "words", {}, PictureInput(8, (0, 0, 0)))


def test_batch_is_that_of_the_input():
    pictures = drawn(3, seed=0)
    given = PictureInput(32, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0), order="BGR", crop="squash")
    assert torch.equal(batch(pictures, given), given.batch(pictures))
    rgb = given.decode(given.batch(pictures))
    plain = replace(given, mean_rgb=(0, 0, 0), scale_rgb=(1, 1, 1), order="RGB").batch(pictures)
    torch.testing.assert_close(rgb, plain, rtol=0, atol=EXACT)
    assert given.batch([]).shape == (0, 3, 32, 32)
    assert given.example().shape == (1, 3, 32, 32)


def test_encode_grey_is_the_luma_and_decode_repeats_it():
    assert GREY.example().shape == (1, 1, 32, 32)
    rgb = torch.tensor([255.0, 0.0, 100.0]).view(1, 3, 1, 1)
    luma = 0.299 * 255 + 0.114 * 100
    x = GREY.encode(rgb)
    assert x.flatten().tolist() == pytest.approx([(luma - 115) / 60])
    assert GREY.decode(x).flatten().tolist() == pytest.approx([luma] * 3)
    mean = torch.full((1, 3, 2, 2), 115.0)
    assert GREY.encode(mean).abs().max() == 0
    assert GREY.batch(drawn(2, seed=0)).shape == (2, 1, 32, 32)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"order": "bgr"}, "order 'bgr'; expected one of RGB, BGR, grey"),
        ({"order": "grey", "mean_rgb": (1.0, 2.0, 3.0)}, "three equal numbers in each"),
        ({"order": "grey", "scale_rgb": (1.0, 2.0, 3.0)}, "three equal numbers in each"),
    ],
)
def test_picture_input_of_unknown_order_or_coloured_grey_is_refused(fields, problem):
    with pytest.raises(WorkbenchError, match=problem):
        replace(PictureInput(32, (0.0,) * 3), **fields)


def test_a_network_of_one_channel_is_told_of_grey_inputs():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(WorkbenchError, match='order="grey"'):
        host_from_module(network, "one channel", {"a": "1"}, PictureInput(32, (0.0,) * 3))
    host = host_from_module(network, "one channel", {"a": "1"}, GREY)
    assert (host.site("a").stride_px, host.site("a").offset_px) == (1, 1)


def turned(units: Sequence[TrainedUnit], turn_deg: float) -> list[TrainedUnit]:
    return [
        unit.model_copy(update={"centre_deg": (unit.centre_deg + turn_deg) % 360}) for unit in units
    ]


def test_a_circuit_of_a_grey_host_is_recovered_and_a_turned_one_is_not():
    toy = planted()
    host, values = grey_host(toy), []
    for turn_deg in (0.0, 90.0):
        trained = trained_circuit(host, turned(UNITS, turn_deg), site=SITE)
        splices = calibrated(host, compile_spec(toy.spec, trained, host), drawn(4, seed=1))
        statistics = evaluate(host, [splices], drawn(6, seed=2))
        values.append(recovered(statistics, "spliced", "ablated.zero", "kl").value)
    assert values[0] > 0.99
    assert values[1] < 0.7
