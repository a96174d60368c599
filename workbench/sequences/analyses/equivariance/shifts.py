"""Neurons of one frequency as copies of one another under shifts of the numbers.

A neuron's frame is its phases: number n of the first operand stands at 360 k n / p degrees, so a
neuron with phase f is expected to do at n what one with phase 0 does at n - s, where 360 k s / p is
f. The shift of p numbers by a whole s is exact: nothing is interpolated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from workbench.sequences.survey.neurons import NeuronRow

Activations = Float[np.ndarray, "neuron first second"]
Shifts = Int[np.ndarray, "neuron operand"]
PERMUTATIONS = 200
TOLERANCE = 0.5  # share of a neuron's variance that the others must explain, as for pictures


@dataclass(frozen=True)
class Circle:
    """The neurons of one frequency.

    neurons    how many follow the frequency
    explained  of each neuron, by the mean of all others in its own frame
    unshifted  the mean of the same without frames
    permuted   the mean over permutations, with every neuron in the frame of another; `best` is the
               highest of them, and `p` the share that explain as much as the true frames
    prototype  the mean activation in the neurons' own frame, over both numbers in the order of
               their angles; `diagonal` that of every neuron where both numbers are shifted alike
    """

    frequency: int
    neurons: tuple[int, ...]
    explained: Float[np.ndarray, " neuron"]
    unshifted: float
    permuted: float
    best: float
    p: float
    prototype: Float[np.ndarray, "first second"]
    diagonal: Float[np.ndarray, "neuron shift"]

    @property
    def mean(self) -> float:
        """The mean over neurons of the explained share."""
        return float(self.explained.mean())

    @property
    def copies(self) -> int:
        """How many neurons the others explain to TOLERANCE."""
        return int((self.explained >= TOLERANCE).sum())


def shifts_of(rows: Sequence[NeuronRow], frequency: int, modulus: int) -> Shifts:
    """The whole shift of each number that takes phase 0 nearest to the neuron's phases."""
    angles = 360.0 * (frequency * np.arange(modulus) % modulus) / modulus
    phases = np.array([(row.phase_a_deg, row.phase_b_deg) for row in rows])
    apart = np.abs((phases[..., None] - angles + 180) % 360 - 180)
    return apart.argmin(-1)


def in_frames(activations: Activations, shifts: Shifts) -> Activations:
    """Every neuron's activations in its own frame."""
    pairs = zip(activations, shifts, strict=True)
    return np.stack([np.roll(table, tuple(-shift), (0, 1)) for table, shift in pairs])


def explained_by_others(activations: Activations) -> Float[np.ndarray, " neuron"]:
    """The share of each neuron's variance that the mean of all others explains.

    The others have mean 0 and length 1 before their mean is taken. A gain, not below 0, and an
    offset are fitted.
    """
    flat = activations.reshape(len(activations), -1)
    flat = flat - flat.mean(1, keepdims=True)
    unit = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-300)
    others = unit.sum(0) - unit
    size = np.linalg.norm(others, axis=1)
    cosine = (unit * others).sum(1) / np.maximum(size, 1e-300)
    return np.clip(cosine, 0, None) ** 2


def circle(
    activations: Activations, rows: Sequence[NeuronRow], frequency: int, seed: int
) -> Circle:
    """The figures of the neurons of one frequency; `activations` are in the order of `rows`."""
    modulus = activations.shape[1]
    shifts = shifts_of(rows, frequency, modulus)
    framed = in_frames(activations, shifts)
    explained = explained_by_others(framed)
    draw = np.random.default_rng(seed)
    permuted = np.array(
        [
            explained_by_others(in_frames(activations, shifts[draw.permutation(len(rows))])).mean()
            for _ in range(PERMUTATIONS)
        ]
    )
    order = np.argsort(frequency * np.arange(modulus) % modulus, kind="stable")
    at = np.arange(modulus)
    return Circle(
        frequency,
        tuple(row.neuron for row in rows),
        explained,
        float(explained_by_others(activations).mean()),
        float(permuted.mean()),
        float(permuted.max()),
        float((1 + (permuted >= explained.mean()).sum()) / (1 + PERMUTATIONS)),
        framed.mean(0)[np.ix_(order, order)],
        framed[:, at, at][:, order],
    )
