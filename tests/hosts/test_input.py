"""Inputs: pictures, and a kind that the workbench knows nothing of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.hosts import ClassOutput, PictureInput, Site, host_from_module
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn

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
    torch.testing.assert_close(rgb, plain, rtol=0, atol=1e-4)  # float32 of numbers up to 255
    assert given.batch([]).shape == (0, 3, 32, 32)
    assert given.example().shape == (1, 3, 32, 32)
