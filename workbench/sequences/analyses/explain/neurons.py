"""Weights of neurons that read numbers, next to the rule's waves.

Rows are numbers or answers, in the order of their angles on the circle, and columns are trained
neurons. A neuron has the frequency and the phases that
a survey of its drive finds; it reads numbers through all heads of its layer.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.analyses.explain.compare import Array, Compared, compared
from workbench.sequences.analyses.explain.weights import Paths
from workbench.sequences.compile import AnswerRead, Written, WrittenNeurons
from workbench.sequences.rule import answer_waves, neuron_waves
from workbench.sequences.survey.neurons import NeuronRow

READ = ("number, by angle", "neuron, by phase")
ANSWERED = ("answer, by angle", "neuron, by phase")


def why_no_neurons(host: Host, neurons: WrittenNeurons) -> str:
    """Why the weights of neurons are no waves of numbers in this network; empty if they are."""
    shape = shape_of(host)
    if neurons.layer > 0:
        return f"neurons of layer {neurons.layer} read more than what heads carry from the tokens"
    if shape.mlp == "swiglu":
        return f"the neurons of {host.name} are gated: they have two weights for every input"
    return ""


def neuron_tables(
    host: Host, written: Written, rows: Sequence[NeuronRow], seed: int
) -> Iterator[Compared]:
    """Two tables for each frequency: how its trained neurons read numbers, and what they answer."""
    paths = Paths(host)
    reads = {read.source: read for read in written.answers}
    for name, neurons in written.neurons.items():
        for frequency in neurons.frequencies:
            chosen = followers(rows, neurons.layer, frequency)
            if chosen:
                yield _read(paths, neurons, chosen, seed)
            if chosen and name in reads:
                yield _answered(paths, neurons, reads[name], chosen, seed)


def followers(rows: Sequence[NeuronRow], layer: int, frequency: int) -> list[NeuronRow]:
    """The trained neurons that follow a frequency, by their phase."""
    chosen = [r for r in rows if r.follows and (r.layer, r.frequency) == (layer, frequency)]
    return sorted(chosen, key=lambda row: row.phase_a_deg)


def _read(paths: Paths, neurons: WrittenNeurons, rows: Sequence[NeuronRow], seed: int) -> Compared:
    shape, layer = shape_of(paths.host), neurons.layer
    carried = torch.stack([paths.carried(layer, head) for head in range(shape.heads)]).sum(0)
    order = by_angle(neurons.modulus, rows[0].frequency)
    numbers = paths.embedding[order] @ carried
    table = (numbers @ paths.weight(f"blocks.{layer}.mlp.W_in"))[:, [row.neuron for row in rows]]

    def waves(phases_deg: np.ndarray, frequency: int) -> Array:
        phases = torch.as_tensor(phases_deg)[None]
        made = neuron_waves(
            order[:, None], phases, frequency, neurons.modulus, neurons.coefficients
        )
        return by_column(made.numpy())

    phases, frequency = np.array([row.phase_a_deg for row in rows]), rows[0].frequency
    wrong = {
        "control.phases_permuted": waves(permuted(phases, seed), frequency),
        "control.next_frequency": waves(phases, frequency + 1),
    }
    names, trained = (
        (neurons.family, f"frequency {frequency}", "number read"),
        by_column(table.numpy()),
    )
    return compared(names, READ, trained, waves(phases, frequency), wrong, by_column=True)


def _answered(
    paths: Paths,
    neurons: WrittenNeurons,
    read: AnswerRead,
    rows: Sequence[NeuronRow],
    seed: int,
) -> Compared:
    out = paths.weight(f"blocks.{neurons.layer}.mlp.W_out")[[row.neuron for row in rows]]
    order = by_angle(neurons.modulus, rows[0].frequency)
    table = (out @ paths.unembedding).T[order]

    def waves(phases_deg: np.ndarray, frequency: int) -> Array:
        phases = torch.as_tensor(phases_deg)
        made = answer_waves(phases, frequency, neurons.modulus, read.coefficients)
        return by_column(made.T[order].numpy())

    first, second = (np.array([getattr(r, f"phase_{x}_deg") for r in rows]) for x in "ab")
    phases, frequency = first + neurons.sign * second, rows[0].frequency
    wrong = {
        "control.phase_not_doubled": waves(first, frequency),
        "control.phases_permuted": waves(permuted(phases, seed), frequency),
        "control.next_frequency": waves(phases, frequency + 1),
    }
    names, trained = (neurons.family, f"frequency {frequency}", "answer"), by_column(table.numpy())
    return compared(names, ANSWERED, trained, waves(phases, frequency), wrong, by_column=True)


def by_angle(modulus: int, frequency: int) -> Int[Tensor, " number"]:
    """The numbers in the order of their angles on the circle of a frequency."""
    return (torch.arange(modulus) * frequency % modulus).argsort(stable=True)


def permuted(phases: np.ndarray, seed: int) -> np.ndarray:
    """The phases in another order."""
    return np.random.default_rng(seed).permutation(phases)


def by_column(table: Array) -> Array:
    """The table less the mean of each column."""
    return table - table.mean(0)
