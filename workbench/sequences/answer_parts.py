"""The parts of a theory that write logits: through neurons, through copying heads, or alone.

In the part "mlp" the network's embedding and attention stay, and neurons by rule read them; in
"copying" its heads' patterns stay, and what they carry is written; in "whole" no trained weight is
left but what the theory says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host
from workbench.sequences.compile import AnswerRead, Written, WrittenNeurons
from workbench.sequences.fit import answer_gains, reading_directions
from workbench.sequences.head_parts import handwritten_patterns, trained_patterns
from workbench.sequences.natural_run import NaturalRun, at_places
from workbench.sequences.neuron_controls import wrong_circuits
from workbench.sequences.overrides import Overrides, UnitValues, plus, replaced_by
from workbench.sequences.rule import angle_deg
from workbench.sequences.short_run import answers_under
from workbench.sequences.sites import ANSWERS, post_site, stream_site, z_site
from workbench.sequences.splice import OverridesOf, TokenCondition, condition
from workbench.splice.conditions import ConditionKind

Logits = Callable[[NaturalRun], Tensor]
# a control by what answers are of: its name and its label
RENAMED = {
    "answers": ("control.answers_permuted", "the answers renamed by a permutation"),
    "tokens": ("control.tokens_permuted", "the copied token renamed by a permutation"),
}


@dataclass(frozen=True)
class Reader:
    """Directions of the stream from which neurons read the waves of the numbers.

    They are bound: read off the trained network, by least squares on calibration prompts.
    """

    directions: Mapping[tuple[str, int], tuple[Tensor, Tensor]]

    @classmethod
    def fitted(cls, written: Written, run: NaturalRun) -> "Reader":
        """The directions that give the sums of the numbers' cosines and sines."""
        made = {}
        for name, neurons in written.neurons.items():
            stream = run.seen[stream_site(neurons.layer)][:, :, -1]
            heads = written.heads.get(neurons.through or "")
            looked = {} if heads is None else {heads.family: trained_patterns(heads, run)}
            shares = neurons.shares(looked)
            for frequency in neurons.frequencies:
                wanted = summed_waves(neurons, run, frequency, shares)
                made[name, frequency] = reading_directions(stream, wanted)
        return cls(made)

    @property
    def numbers(self) -> int:
        """How many numbers are bound."""
        return sum(fitted.numel() for pair in self.directions.values() for fitted in pair)

    def drives(self, written: Written, run: NaturalRun) -> dict[tuple[str, int], Tensor]:
        """The drive of every neuron from the trained stream at the last place."""
        made = {}
        for (name, frequency), (directions, constant) in self.directions.items():
            neurons = written.neurons[name]
            stream = run.seen[stream_site(neurons.layer)][:, :, -1]
            cosines, sines = (stream @ directions + constant).T
            phase = neurons.phases_deg[0].deg2rad().float()
            gain = neurons.coefficients[1]
            drive = cosines[:, None] * phase.cos() + sines[:, None] * phase.sin()
            made[name, frequency] = gain * drive
        return made


def summed_waves(
    neurons: WrittenNeurons,
    run: NaturalRun,
    frequency: int,
    shares: Float[Tensor, "n place"] | None = None,
) -> Float[Tensor, "n 2"]:
    """The sums over the read places of cos and sin of the numbers' angles.

    Where phases are subtracted, the sines after the first have the other sign.

    shares  how much each place counts; 1 by default
    """
    numbers = run.tokens[:, list(neurons.places)]
    angles = angle_deg(numbers, frequency, neurons.modulus).deg2rad()
    signs = torch.full((len(neurons.places),), float(neurons.sign), dtype=angles.dtype)
    signs[0] = 1.0
    counted = torch.ones_like(angles) if shares is None else shares.to(angles.dtype)
    waves = [angles.cos() * counted, angles.sin() * signs * counted]
    return torch.stack([wave.sum(1) for wave in waves], 1).float()


@dataclass(frozen=True)
class AnswerConditions:
    """Makes the conditions of a part that writes logits.

    written   with gains for every read
    silenced  the overrides that take the trained part's place: its units at 0
    whole     whether the written logits are all there is
    by_hand   families of heads whose handwritten patterns are used; the others stay trained
    constant  added to the written logits
    reader    how neurons read the trained stream; None where they read the tokens
    """

    written: Written
    silenced: OverridesOf
    whole: bool
    by_hand: tuple[str, ...]
    causal: bool
    constant: Float[Tensor, " token"]
    reader: Reader | None = None

    def logits(self, written: Written, run: NaturalRun) -> Float[Tensor, "n place token"]:
        """The logits that a handwritten circuit adds."""
        total = torch.zeros(())
        for read, columns in zip(written.answers, self.columns(written, run), strict=True):
            total = total + columns @ _known(read.gain)
        return total

    def columns(self, written: Written, run: NaturalRun) -> list[Tensor]:
        """The columns of every read (`Written.columns`)."""
        attention = handwritten_patterns(written.heads, self.by_hand, run, self.causal)
        drives = self.reader.drives(written, run) if self.reader else None
        return [written.columns(read, run.tokens, attention, drives) for read in written.answers]

    def condition(
        self,
        name: str = "spliced",
        kind: ConditionKind = ConditionKind.HANDWRITTEN,
        label: str = "the handwritten logits",
        written: Written | None = None,
    ) -> TokenCondition:
        """A condition in which a handwritten circuit takes the part's place."""
        circuit = self.written if written is None else written

        def overrides(run: NaturalRun) -> Overrides:
            return self._with(run, self.logits(circuit, run) + self.constant)

        return condition(name, kind, label, overrides)

    def of_logits(self, name: str, label: str, logits: Logits, count: int) -> TokenCondition:
        """A baseline that gives logits of its own, from `count` fitted numbers."""

        def overrides(run: NaturalRun) -> Overrides:
            return self._with(run, logits(run))

        return condition(name, ConditionKind.BASELINE, label, overrides, numbers=count)

    def _with(self, run: NaturalRun, logits: Tensor) -> Overrides:
        if self.whole:
            return {ANSWERS: replaced_by(logits)}
        return {**self.silenced(run), ANSWERS: plus(logits)}

    def controls(self, seed: int) -> list[TokenCondition]:
        """Wrong circuits with the same numbers; only those that change something."""
        made = [
            self.condition(name, ConditionKind.CONTROL, label, changed)
            for name, (label, changed) in wrong_circuits(self.written, seed).items()
            if self.reader is None or changed.neurons is self.written.neurons
        ]
        name, label = RENAMED["answers" if self.written.neurons else "tokens"]
        return [*made, self._renamed(name, label, seed)]

    def _renamed(self, name: str, label: str, seed: int) -> TokenCondition:
        def overrides(run: NaturalRun) -> Overrides:
            logits = self.logits(self.written, run)
            order = torch.randperm(logits.shape[-1], generator=torch.Generator().manual_seed(seed))
            return self._with(run, logits[..., order] + self.constant)

        return condition(name, ConditionKind.CONTROL, label, overrides)


def silenced_neurons(written: Written) -> OverridesOf:
    """Overrides that set every neuron of the theory's layers to 0."""

    def overrides(run: NaturalRun) -> Overrides:
        layers = dict.fromkeys(neurons.layer for neurons in written.neurons.values())
        return {
            post_site(layer): (lambda activation: torch.zeros_like(activation)) for layer in layers
        }

    return overrides


def silenced_heads(written: Written, families: tuple[str, ...]) -> OverridesOf:
    """Overrides that set the outputs of the heads of these families to 0."""

    def overrides(run: NaturalRun) -> Overrides:
        made = {}
        for name in families:
            for layer, members in written.heads[name].layers.items():
                zeros = torch.zeros_like(run.seen[z_site(layer)][:, list(members)])
                made[z_site(layer)] = UnitValues(members, zeros)
        return made

    return overrides


def added_by(host: Host, part: AnswerConditions, run: NaturalRun) -> Float[Tensor, "row token"]:
    """The logits that the trained part adds at the scored places.

    It is all of them where the part is the whole network, else what is lost where it is silenced.
    """
    added = run.answers
    if not part.whole:
        added = added - answers_under(host, run, part.silenced(run))
    return at_places(added, run.scored)


def fitted_answers(
    part: AnswerConditions, run: NaturalRun, wanted: Float[Tensor, "row token"], means: bool
) -> AnswerConditions:
    """The part with its calibrated gains and its constant fitted on a calibration run.

    Gains are fitted to the logits that the trained part adds, or to the network's answers
    (`AnswerRead.fitted_to_answers`).

    wanted  what the trained part adds (`added_by`)
    means   whether a constant is fitted for each token
    """
    columns = [at_places(made, run.scored) for made in part.columns(part.written, run)]
    reads, fixed = list(part.written.answers), torch.zeros_like(wanted)
    free = [i for i, read in enumerate(reads) if read.gain is None]
    for i, read in enumerate(reads):
        if read.gain is not None:
            fixed = fixed + columns[i] @ read.gain
    if free:
        rest, parts = wanted - fixed, [columns[i] for i in free]
        if means:
            rest, parts = rest - rest.mean(0), [column - column.mean(0) for column in parts]
        to_answers = any(reads[i].fitted_to_answers for i in free)
        natural = at_places(run.answers, run.scored) if to_answers else None
        gains = answer_gains(torch.cat(parts, -1), rest, natural)
        widths = [column.shape[-1] for column in parts]
        for i, gain in zip(free, gains.split(widths), strict=True):
            reads[i] = replace(reads[i], gain=gain)
            fixed = fixed + columns[i] @ gain
    constant = (wanted - fixed).mean(0) if means else torch.zeros(wanted.shape[-1])
    return replace(part, written=replace(part.written, answers=tuple(reads)), constant=constant)


def _known(gain: Tensor | None) -> Tensor:
    """The gain of a read, which calibration has fitted."""
    if gain is None:
        raise ValueError("a gain that is still to be calibrated")
    return gain


def reads_gain(read: AnswerRead) -> int:
    """How many gains a read has."""
    return 0 if read.gain is None else read.gain.numel()
