"""A whole network of modular arithmetic from a theory of neurons, with no trained weight.

Each number stands on circles, one for each frequency and harmonic: cos and sin of its angle there.
The stream has axes for the numbers' circles, for their sums, for the answers' circles, and for the
places of the prompt. One head for each place that the neurons read carries the circles of the
number there to the sums; the neurons read those and write to the answers' circles. The tokens of
the answers read them by the same cosines and sines.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.hosts.transformer_shape import TransformerShape
from workbench.sequences.compile import AnswerRead, Written, WrittenNeurons
from workbench.sequences.rule import angle_deg
from workbench.sequences.weights.network import Weights, attention, mlp

SHARP = 30.0  # the score of the place that a head looks at; the others have 0


@dataclass(frozen=True)
class Circle:
    """A circle of numbers: a harmonic of a frequency, with its coefficient."""

    frequency: int
    harmonic: int
    coefficient: float

    def waves(self, angles_deg: Tensor) -> Float[Tensor, "... 2"]:
        """The cosine and the sine of the harmonic of angles."""
        angles = (self.harmonic * angles_deg).deg2rad()
        return torch.stack([angles.cos(), angles.sin()], -1).float()

    def numbers(self, modulus: int) -> Float[Tensor, "number 2"]:
        """Where each number stands on the circle."""
        return self.waves(angle_deg(torch.arange(modulus), self.frequency, modulus))


def circles(frequencies: Sequence[int], coefficients: Sequence[float]) -> list[Circle]:
    """The circles of harmonics whose coefficient is not 0."""
    return [
        Circle(frequency, harmonic, coefficient)
        for frequency in frequencies
        for harmonic, coefficient in enumerate(coefficients)
        if coefficient
    ]


def refused(host: Host, written: Written, length: int) -> str | None:
    """Why a theory has no such network in the host's shape; None where it has.

    length  places of a prompt; the last one is answered
    """
    return next(_problems(shape_of(host), written, length), None)


def _problems(shape: TransformerShape, written: Written, length: int) -> Iterator[str]:
    if len(written.neurons) != 1 or len(written.answers) != 1:
        yield "answers that read one family of neurons, and nothing else, can be written"
        return
    ((neurons,), (answer,)) = written.neurons.values(), written.answers
    if neurons.through:
        yield "neurons that read numbers by the attention of heads are not written as weights"
    if shape.mlp != "relu" or shape.norm != "none" or shape.positions != "learned" or shape.tied:
        yield "it needs neurons max(0, drive), learned positions, no norm and its own unembedding"
    if neurons.layer != shape.layers - 1 or shape.answers != neurons.modulus:
        yield "it needs neurons in the last layer, and answers that are the numbers alone"
    places, poses = len(neurons.places), neurons.phases_deg.shape[1]
    inner, outer = _circles(neurons, answer)
    needed = {
        "heads": (places, shape.heads),
        "components of a head": (2 * len(inner), shape.d_head),
        "neurons": (poses * len(neurons.frequencies), shape.d_mlp),
        "components of the stream": (4 * len(inner) + 2 * len(outer) + length, shape.d_model),
    }
    for what, (wanted, given) in needed.items():
        if wanted > given:
            yield f"it needs {wanted} {what}, and the network has {given}"


def compiled(host: Host, written: Written, length: int) -> Weights:
    """Every tensor of the network, in the host's own shapes.

    Answers have the gains of `written`, which calibration has fitted. Biases are 0.
    """
    ((neurons,), (answer,)) = written.neurons.values(), written.answers
    inner, outer = _circles(neurons, answer)
    axes = _Axes(len(inner), len(outer))
    state = {name: torch.zeros_like(value) for name, value in host.network.state_dict().items()}
    numbers = torch.cat([circle.numbers(neurons.modulus) for circle in inner], 1)
    state["embed.W_E"][: neurons.modulus, axes.numbers] = numbers
    state["pos_embed.W_pos"][:length, axes.places(length)] = torch.eye(length)
    _heads(state, neurons, axes, length)
    state |= _neurons(state, neurons, answer, axes)
    answers = torch.cat([circle.numbers(neurons.modulus) for circle in outer], 1)
    state["unembed.W_U"][axes.answers] = answers.T
    return {(name, None): value for name, value in state.items()}


def _circles(neurons: WrittenNeurons, answer: AnswerRead) -> tuple[list[Circle], list[Circle]]:
    """The circles that neurons read, and those of the answers."""
    return (
        circles(neurons.frequencies, neurons.coefficients),
        circles(neurons.frequencies, answer.coefficients),
    )


@dataclass(frozen=True)
class _Axes:
    """The axes of the stream: two for each circle, one for each place."""

    inner: int
    outer: int

    @property
    def numbers(self) -> slice:
        return slice(0, 2 * self.inner)

    @property
    def sums(self) -> slice:
        return slice(2 * self.inner, 4 * self.inner)

    @property
    def answers(self) -> slice:
        return slice(4 * self.inner, 4 * self.inner + 2 * self.outer)

    def places(self, length: int) -> slice:
        return slice(self.answers.stop, self.answers.stop + length)


def _heads(state: dict[str, Tensor], neurons: WrittenNeurons, axes: _Axes, length: int) -> None:
    """Write one head for each place that is read; sines have the sign of the place's phases."""
    width, places = 2 * axes.inner, axes.places(length)
    for head, place in enumerate(neurons.places):
        q, k, v, o = (state[attention(neurons.layer, f"W_{letter}")][head] for letter in "QKVO")
        q[places.stop - 1, 0] = q.shape[1] ** 0.5
        k[places.start + place, 0] = SHARP
        v[axes.numbers, :width] = torch.eye(width)
        sign = torch.ones(width)
        sign[1::2] = 1.0 if head == 0 else neurons.sign
        o[:width, axes.sums] = torch.diag(sign)


def _neurons(
    state: dict[str, Tensor], neurons: WrittenNeurons, answer: AnswerRead, axes: _Axes
) -> dict[str, Tensor]:
    """W_in and W_out: frequency by frequency one neuron for each phase."""
    names = [mlp(neurons.layer, name) for name in ("W_in", "W_out")]
    w_in, w_out = (state[name].clone() for name in names)
    phases_deg = neurons.phases_deg[0]
    read = answer.phases_deg(neurons)
    count, gains = len(phases_deg), answer.gain
    if gains is None:
        raise ValueError("gains of answers that are still to be calibrated")
    inner, outer = _circles(neurons, answer)
    for i, frequency in enumerate(neurons.frequencies):
        units = slice(i * count, (i + 1) * count)
        for at, circle in enumerate(inner):
            if circle.frequency == frequency:
                axis = slice(axes.sums.start + 2 * at, axes.sums.start + 2 * at + 2)
                w_in[axis, units] = circle.coefficient * circle.waves(phases_deg).T
        for at, circle in enumerate(outer):
            if circle.frequency == frequency:
                axis = slice(axes.answers.start + 2 * at, axes.answers.start + 2 * at + 2)
                gain = gains[i] * circle.coefficient / count
                w_out[units, axis] = gain * circle.waves(read)
    return dict(zip(names, (w_in, w_out), strict=True))
