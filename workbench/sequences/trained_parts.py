"""Conditions in which families of a theory keep their trained units, and the rest is handwritten.

Heads keep their trained patterns. Numbers stay where the trained embedding has them: on each circle
that neurons read, a number has its row's coordinates along the directions of the circle. The gains
of answers are calibrated again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from workbench.errors import WorkbenchError, nearest
from workbench.sequences.answer_parts import AnswerConditions, added_by, fitted_answers
from workbench.sequences.compile import WrittenNeurons
from workbench.sequences.embedding_parts import embedding_of
from workbench.sequences.language import TokenTheory
from workbench.sequences.part import TokenPart
from workbench.sequences.parts import (
    answer_plans,
    has_means,
    head_conditions,
    numbers_of_neurons,
)
from workbench.sequences.splice import TokenCondition
from workbench.sequences.subject import Subject
from workbench.sequences.varied_parts import with_condition
from workbench.splice.conditions import ConditionFacts, ConditionKind

PREFIX = "trained."  # of the name of a condition
OPTION = "--use-trained"


def trainable(theory: TokenTheory) -> tuple[str, ...]:
    """The families that can stay trained while a part that depends on them is handwritten."""
    heads, answers = theory.of_units("heads"), theory.of_units("answers")
    reads = [family.reads for family in [*theory.of_units("neurons").values(), *answers.values()]]
    read = {name for given in reads for name in given}
    read |= {term.through for given in reads for term in given.values() if term.through}
    numbers = numbers_of_neurons(theory) if answers else ()
    return (*(name for name in heads if len(heads) > 1 or name in read), *numbers)


def refuse_not_trained(theory: TokenTheory, names: Sequence[str]) -> None:
    """Raises WorkbenchError for a family that cannot stay trained."""
    known = trainable(theory)
    for name in names:
        if name not in known:
            expected = f"a family of {theory.theory} that another handwritten family reads"
            raise WorkbenchError(
                f"{OPTION} {name}",
                f"{name!r} cannot stay trained" if name in theory.families else "no such family",
                f"{expected}: {', '.join(known)}" if known else f"{expected}, and it has none",
                nearest(name, known) if known and name not in theory.families else "",
            )


def with_trained(
    subject: Subject, parts: Sequence[TokenPart], names: Sequence[str]
) -> list[TokenPart]:
    """The parts with a condition for each family that stays trained, where they depend on it.

    In the condition of a family, those before it in the theory's order that are named stay trained
    too. Raises WorkbenchError for a family that cannot.
    """
    refuse_not_trained(subject.theory, names)
    made = list(parts)
    chosen = [name for name in subject.theory.families if name in names]
    for count in range(len(chosen)):
        conditions = _conditions(subject, made, chosen[: count + 1])
        made = [
            with_condition(part, conditions[part.name]) if part.name in conditions else part
            for part in made
        ]
    return made


def _conditions(
    subject: Subject, parts: Sequence[TokenPart], trained: Sequence[str]
) -> Mapping[str, TokenCondition]:
    """The condition of each part that depends on the last of these families, by the part's name."""
    placed = with_placed_numbers(subject, trained)
    plans, every = answer_plans(placed), head_conditions(subject)
    facts = _facts(trained)
    made = {}
    for part in parts:
        left = [name for name in part.families if name not in trained]
        if trained[-1] not in part.families or not left:
            continue
        if part.name in plans:
            fitted = _fitted(placed, plans[part.name][1], trained)
            spliced = fitted.condition(facts.name, facts.kind, facts.label)
            made[part.name] = replace(spliced, numbers=bound_numbers(placed))
        else:
            rest = replace(every, by_hand=tuple(left))
            made[part.name] = rest.written(
                facts.name, subject.written.heads, facts.kind, facts.label
            )
    return made


def _facts(trained: Sequence[str]) -> ConditionFacts:
    words = f"the trained units of {' and '.join(trained)}; the rest handwritten"
    return ConditionFacts(PREFIX + trained[-1], ConditionKind.TRAINED, words)


def _fitted(
    subject: Subject, conditions: AnswerConditions, trained: Collection[str]
) -> AnswerConditions:
    """The conditions of a part without the trained families, calibrated."""
    left = tuple(name for name in conditions.by_hand if name not in trained)
    part = replace(conditions, by_hand=left)
    wanted = added_by(subject.host, part, subject.run)
    return fitted_answers(part, subject.run, wanted, has_means(subject.theory))


def bound_numbers(subject: Subject) -> int | None:
    """How many numbers read the trained embedding (`Embedding.bound`); None where none do."""
    reading = [made for made in subject.written.neurons.values() if made.circles is not None]
    read = [embedding_of(subject.host, made.modulus, made.circles_read) for made in reading]
    return sum(embedding.bound for embedding in read) or None


def with_placed_numbers(subject: Subject, trained: Collection[str]) -> Subject:
    """The subject whose neurons read numbers of these families in the trained embedding."""
    written = subject.written

    def placed(name: str, neurons: WrittenNeurons) -> WrittenNeurons:
        ((source, _),) = subject.theory.families[name].reads.items()
        if source not in trained:
            return neurons
        embedding = embedding_of(subject.host, neurons.modulus, neurons.circles_read)
        return replace(neurons, circles=embedding.placed())

    neurons = {name: placed(name, made) for name, made in written.neurons.items()}
    return replace(subject, written=replace(written, neurons=neurons))
