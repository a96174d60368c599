"""Neurons of numbers for pictures: their phases on circles, and their waves over the numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.sequences.compile import Written, WrittenNeurons
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.rule import angle_deg
from workbench.sequences.sites import post_site
from workbench.sequences.survey.neurons import NeuronRow


@dataclass(frozen=True)
class NeuronExample:
    """The neurons of one frequency.

    phases_deg, trained_deg  phases of the handwritten neurons, and of the trained neurons that the
                    survey finds on this circle
    neuron, share   the trained neuron whose drive these waves explain best, and how much of it
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


def neuron_examples(
    written: Written, run: NaturalRun, surveyed: Sequence[NeuronRow]
) -> list[NeuronExample]:
    """The neurons of every frequency of a theory that surveyed neurons follow."""
    made = []
    for neurons in written.neurons.values():
        for frequency in neurons.frequencies:
            rows = [
                row
                for row in surveyed
                if row.follows and (row.layer, row.frequency) == (neurons.layer, frequency)
            ]
            if rows:
                made.append(_example(neurons, frequency, run, rows))
    return made


def _example(
    neurons: WrittenNeurons, frequency: int, run: NaturalRun, rows: Sequence[NeuronRow]
) -> NeuronExample:
    best = max(rows, key=lambda row: row.explained)
    gap = (neurons.phases_deg[0] - best.phase_a_deg + 180) % 360 - 180
    nearest = int(gap.abs().argmin())
    numbers = run.tokens[:, neurons.places[0]]
    activation = run.seen[post_site(neurons.layer)][:, [best.neuron], -1]
    drive = neurons.drive(run.tokens, frequency)[:, [nearest]]
    angles = angle_deg(torch.arange(neurons.modulus), frequency, neurons.modulus) % 360
    order = angles.argsort()
    return NeuronExample(
        neurons.family,
        frequency,
        neurons.phases_deg[0].numpy(),
        np.array([row.phase_a_deg for row in rows]),
        best.neuron,
        best.explained,
        float(neurons.phases_deg[0][nearest]),
        angles[order].numpy(),
        _in_range(by_number(activation, numbers, neurons.modulus)[order, 0]),
        _in_range(by_number(drive.relu(), numbers, neurons.modulus)[order, 0]),
    )


def by_number(
    activation: Float[Tensor, "n neuron"], numbers: Int[Tensor, " n"], modulus: int
) -> Float[Tensor, "number neuron"]:
    """Mean activations by number; 0 for a number that does not occur."""
    total = torch.zeros(modulus, activation.shape[1], dtype=torch.float64)
    total.index_add_(0, numbers, activation.double())
    return total / torch.bincount(numbers, minlength=modulus).clamp(min=1)[:, None]


def _in_range(curve: Float[Tensor, " number"]) -> np.ndarray:
    low, high = curve.min(), curve.max()
    return ((curve - low) / (high - low).clamp(min=1e-12)).numpy()
