"""Survey of the neurons of a network that adds numbers: the circle that each reads, and its phases.

A neuron's drive at `=` over all pairs (a, b) is compared with waves of one frequency k,
`cos(360 k a / p - phase_a) + cos(360 k b / p - phase_b)` up to gains and a constant, in degrees: by
its two-dimensional Fourier transform, as Nanda et al. 2023 (arXiv 2301.05217).
"""

import collections
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.progress import Counter, no_counter
from workbench.sequences.natural_run import refuse_infinite
from workbench.sequences.prompts import all_pairs

BATCH = 1024
EXPLAINED = 0.5  # of a neuron's variance that one frequency explains
ALIVE = 0.05  # standard deviation of the activation, as a share of the largest
FEWEST = 4  # neurons of a frequency: fewer cannot stand at all phases


@dataclass(frozen=True)
class NeuronRow:
    """The figures of one neuron.

    phase_a_deg, phase_b_deg  the angles of the first and of the second number at which the drive is
                              highest, 0 to 360
    explained  share of the variance of the drive that the waves of this frequency explain
    amplitude_ratio  of the wave over the first number and that over the second
    alive      whether its activation varies
    """

    layer: int
    neuron: int
    frequency: int
    phase_a_deg: float
    phase_b_deg: float
    explained: float
    amplitude_ratio: float
    alive: bool

    @property
    def follows(self) -> bool:
        """Whether it lives, and one frequency explains it."""
        return self.alive and self.explained >= EXPLAINED


@dataclass(frozen=True)
class NeuronSurvey:
    """Every neuron of the layers, and the frequencies that enough of them read.

    operation  "addition" or "subtraction", whichever the network answers
    accuracy   share of all pairs that it answers right
    """

    modulus: int
    rows: tuple[NeuronRow, ...]
    frequencies: tuple[int, ...]
    operation: str
    accuracy: float

    @property
    def followed(self) -> float:
        """Share of the living neurons that follow one of the frequencies."""
        living = [row for row in self.rows if row.alive]
        following = [row for row in living if row.follows and row.frequency in self.frequencies]
        return len(following) / max(1, len(living))


@torch.inference_mode()
def survey_neurons(host: Host, progress: Counter = no_counter) -> NeuronSurvey:
    """The survey of every layer that has neurons, on all pairs of numbers.

    The numbers are the tokens that the host answers, and `=` is the last token. Raises
    WorkbenchError for a host that does not answer numbers at `=`, or has no neurons.
    """
    modulus = _modulus(host)
    shape = shape_of(host)
    x = host.input.batch(all_pairs(modulus, shape.vocabulary - 1))
    kinds = [(layer, kind) for layer in range(shape.layers) for kind in ("pre", "post")]
    sites = {key: f"blocks.{key[0]}.mlp.hook_{key[1]}" for key in kinds}
    answers: list[Tensor] = []
    activations: dict[tuple[int, str], list[Tensor]] = {key: [] for key in kinds}
    for start in range(0, len(x), BATCH):
        answer, seen = host.run(x[start : start + BATCH].to(host.device), *sites.values())
        refuse_infinite(host, answer)
        answers.append(answer[:, -1].argmax(-1).cpu())
        for key, site in sites.items():
            activations[key].append(seen[site][:, :, -1].cpu())
        progress("survey neurons", min(start + BATCH, len(x)), len(x))
    joined = {key: torch.cat(parts).double().numpy() for key, parts in activations.items()}
    rows = [
        row
        for layer in range(shape.layers)
        for row in neuron_rows(layer, modulus, joined[layer, "pre"], joined[layer, "post"])
    ]
    operation, accuracy = _operation(modulus, torch.cat(answers).numpy())
    return NeuronSurvey(modulus, tuple(rows), key_frequencies(rows), operation, accuracy)


def neuron_rows(
    layer: int,
    modulus: int,
    drive: Float[np.ndarray, "pair neuron"],
    activation: Float[np.ndarray, "pair neuron"],
) -> list[NeuronRow]:
    """The figures of each neuron; pairs are in the order of `all_pairs`."""
    table = (drive - drive.mean(0)).reshape(modulus, modulus, -1)
    spectrum = np.fft.fft2(table, axes=(0, 1))
    power, half = np.abs(spectrum) ** 2, modulus // 2 + 1
    both = power[1:half, 0] + power[0, 1:half]
    best = both.argmax(0)
    total = power.sum((0, 1))
    spread = activation.std(0)
    neurons = np.arange(table.shape[2])
    waves = spectrum[best + 1, 0, neurons], spectrum[0, best + 1, neurons]
    phases = [np.degrees(-np.angle(wave)) % 360 for wave in waves]
    ratio = np.abs(waves[0]) / np.maximum(np.abs(waves[1]), 1e-300)
    return [
        NeuronRow(
            layer=layer,
            neuron=int(i),
            frequency=int(best[i] + 1),
            phase_a_deg=float(phases[0][i]),
            phase_b_deg=float(phases[1][i]),
            explained=float(2 * both[best[i], i] / total[i]) if total[i] > 0 else 0.0,
            amplitude_ratio=float(ratio[i]),
            alive=bool(spread[i] > ALIVE * spread.max()),
        )
        for i in neurons
    ]


def key_frequencies(rows: Sequence[NeuronRow]) -> tuple[int, ...]:
    """The frequencies that FEWEST or more living neurons follow, in order."""
    counts = collections.Counter(row.frequency for row in rows if row.follows)
    return tuple(sorted(frequency for frequency, count in counts.items() if count >= FEWEST))


def _operation(modulus: int, answer: np.ndarray) -> tuple[str, float]:
    """The operation that the answers fit best, and the share of pairs that do."""
    a, b = np.divmod(np.arange(modulus**2), modulus)
    shares = {
        "addition": float((answer == (a + b) % modulus).mean()),
        "subtraction": float((answer == (a - b) % modulus).mean()),
    }
    best = max(shares, key=lambda operation: shares[operation])
    return best, shares[best]


def _modulus(host: Host) -> int:
    shape = shape_of(host)
    if shape.answer != "last-place" or shape.context != 3 or shape.answers >= shape.vocabulary:
        raise WorkbenchError(
            f"host {host.name}",
            "not this mechanism: it answers no numbers at `=`",
            "prompts `a b =` that are answered at the last place by one of the numbers",
            "Survey its heads: --family previous.",
        )
    if shape.mlp == "none":
        raise WorkbenchError(
            f"host {host.name}", "not this mechanism: no neurons", "an MLP in some layer"
        )
    return shape.answers
