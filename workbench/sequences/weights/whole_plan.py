"""The weights of the part "whole": a network of neurons with no trained weight."""

from dataclasses import replace

import torch

from workbench.sequences.answer_parts import (
    AnswerConditions,
    added_by,
    fitted_answers,
)
from workbench.sequences.compile import Written
from workbench.sequences.neuron_controls import wrong_circuits
from workbench.sequences.parts import answer_numbers
from workbench.sequences.subject import Subject
from workbench.sequences.weights import whole
from workbench.sequences.weights.plan import PartWeights, Plans, Refusals

WHOLE = "whole"


def whole_plans(subject: Subject) -> tuple[Plans, Refusals]:
    """The weights of the whole network, with gains fitted as at level "score"."""
    if not subject.written.answers:
        return {}, {}
    ((_, family),) = subject.theory.of_units("answers").items()
    reason = whole.refused(subject.host, subject.written, subject.length)
    if family.means:
        reason = "a mean for each answer has no place in its weights"
    if reason:
        return {}, {WHOLE: reason}
    return {WHOLE: lambda: _plan(subject)}, {}


def _plan(subject: Subject) -> PartWeights:
    none = subject.run.answers.new_zeros(())
    conditions = AnswerConditions(subject.written, lambda run: {}, True, (), subject.causal, none)
    wanted = added_by(subject.host, conditions, subject.run)
    fitted = fitted_answers(conditions, subject.run, wanted, means=False)
    numbers = answer_numbers(subject.theory, fitted, means=False)
    numbers = replace(numbers, rule=numbers.rule + 1)  # the sharp score of its heads

    def plan(written: Written) -> PartWeights:
        return PartWeights(
            weights=whole.compiled(subject.host, written, subject.length),
            words="every weight of the network, from tokens to logits; none is trained",
            numbers=numbers,
            controls=dict,
        )

    right = plan(fitted.written)

    def controls() -> dict[str, tuple[str, PartWeights]]:
        made = {
            name: (label, plan(wrong))
            for name, (label, wrong) in wrong_circuits(fitted.written, subject.seed).items()
        }
        answers = right.weights["unembed.W_U", None]
        generator = torch.Generator().manual_seed(subject.seed)
        order = torch.randperm(answers.shape[1], generator=generator)
        renamed = {**right.weights, ("unembed.W_U", None): answers[:, order]}
        permuted = replace(right, weights=renamed)
        return made | {
            "control.answers_permuted": ("the answers renamed by a permutation", permuted)
        }

    return replace(right, controls=controls)
