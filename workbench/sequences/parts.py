"""The parts of a theory of tokens, each spliced alone into the trained rest, and all together.

Splicing one part into the trained rest is the sharpest test of it: a circuit that solves the task
in another way than the network may answer well as a whole.
"""

from collections.abc import Sequence
from dataclasses import replace

from workbench.sequences.answer_baselines import answer_baselines
from workbench.sequences.answer_parts import (
    AnswerConditions,
    Reader,
    added_by,
    fitted_answers,
    reads_gain,
    silenced_heads,
    silenced_neurons,
)
from workbench.sequences.compile import Written
from workbench.sequences.embedding_parts import embedding_parts
from workbench.sequences.head_parts import HeadConditions, Heads, by_layer
from workbench.sequences.language import CALIBRATED, TokenTheory
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import Overrides, UnitValues
from workbench.sequences.part import PartNumbers, TokenPart, summed
from workbench.sequences.sites import pattern_site, post_site, z_site
from workbench.sequences.splice import OverridesOf, TokenCondition, condition
from workbench.sequences.subject import Subject
from workbench.spec.language import INPUT
from workbench.spec.number import Number, numbers
from workbench.splice.conditions import ConditionKind

PHASE_STEP = 1  # numbers: even phases have one, the step between them


def parts_of(subject: Subject) -> list[TokenPart]:
    """Every part of a theory of level "score"; its answers are calibrated on the subject's run."""
    families = tuple(subject.written.heads)
    every = head_conditions(subject)
    parts = [_heads_part(subject, replace(every, by_hand=(name,))) for name in families]
    if len(families) > 1:
        parts.append(_heads_part(subject, every))
    answers = _answer_parts(subject, every, parts) if subject.written.answers else []
    return [*embedding_parts(subject), *parts, *answers]


def head_conditions(subject: Subject) -> HeadConditions:
    """The conditions of a part in which all families of heads are handwritten."""
    heads, seen = subject.written.heads, subject.run.seen
    layers = by_layer(heads)
    mean_z = {layer: seen[z_site(layer)].mean((0, 2))[:, None] for layer in layers}
    mean_pattern = {layer: seen[pattern_site(layer)].mean(0) for layer in layers}
    return HeadConditions(heads, tuple(heads), subject.causal, mean_z, mean_pattern)


def _heads_part(subject: Subject, conditions: HeadConditions) -> TokenPart:
    by_hand, written = conditions.by_hand, subject.written
    name = by_hand[0] if len(by_hand) == 1 else "heads"
    words = f"attention patterns of {' and '.join(by_hand)}"
    counted = summed([looks_numbers(subject.theory, written, family) for family in by_hand])
    made = tuple(conditions.all(subject.seed, written.vocabulary))

    def with_heads(heads: Heads) -> TokenCondition:
        return conditions.written("spliced", heads)

    return TokenPart(name, words, counted, made, by_hand, with_heads=with_heads)


def _answer_parts(
    subject: Subject, heads: HeadConditions, of_heads: Sequence[TokenPart]
) -> list[TokenPart]:
    """The parts that write logits; heads that copy have the ablations of their own part."""
    written = subject.written
    copying = copying_heads(written)
    if written.neurons:
        ablations = _ablated_neurons(subject)
    elif shared := [part for part in of_heads if (part.name,) == copying]:
        kind = ConditionKind.ABLATION
        ablations = [spliced for spliced in shared[0].conditions if spliced.facts.kind is kind]
    else:
        ablations = replace(heads, by_hand=copying).ablations()
    return [
        _answer_part(subject, name, words, conditions, ablations)
        for name, (words, conditions) in answer_plans(subject).items()
    ]


def copying_heads(written: Written) -> tuple[str, ...]:
    """The families of heads that answers read."""
    return tuple(read.source for read in written.answers if read.source in written.heads)


def answer_plans(subject: Subject) -> dict[str, tuple[str, AnswerConditions]]:
    """The parts that write logits, by name: their words, and their conditions to be fitted."""
    written, none = subject.written, subject.run.answers.new_zeros(())
    every, copying = tuple(written.heads), copying_heads(written)
    through = tuple(read for read in written.answers if read.source != INPUT)
    inner = replace(written, answers=through)

    def conditions(silenced: OverridesOf, by_hand: tuple[str, ...] = ()) -> AnswerConditions:
        return AnswerConditions(inner, silenced, False, by_hand, subject.causal, none)

    plans = {}
    if written.neurons:
        reads_stream = replace(
            conditions(silenced_neurons(written)), reader=Reader.fitted(written, subject.run)
        )
        plans["mlp"] = "the neurons; embedding and attention are trained", reads_stream
    if copying:
        silenced = silenced_heads(written, copying)
        words = f"what the heads of {' and '.join(copying)} carry; their patterns are trained"
        plans["copying"] = words, conditions(silenced)
        plans["circuit"] = "patterns, and what the heads carry", conditions(silenced, every)
    whole = AnswerConditions(written, lambda run: {}, True, every, subject.causal, none)
    plans["whole"] = "the whole network, from tokens to logits", whole
    return plans


def _answer_part(
    subject: Subject,
    name: str,
    words: str,
    conditions: AnswerConditions,
    ablations: Sequence[TokenCondition],
) -> TokenPart:
    ((answers, _),) = subject.theory.of_units("answers").items()
    wanted = added_by(subject.host, conditions, subject.run)
    means = has_means(subject.theory)
    fitted = fitted_answers(conditions, subject.run, wanted, means)
    made = (
        *ablations,
        fitted.condition(),
        *fitted.controls(subject.seed),
        *answer_baselines(fitted, subject.run, wanted),
    )
    read = [name for name in fitted.written.heads_read if name in fitted.by_hand]
    numbers_read = () if fitted.reader else numbers_of_neurons(subject.theory)
    families = (*read, *numbers_read, *fitted.written.neurons, answers)

    def with_heads(heads: Heads) -> TokenCondition:
        return fitted.condition(written=replace(fitted.written, heads=heads))

    counted = answer_numbers(subject.theory, fitted, means)
    return TokenPart(name, words, counted, made, families, with_heads=with_heads)


def has_means(theory: TokenTheory) -> bool:
    """Whether each answer has the mean of the trained logits."""
    return any(family.means == CALIBRATED for family in theory.of_units("answers").values())


def numbers_of_neurons(theory: TokenTheory) -> tuple[str, ...]:
    """The families of numbers that neurons read."""
    read = (family.reads for family in theory.of_units("neurons").values())
    return tuple(dict.fromkeys(source for reads in read for source in reads))


def _ablated_neurons(subject: Subject) -> list[TokenCondition]:
    """Neurons at 0, and at their mean over the calibration prompts."""
    layers = dict.fromkeys(neurons.layer for neurons in subject.written.neurons.values())
    mean = {layer: subject.run.seen[post_site(layer)].mean(0) for layer in layers}

    def at_mean(batch: NaturalRun) -> Overrides:
        return {
            post_site(layer): UnitValues(range(len(value)), value.expand(len(batch.tokens), -1, -1))
            for layer, value in mean.items()
        }

    ablation = ConditionKind.ABLATION
    zero = silenced_neurons(subject.written)
    label = "each neuron's mean over the calibration prompts"
    return [
        condition("ablated.zero", ablation, "the neurons at 0", zero),
        condition("ablated.mean", ablation, label, at_mean),
    ]


def looks_numbers(theory: TokenTheory, written: Written, name: str) -> PartNumbers:
    """The numbers of the looks of a family of heads."""
    family, heads = theory.families[name], written.heads[name]
    rule = len({term.wave.frequency for term in heads.terms if term.wave})
    exceptions, calibrated = 0, heads.count * len(heads.calibrated)
    for look in family.looks:
        rule += look.at is not None
        rule += sum(isinstance(number, Number) for number in (look.gain, look.phase_deg))
        exceptions += (look.queries_before is not None) + (look.keys_before is not None)
    return PartNumbers(rule, exceptions, calibrated)


def answer_numbers(theory: TokenTheory, part: AnswerConditions, means: bool) -> PartNumbers:
    """The numbers of a part that writes logits."""
    ((_, family),) = theory.of_units("answers").items()
    written = part.written
    read = {term.source: family.reads[term.source] for term in written.answers}
    free = sum(reads_gain(term) for term in written.answers if read[term.source].gain == CALIBRATED)
    of_heads = [
        looks_numbers(theory, written, name) for name in written.heads_read if name in part.by_hand
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
