"""A theory of tokens and a circuit -> the handwritten circuit: terms with numbers, unit by unit."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.sequences.circuit import CircuitFamily, TokenCircuit
from workbench.sequences.language import Frequencies, Look, TokenFamily, TokenTheory
from workbench.sequences.rule import (
    LookTerm,
    Wave,
    answer_waves,
    copied,
    neuron_waves,
    placed_waves,
)
from workbench.spec.language import INPUT
from workbench.spec.number import Number

Value = Callable[[Number], Tensor]  # what stands for a number: itself, or a value to be tuned


@dataclass(frozen=True)
class WrittenHeads:
    """A family of heads.

    layers      layer -> its heads, in the order of the circuit file
    terms       their gains are in the order of `layers`, layer by layer
    calibrated  which terms have gains to be fitted
    fitted_to_answers  whether to the network's answers, and not to the heads' own patterns
    """

    family: str
    layers: Mapping[int, tuple[int, ...]]
    terms: tuple[LookTerm, ...]
    calibrated: tuple[int, ...]
    fitted_to_answers: bool = False

    @property
    def count(self) -> int:
        """The number of heads."""
        return sum(map(len, self.layers.values()))

    @property
    def reads(self) -> tuple[str, ...]:
        """The families of heads that it reads."""
        return tuple(dict.fromkeys(term.of for term in self.terms if term.of not in (None, INPUT)))

    @property
    def alike(self) -> bool:
        """Whether all its heads have the same gains."""
        return all(bool((term.gain == term.gain[:1]).all()) for term in self.terms)

    @property
    def places(self) -> list[tuple[int, int]]:
        """The layer and the head of each, in the order of the gains."""
        return [(layer, head) for layer, members in self.layers.items() for head in members]

    @property
    def first(self) -> "WrittenHeads":
        """Its first head alone."""
        return self.only(self.places[:1])

    def of_layer(self, layer: int) -> "WrittenHeads":
        """The heads of one layer alone."""
        return self.only([(layer, head) for head in self.layers[layer]])

    def only(self, chosen: Collection[tuple[int, int]]) -> "WrittenHeads":
        """Those of its heads that are among these, layer and head."""
        kept = [(i, place) for i, place in enumerate(self.places) if place in chosen]
        layers: dict[int, tuple[int, ...]] = {}
        for _, (layer, head) in kept:
            layers[layer] = (*layers.get(layer, ()), head)
        gains = [i for i, _ in kept]
        terms = tuple(replace(term, gain=term.gain[gains]) for term in self.terms)
        return replace(self, layers=layers, terms=terms)


@dataclass(frozen=True)
class WrittenNeurons:
    """A family of neurons that read numbers.

    phases_deg    the phase at each place that is read, of each neuron of one frequency
    frequencies   every frequency has neurons of all these phases
    sign          1 where phases are added, -1 where they are subtracted
    through       heads by whose attention places count; None where all count alike
    circles       where the numbers are on each circle; None where they are at even angles
    """

    family: str
    layer: int
    modulus: int
    places: tuple[int, ...]
    frequencies: tuple[int, ...]
    phases_deg: Float[Tensor, "place neuron"]
    sign: int
    coefficients: tuple[float, ...]
    through: str | None = None
    circles: Mapping[int, Float[Tensor, "number 2"]] | None = None

    @property
    def circles_read(self) -> set[int]:
        """The frequencies of the circles that the neurons read, harmonics included."""
        return {
            harmonic * frequency
            for harmonic, coefficient in enumerate(self.coefficients)
            for frequency in self.frequencies
            if harmonic and coefficient
        }

    @property
    def answer_deg(self) -> Float[Tensor, " neuron"]:
        """The angle of the answer that each neuron stands for: its phases, added or subtracted."""
        return self.phases_deg[0] + self.sign * self.phases_deg[1:].sum(0)

    def drive(
        self,
        tokens: Int[Tensor, "n place"],
        frequency: int,
        attention: Mapping[str, Float[Tensor, "n head q k"]] = MappingProxyType({}),
    ) -> Float[Tensor, "n neuron"]:
        """The drive of the neurons of one frequency, from the tokens themselves."""
        numbers = tokens[:, list(self.places)]
        shares = self.shares(attention)
        at = numbers, self.phases_deg, frequency
        if self.circles is not None:
            return placed_waves(*at, self.circles, self.coefficients, shares)
        return neuron_waves(*at, self.modulus, self.coefficients, shares)

    def shares(
        self, attention: Mapping[str, Float[Tensor, "n head q k"]]
    ) -> Float[Tensor, "n place"] | None:
        """How much each place counts, 1 in the mean; None where all count alike."""
        if self.through is None or self.through not in attention:
            return None
        looked = attention[self.through].mean(1)[:, -1, list(self.places)]
        return looked * len(self.places)


@dataclass(frozen=True)
class AnswerRead:
    """A term of the answers.

    source        a family of neurons or heads, or "input"
    coefficients  of neurons: the harmonics of their answers
    gain          one for each frequency of neurons, else one; None where it is to be fitted
    twice         False is a control: answers read the neurons' own phase
    order         a control: each neuron's answer is at the phase of the neuron of this place
    fitted_to_answers  whether a gain that is to be fitted is fitted to the network's answers, and
                  not to the logits that the trained part adds
    """

    source: str
    coefficients: tuple[float, ...]
    gain: Float[Tensor, " column"] | None
    twice: bool = True
    order: Int[Tensor, " neuron"] | None = None
    fitted_to_answers: bool = False

    def phases_deg(self, neurons: WrittenNeurons) -> Float[Tensor, " neuron"]:
        """The phase at which each neuron's answer is read."""
        phases = neurons.answer_deg if self.twice else neurons.phases_deg[0]
        return phases if self.order is None else phases[self.order]


@dataclass(frozen=True)
class Written:
    """A handwritten circuit of a transformer: heads and neurons by family, and what answers read.

    vocabulary  how many tokens are answered
    """

    heads: Mapping[str, WrittenHeads]
    neurons: Mapping[str, WrittenNeurons]
    answers: tuple[AnswerRead, ...]
    vocabulary: int

    @property
    def heads_read(self) -> tuple[str, ...]:
        """The families of heads on which the answers depend, in the order of the theory."""
        wanted = {read.source for read in self.answers}
        through = [self.neurons[name].through for name in wanted & set(self.neurons)]
        wanted |= {name for name in through if name}
        for name, family in reversed(list(self.heads.items())):
            if name in wanted:
                wanted.update(family.reads)
        return tuple(name for name in self.heads if name in wanted)

    def columns(
        self,
        read: AnswerRead,
        tokens: Int[Tensor, "n place"],
        attention: Mapping[str, Float[Tensor, "n head q k"]],
        drives: Mapping[tuple[str, int], Float[Tensor, "n neuron"]] | None = None,
    ) -> Float[Tensor, "n place token column"]:
        """The logits of a term of the answers at a gain of 1, a column for each of its gains.

        `attention` has the patterns of families of heads. `drives` gives the neurons' drives by
        family and frequency where they read the trained network; by default they read the tokens.
        Neurons answer at the last place alone, which is the only one then.
        """
        if read.source == INPUT:
            token_here = torch.nn.functional.one_hot(tokens, self.vocabulary).float()
            return token_here[..., None]
        if read.source in self.heads:
            over_heads = attention[read.source].sum(1)
            return copied(tokens, over_heads, self.vocabulary)[..., None]
        neurons = self.neurons[read.source]
        made = []
        for frequency in neurons.frequencies:
            if drives:
                drive = drives[read.source, frequency]
            else:
                drive = neurons.drive(tokens, frequency, attention)
            phase = read.phases_deg(neurons)
            waves = answer_waves(phase, frequency, neurons.modulus, read.coefficients)
            made.append(drive.relu() @ waves.to(drive.dtype) / len(phase))
        return torch.stack(made, -1)[:, None].float()


def constant(number: Number) -> Tensor:
    """The number as it is written."""
    return torch.tensor(float(number.tune))


def compile_tokens(
    theory: TokenTheory, circuit: TokenCircuit, vocabulary: int, value: Value = constant
) -> Written:
    """The handwritten circuit of a theory for the units of a circuit file.

    Gains that are to be calibrated are 0 (of heads) or None (of answers) until they are fitted.
    `value` gives the tensor of a number, which may need a gradient.
    """
    heads: dict[str, WrittenHeads] = {}
    neurons: dict[str, WrittenNeurons] = {}
    answers: tuple[AnswerRead, ...] = ()
    for name, family in theory.families.items():
        units = circuit.families.get(name, CircuitFamily())
        if family.units == "heads":
            heads[name] = _heads(name, family, units, circuit, value)
        elif family.units == "neurons":
            neurons[name] = _neurons(name, family, units, circuit)
        elif family.units == "answers":
            answers = _answers(family, value)
    return Written(heads, neurons, answers, vocabulary)


def _heads(
    name: str, family: TokenFamily, units: CircuitFamily, circuit: TokenCircuit, value: Value
) -> WrittenHeads:
    terms: list[LookTerm] = []
    calibrated: list[int] = []
    for look in family.looks:
        made = _terms(look, units, circuit, value)
        if not isinstance(look.gain, Number):
            calibrated += range(len(terms), len(terms) + len(made))
        terms += made
    by_layer = dict(sorted(units.by_layer.items()))
    to_answers = family.fitted_to_answers
    return WrittenHeads(name, by_layer, tuple(terms), tuple(calibrated), to_answers)


def _terms(look: Look, units: CircuitFamily, circuit: TokenCircuit, value: Value) -> list[LookTerm]:
    """The terms of a look: one, or the cosine and the sine of each wave of numbers."""
    gain = value(look.gain).float() if isinstance(look.gain, Number) else torch.zeros(())
    queries, keys = (
        value(gate).float() if gate else None for gate in (look.queries_before, look.keys_before)
    )
    column = gain.expand(len(units.heads or ()))
    plain = LookTerm(look.place, look.at or 0, look.of, column, queries, keys)
    if look.frequency is None:
        return [plain]
    modulus = circuit.families[look.of or ""].numbers or 0  # refused when the files were loaded
    phase = value(look.phase_deg) if isinstance(look.phase_deg, Number) else torch.zeros(())
    angle = phase.float().deg2rad()
    return [
        replace(plain, of=None, gain=column * part, wave=Wave(frequency, modulus, sine))
        for frequency in frequencies_of(look.frequency, units)
        for sine, part in ((False, angle.cos()), (True, angle.sin()))
    ]


def frequencies_of(declared: Frequencies, units: CircuitFamily) -> tuple[int, ...]:
    """The frequencies that a theory declares, or those of the circuit file."""
    return (units.frequency or ()) if declared == "from-circuit" else declared


def _neurons(
    name: str, family: TokenFamily, units: CircuitFamily, circuit: TokenCircuit
) -> WrittenNeurons:
    ((source, read),) = family.reads.items()
    poses, modulus = family.poses, circuit.families[source].numbers
    if poses is None or modulus is None:  # refused when the files were loaded
        raise ValueError(name)
    sign = 1 if family.phases == "added" else -1
    phase = torch.arange(0, poses.phase_deg.over, poses.phase_deg.every, dtype=torch.float64)
    # a neuron whose phases are subtracted sees the numbers after the first turned the other way
    phases = torch.stack([phase, *[sign * phase for _ in read.places[1:]]])
    frequencies = frequencies_of(poses.frequency, units)
    coefficients = tuple(number.tune for number in read.harmonics)
    return WrittenNeurons(
        name,
        units.layer or 0,
        modulus,
        read.places,
        frequencies,
        phases,
        sign,
        coefficients,
        read.through,
    )


def _answers(family: TokenFamily, value: Value) -> tuple[AnswerRead, ...]:
    made = []
    for source, read in family.reads.items():
        coefficients = tuple(number.tune for number in read.harmonics)
        gain = value(read.gain).float().expand(1) if isinstance(read.gain, Number) else None
        to_answers = family.fitted_to_answers
        made.append(AnswerRead(source, coefficients, gain, fitted_to_answers=to_answers))
    return tuple(made)
