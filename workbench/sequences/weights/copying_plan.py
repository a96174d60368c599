"""The weights of the part "copying": what heads carry to the answers, with trained patterns."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.sequences.answer_parts import (
    RENAMED,
    AnswerConditions,
    added_by,
    silenced_heads,
)
from workbench.sequences.compile import AnswerRead
from workbench.sequences.fit import answer_gains
from workbench.sequences.language import CALIBRATED
from workbench.sequences.natural_run import at_places
from workbench.sequences.part import PartNumbers
from workbench.sequences.subject import Subject
from workbench.sequences.weights import output_value
from workbench.sequences.weights.network import with_weights
from workbench.sequences.weights.output_value import Copies
from workbench.sequences.weights.plan import PartWeights, Plans, Refusals

COPYING = "copying"


def copying_plans(subject: Subject) -> tuple[Plans, Refusals]:
    """The weights of heads that copy, with a gain fitted as at level "score"."""
    written = subject.written
    reads = [read for read in written.answers if read.source in written.heads]
    if not reads:
        return {}, {}
    if len(reads) > 1:
        return {}, {COPYING: "several families of heads copy"}
    (read,) = reads
    if reason := output_value.refused(subject.host):
        return {}, {COPYING: reason}
    return {COPYING: lambda: _plan(subject, read)}, {}


def _plan(subject: Subject, read: AnswerRead) -> PartWeights:
    heads = subject.written.heads[read.source]
    ((_, family),) = subject.theory.of_units("answers").items()
    means = family.means == CALIBRATED
    tokens = torch.arange(subject.written.vocabulary)
    maps, kept = output_value.compiled(subject.host, heads, subject.run, tokens, means)
    right = _fitted(subject, read, maps, means)
    rank = sum(made.value.shape[1] for _, made in maps.maps.values())
    free = PartNumbers(0, calibrated=1) if read.gain is None else PartNumbers(1)
    part = PartWeights(
        weights=right.weights(subject.host),
        words=f"output-value weights of {read.source}, {rank} directions in all; share of the "
        f"rule's logits kept: {kept:.2f}",
        numbers=replace(free, bound=right.numbers),
        controls=dict,
        kept=kept,
    )

    def controls() -> dict[str, tuple[str, PartWeights]]:
        order = torch.randperm(len(tokens), generator=torch.Generator().manual_seed(subject.seed))
        wrong, _ = output_value.compiled(subject.host, heads, subject.run, order, means)
        wrong = replace(right, maps=wrong.maps)
        name, label = RENAMED["tokens"]
        return {name: (label, replace(part, weights=wrong.weights(subject.host)))}

    return replace(part, controls=controls)


def _fitted(subject: Subject, read: AnswerRead, maps: Copies, means: bool) -> Copies:
    """The maps with their gain and constant, fitted to what the trained heads add, or to answers.

    The constant is the nearest that the stream can hold to the mean of the logits that are left.
    """
    host, run, written = subject.host, subject.run, subject.written
    silenced = silenced_heads(written, (read.source,))
    none = run.answers.new_zeros(())
    conditions = AnswerConditions(written, silenced, False, (), subject.causal, none)
    wanted = added_by(host, conditions, run)
    column = _added(subject, maps) - at_places(run.answers, run.scored) + wanted
    natural = at_places(run.answers, run.scored) if read.fitted_to_answers else None
    gain = _gain(column, wanted, natural, means) if read.gain is None else float(read.gain)
    if not means:
        return replace(maps, gain=gain)
    rest = (wanted - gain * column).mean(0).double()
    answers = output_value.centred_answers(host)
    constant = torch.linalg.lstsq(answers.T, (rest - rest.mean())[:, None]).solution[:, 0]
    return replace(maps, gain=gain, constant=constant)


def _added(subject: Subject, maps: Copies) -> Float[Tensor, "row token"]:
    """The answers of a copy of the network with these weights, at the scored places."""
    network = with_weights(subject.host, maps.weights(subject.host), subject.theory.theory)
    answers, _ = network.run(subject.run.tokens)
    return at_places(answers, subject.run.scored)


def _gain(
    column: Float[Tensor, "row token"],
    wanted: Float[Tensor, "row token"],
    natural: Float[Tensor, "row token"] | None,
    means: bool,
) -> float:
    if means:
        column, wanted = column - column.mean(0), wanted - wanted.mean(0)
    return float(answer_gains(column[..., None], wanted, natural))
