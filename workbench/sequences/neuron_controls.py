"""Controls of neurons that read numbers: the theory's numbers, and one wrong element."""

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.sequences.compile import AnswerRead, Written
from workbench.sequences.head_controls import FURTHER

DRAWS = 1000  # permutations of which the one that keeps the least of the relation is taken
SYMMETRY = 0.99  # share of the relation from which on a permutation is taken for a symmetry


def wrong_circuits(written: Written, seed: int) -> dict[str, tuple[str, Written]]:
    """Wrong circuits of neurons with the same numbers, by name; none without neurons."""
    if not written.neurons:
        return {}
    made = {}
    for by in FURTHER:
        changed = {
            name: replace(
                neurons, frequencies=tuple(frequency + by for frequency in neurons.frequencies)
            )
            for name, neurons in written.neurons.items()
        }
        label = f"every frequency {by} higher: it solves the task by other circles"
        made[f"control.frequencies_{by}_higher"] = label, replace(written, neurons=changed)
    answers = tuple(replace(read, twice=False) for read in written.answers)
    label = "answers at the neurons' own phase, not at that of the sum"
    made["control.phase_not_doubled"] = label, replace(written, answers=answers)
    permuted = tuple(_permuted(written, read, seed) for read in written.answers)
    if any(read.order is not None for read in permuted):
        label = "each neuron answers at the phase of another neuron of its frequency"
        made["control.phases_permuted"] = label, replace(written, answers=permuted)
    return made


def _permuted(written: Written, read: AnswerRead, seed: int) -> AnswerRead:
    """The read with the answers of neurons in another order; any other read as it is."""
    neurons = written.neurons.get(read.source)
    return read if neurons is None else replace(read, order=other_order(neurons.answer_deg, seed))


def other_order(angles_deg: Float[Tensor, " neuron"], seed: int) -> Int[Tensor, " neuron"] | None:
    """The permutation that keeps least of the relation of angles to neurons (`kept`).

    It is one of `DRAWS` from a seed. None where all of these are symmetries, as with three even
    angles.
    """
    generator = torch.Generator().manual_seed(seed)
    orders = torch.rand(DRAWS, len(angles_deg), generator=generator).argsort(1)
    shares = kept(angles_deg, orders)
    least = int(shares.argmin())
    return orders[least] if shares[least] < SYMMETRY else None


def kept(
    angles_deg: Float[Tensor, " neuron"], orders: Int[Tensor, "order neuron"]
) -> Float[Tensor, " order"]:
    """How much each permutation keeps of the relation of angles to neurons, from 0 to 1.

    It is the largest of the share of neurons whose angle stays, |mean exp(i (moved - angle))| and
    |mean exp(i (moved + angle))|. The last two are 1 where one rotation moves every angle, or one
    reflection: such a permutation only renames the answers.
    """
    angle = angles_deg.deg2rad()
    moved = angle[orders]
    turned, mirrored = ((1j * (moved + sign * angle)).exp() for sign in (-1, 1))
    stay = torch.isclose(turned, torch.ones_like(turned)).double()
    shares = [stay.mean(1), turned.mean(1).abs(), mirrored.mean(1).abs()]
    return torch.stack(shares).amax(0)
