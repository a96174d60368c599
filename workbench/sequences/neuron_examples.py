"""Neurons of numbers for pictures: their phases on circles, and their waves over the numbers."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.sequences.compile import Written, WrittenNeurons
from workbench.sequences.rule import angle_deg
from workbench.sequences.splice import NaturalRun, post_site

SHARE = 0.5  # a trained neuron is drawn on the circle that has so much of its variance


@dataclass(frozen=True)
class NeuronExample:
    """The neurons of one frequency.

    phases_deg, trained_deg  phases of the handwritten neurons, and of the trained neurons whose
                    activation by the first number is mostly a wave of this frequency
    neuron          the trained neuron of which this wave has the largest share
    handwritten_deg the phase of the handwritten neuron that is nearest to it
    angles_deg      of the numbers on the circle, in rising order
    trained, handwritten  mean activations by the first number, from 0 (lowest) to 1 (highest)
    """

    family: str
    frequency: int
    phases_deg: Float[np.ndarray, " neuron"]
    trained_deg: Float[np.ndarray, " trained"]
    neuron: int
    share: float
    handwritten_deg: float
    angles_deg: Float[np.ndarray, " number"]
    trained: Float[np.ndarray, " number"]
    handwritten: Float[np.ndarray, " number"]


def neuron_examples(written: Written, run: NaturalRun) -> list[NeuronExample]:
    """The neurons of every frequency of a theory; empty for a theory without neurons."""
    return [
        _example(neurons, frequency, run)
        for neurons in written.neurons.values()
        for frequency in neurons.frequencies
    ]


def _example(neurons: WrittenNeurons, frequency: int, run: NaturalRun) -> NeuronExample:
    numbers = run.tokens[:, neurons.places[0]]
    trained = by_number(run.seen[post_site(neurons.layer)][:, :, -1], numbers, neurons.modulus)
    angles = angle_deg(torch.arange(neurons.modulus), frequency, neurons.modulus)
    phase, share = waves(trained, angles)
    best = int(share.argmax())
    gap = (neurons.phases_deg[0] - phase[best] + 180) % 360 - 180
    nearest = int(gap.abs().argmin())
    drive = neurons.drive(run.tokens, frequency).relu()
    handwritten = by_number(drive, numbers, neurons.modulus)[:, nearest]
    order = (angles % 360).argsort()
    return NeuronExample(
        neurons.family,
        frequency,
        neurons.phases_deg[0].numpy(),
        phase[share >= SHARE].numpy(),
        best,
        float(share[best]),
        float(neurons.phases_deg[0][nearest]),
        (angles % 360)[order].numpy(),
        _in_range(trained[order, best]),
        _in_range(handwritten[order]),
    )


def by_number(
    activation: Float[Tensor, "n neuron"], numbers: Int[Tensor, " n"], modulus: int
) -> Float[Tensor, "number neuron"]:
    """Mean activations by number; 0 for a number that does not occur."""
    total = torch.zeros(modulus, activation.shape[1], dtype=torch.float64)
    total.index_add_(0, numbers, activation.double())
    return total / torch.bincount(numbers, minlength=modulus).clamp(min=1)[:, None]


def waves(
    activation: Float[Tensor, "number neuron"], angles_deg: Float[Tensor, " number"]
) -> tuple[Float[Tensor, " neuron"], Float[Tensor, " neuron"]]:
    """The phase in degrees, from 0 to 360, of each neuron's wave over these angles, and its share.

    The share is that of the variance over the numbers; 0 for a neuron that does not vary.
    """
    centred, angles = activation - activation.mean(0), angles_deg.deg2rad()
    cosine, sine = (2 * wave @ centred / len(angles) for wave in (angles.cos(), angles.sin()))
    variance = centred.square().mean(0)
    share = (cosine**2 + sine**2) / 2 / variance.clamp(min=1e-12)
    return torch.atan2(sine, cosine).rad2deg() % 360, share


def _in_range(curve: Float[Tensor, " number"]) -> np.ndarray:
    low, high = curve.min(), curve.max()
    return ((curve - low) / (high - low).clamp(min=1e-12)).numpy()
