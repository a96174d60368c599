"""The parts of a theory of tokens, each spliced alone into the trained rest, and all together.

Splicing one part into the trained rest is the sharpest test of it: a circuit that solves the task
in another way than the network may answer well as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.answer_parts import (
    AnswerConditions,
    Reader,
    added_by,
    answer_baselines,
    fitted_answers,
    reads_gain,
    silenced_heads,
    silenced_neurons,
)
from workbench.sequences.compile import Written
from workbench.sequences.head_parts import HeadConditions, calibrated_heads, sites_of_heads
from workbench.sequences.language import CALIBRATED, TokenTheory
from workbench.sequences.splice import (
    NaturalRun,
    Overrides,
    OverridesOf,
    TokenCondition,
    condition,
    pattern_site,
    post_site,
    stream_site,
    with_units,
    z_site,
)
from workbench.spec.language import INPUT
from workbench.spec.number import Number, numbers
from workbench.splice.conditions import ConditionKind

SCORE_LEVEL, WEIGHTS_LEVEL = "score", "weights"
PHASE_STEP = 1  # numbers: even phases have one, the step between them
# its name, its words, its conditions, and whether means are fitted
Plan = tuple[str, str, AnswerConditions, bool]


@dataclass(frozen=True)
class PartNumbers:
    """The numbers that a part uses.

    rule        of its terms: constants, tuned values, offsets, frequencies
    exceptions  of gates on places, which break the rule's symmetry
    calibrated  gains and means fitted on calibration prompts
    bound       directions read off the trained network
    """

    rule: int
    exceptions: int = 0
    calibrated: int = 0
    bound: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.rule + self.exceptions + self.calibrated + self.bound


@dataclass(frozen=True)
class TokenPart:
    """A part of a theory: what is replaced, at which level, and under which conditions.

    level  "score": a rule for the score before the softmax or for the logits, with no claim about
           the weights behind it; or "weights": numbers in the network's own tensors
    kept   of weights that fit a rule for scores: the share of it that they keep (`kept_share`)
    """

    name: str
    words: str
    numbers: PartNumbers
    conditions: tuple[TokenCondition, ...]
    level: str = SCORE_LEVEL
    kept: float | None = None


def sites_read(written: Written) -> tuple[str, ...]:
    """Every site that the conditions of a circuit's parts read."""
    layers = dict.fromkeys(neurons.layer for neurons in written.neurons.values())
    of_neurons = [site(layer) for layer in layers for site in (stream_site, post_site)]
    return tuple(dict.fromkeys([*sites_of_heads(written.heads), *of_neurons]))


def calibrated(host: Host, written: Written, run: NaturalRun) -> Written:
    """A circuit with the calibrated gains of its heads, fitted on a run over such prompts."""
    heads = calibrated_heads(written.heads, run, shape_of(host).causal)
    return replace(written, heads=heads)


def parts_of(
    host: Host, theory: TokenTheory, written: Written, run: NaturalRun, seed: int = 0
) -> list[TokenPart]:
    """Every part of a theory of level "score"; its answers are calibrated on a run.

    written  with calibrated gains of heads (`calibrated`)
    """
    causal = shape_of(host).causal
    parts = [_heads_part(theory, written, run, causal, (name,), seed) for name in written.heads]
    if len(written.heads) > 1:
        every = tuple(written.heads)
        parts.append(_heads_part(theory, written, run, causal, every, seed))
    if written.answers:
        parts += _answer_parts(host, theory, written, run, causal, seed)
    return parts


def _heads_part(
    theory: TokenTheory,
    written: Written,
    run: NaturalRun,
    causal: bool,
    by_hand: tuple[str, ...],
    seed: int,
) -> TokenPart:
    conditions = _head_conditions(written, run, causal, by_hand)
    name = by_hand[0] if len(by_hand) == 1 else "heads"
    words = f"attention patterns of {' and '.join(by_hand)}"
    counted = summed([looks_numbers(theory, written, family) for family in by_hand])
    made = tuple(conditions.all(seed, written.vocabulary))
    return TokenPart(name, words, counted, made)


def _head_conditions(
    written: Written, run: NaturalRun, causal: bool, by_hand: tuple[str, ...]
) -> HeadConditions:
    layers = [layer for family in written.heads.values() for layer in family.layers]
    mean_z = {layer: run.seen[z_site(layer)].mean((0, 2))[:, None] for layer in layers}
    mean_pattern = {layer: run.seen[pattern_site(layer)].mean(0) for layer in layers}
    return HeadConditions(written.heads, by_hand, causal, mean_z, mean_pattern)


def _answer_parts(
    host: Host, theory: TokenTheory, written: Written, run: NaturalRun, causal: bool, seed: int
) -> list[TokenPart]:
    ((_, family),) = theory.of_units("answers").items()
    means = family.means == CALIBRATED
    copying = tuple(read.source for read in written.answers if read.source in written.heads)
    every = tuple(written.heads)
    through = tuple(read for read in written.answers if read.source != INPUT)
    inner = replace(written, answers=through)
    none = run.answers.new_zeros(())

    def part(
        circuit: Written,
        silenced: OverridesOf,
        whole: bool,
        by_hand: tuple[str, ...],
        reader: Reader | None = None,
    ) -> AnswerConditions:
        return AnswerConditions(circuit, silenced, whole, by_hand, causal, none, reader)

    plans: list[Plan] = []
    if written.neurons:
        silenced = silenced_neurons(written)
        reader = Reader.fitted(written, run)
        words = "the neurons; embedding and attention are trained"
        plans.append(("mlp", words, part(inner, silenced, False, (), reader), means))
    if copying:
        silenced = silenced_heads(written, copying)
        words = f"what {' and '.join(copying)} carry; their patterns are trained"
        plans.append(("copying", words, part(inner, silenced, False, ()), means))
        words = "patterns, and what the heads carry"
        plans.append(("circuit", words, part(inner, silenced, False, every), means))
    words = "the whole network, from tokens to logits"
    plans.append(("whole", words, part(written, lambda run: {}, True, every), means))
    ablations = _ablations(written, run, causal, copying)
    return [_answer_part(host, theory, plan, run, ablations, seed) for plan in plans]


def _answer_part(
    host: Host,
    theory: TokenTheory,
    plan: Plan,
    run: NaturalRun,
    ablations: Sequence[TokenCondition],
    seed: int,
) -> TokenPart:
    name, words, conditions, means = plan
    wanted = added_by(host, conditions, run)
    fitted = fitted_answers(conditions, run, wanted, means)
    made = (
        *ablations,
        fitted.condition(),
        *fitted.controls(seed),
        *answer_baselines(fitted, run, wanted),
    )
    return TokenPart(name, words, answer_numbers(theory, fitted, means), made)


def _ablations(
    written: Written, run: NaturalRun, causal: bool, copying: tuple[str, ...]
) -> list[TokenCondition]:
    """The ablations of what answers read: neurons, or heads that copy."""
    if not written.neurons:
        return _head_conditions(written, run, causal, copying).ablations()
    mean = {
        neurons.layer: run.seen[post_site(neurons.layer)].mean(0)
        for neurons in written.neurons.values()
    }

    def at_mean(batch: NaturalRun) -> Overrides:
        return {
            post_site(layer): with_units(range(len(value)), value.expand(len(batch.tokens), -1, -1))
            for layer, value in mean.items()
        }

    ablation = ConditionKind.ABLATION
    label = "each neuron's mean over the calibration prompts"
    return [
        condition("ablated.zero", ablation, "the neurons at 0", silenced_neurons(written)),
        condition("ablated.mean", ablation, label, at_mean),
    ]


def looks_numbers(theory: TokenTheory, written: Written, name: str) -> PartNumbers:
    """The numbers of the looks of a family of heads."""
    family, count = theory.families[name], written.heads[name].count
    rule = exceptions = calibrated = 0
    for look in family.looks:
        rule += (look.at is not None) + isinstance(look.gain, Number)
        calibrated += count * (look.gain == CALIBRATED)
        exceptions += (look.queries_before is not None) + (look.keys_before is not None)
    return PartNumbers(rule, exceptions, calibrated)


def answer_numbers(theory: TokenTheory, part: AnswerConditions, means: bool) -> PartNumbers:
    """The numbers of a part that writes logits."""
    ((_, family),) = theory.of_units("answers").items()
    written = part.written
    read = {term.source: family.reads[term.source] for term in written.answers}
    free = sum(reads_gain(term) for term in written.answers if read[term.source].gain == CALIBRATED)
    of_heads = [
        looks_numbers(theory, written, name)
        for name in written.heads_read
        if name in part.by_hand
    ]
    of_neurons = sum(
        len(neurons.frequencies) + len(neurons.coefficients) + PHASE_STEP
        for neurons in written.neurons.values()
    )
    counts = PartNumbers(
        rule=of_neurons + sum(1 for term in read.values() for _ in numbers(term)),
        calibrated=free + (part.constant.numel() if means else 0),
        bound=part.reader.numbers if part.reader else 0,
    )
    return summed([counts, *of_heads])


def summed(counted: Sequence[PartNumbers]) -> PartNumbers:
    """The numbers of several parts together."""
    return PartNumbers(
        *(
            sum(getattr(numbers_of, key) for numbers_of in counted)
            for key in ("rule", "exceptions", "calibrated", "bound")
        )
    )
