"""Activations for the pictures of a report: of few prompts, trained and handwritten.

A scorecard holds figures alone. Examples are computed here, only where a page is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.circuit import PromptSet
from workbench.sequences.compile import Written
from workbench.sequences.head_examples import HeadExample, head_examples
from workbench.sequences.natural_run import NaturalRun, at_places, natural_run
from workbench.sequences.neuron_examples import NeuronExample, neuron_examples
from workbench.sequences.part import TokenPart
from workbench.sequences.prompts import Prompt, occurrences
from workbench.sequences.subject import sites_read
from workbench.sequences.survey.neurons import NeuronRow, survey_neurons

FEW = 64  # prompts that are run for pictures
MOST = {"pairs": 8192}  # of a kind whose prompts are short
ANSWERS = 256  # a table of more answers than these is too large to be read


@dataclass(frozen=True)
class AnswerTable:
    """Mean logits by the right answer, centred over the vocabulary.

    rows     the right answers that occur
    trained, handwritten  a row for each right answer, a column for each token
    """

    rows: Sequence[int]
    trained: Float[np.ndarray, "row token"]
    handwritten: Float[np.ndarray, "row token"]


@dataclass(frozen=True)
class PartExamples:
    """The examples of one part that are drawn.

    heads   of patterns; empty where the part writes none
    has_neurons  whether neurons are handwritten
    losses  of repeated strings, by condition: the mean loss by occurrence, in nats, at each scored
            token of the string
    """

    heads: Sequence[HeadExample] = ()
    answers: AnswerTable | None = None
    losses: Mapping[str, Float[np.ndarray, "occurrence token"]] | None = None
    has_neurons: bool = False


@dataclass(frozen=True)
class Examples:
    """The examples of a score that are drawn.

    prompt   that of the patterns
    count    prompts that means are over
    parts    by the part's name
    """

    prompt: Prompt
    count: int
    parts: Mapping[str, PartExamples]
    neurons: Sequence[NeuronExample] = ()


@torch.no_grad()
def examples_of(
    host: Host,
    written: Written,
    parts: Sequence[TokenPart],
    cheapest: Mapping[str, str],
    prompts: Sequence[Prompt],
    declared: PromptSet,
) -> Examples:
    """The activations of evenly chosen prompts.

    cheapest  each part's ablation whose losses are drawn
    """
    chosen = pictured_prompts(prompts, declared)
    count = len(chosen)
    run = natural_run(host, chosen, sites_read(written))
    repeats = declared.kind == "repeats"
    return Examples(
        chosen[count // 2],
        count,
        {part.name: _part(host, written, part, run, chosen, cheapest, repeats) for part in parts},
        neuron_examples(written, run, surveyed(host)) if written.neurons else (),
    )


def pictured_prompts(prompts: Sequence[Prompt], declared: PromptSet) -> list[Prompt]:
    """The prompts that are run for pictures. The patterns drawn are of the middle one."""
    return evenly(prompts, MOST.get(declared.kind, FEW))


def evenly(prompts: Sequence[Prompt], count: int) -> list[Prompt]:
    """So many of the prompts, evenly chosen; all where there are no more."""
    places = np.linspace(0, len(prompts) - 1, min(len(prompts), count))
    return [prompts[i] for i in places.astype(int)]


def surveyed(host: Host) -> Sequence[NeuronRow]:
    """The neurons of a network that answers numbers; none of another."""
    try:
        return survey_neurons(host).rows
    except WorkbenchError:
        return ()


def _part(
    host: Host,
    written: Written,
    part: TokenPart,
    run: NaturalRun,
    prompts: Sequence[Prompt],
    cheapest: Mapping[str, str],
    repeats: bool,
) -> PartExamples:
    conditions = {spliced.facts.name: spliced for spliced in part.conditions}
    patterns = conditions["spliced"].patterns
    if patterns is not None:
        causal = shape_of(host).causal
        return PartExamples(
            head_examples(written.heads, patterns(run), run, causal, len(prompts) // 2)
        )
    answers = {"natural": run.answers}
    for name in ("spliced", *([cheapest[part.name]] if repeats else [])):
        answers[name] = conditions[name].answers(host, run)
    scored = {name: at_places(made, run.scored) for name, made in answers.items()}
    wanted = torch.as_tensor(host.output.targets(prompts)).reshape(run.scored.shape)[run.scored]
    table = answer_table(wanted, scored["natural"], scored["spliced"])
    if not repeats:
        has_neurons = any(family in written.neurons for family in part.families)
        return PartExamples((), table, has_neurons=has_neurons)
    runs = occurrences(prompts[0])
    shape = (len(prompts), len(runs), len(runs[0]))
    losses = {
        name: cross_entropy(made, wanted, reduction="none").reshape(shape).mean(0).numpy()
        for name, made in scored.items()
    }
    return PartExamples((), table, losses)


def answer_table(
    wanted: Int[Tensor, " row"],
    trained: Float[Tensor, "row token"],
    handwritten: Float[Tensor, "row token"],
) -> AnswerTable | None:
    """The logits by their right answer; None where there are too many answers to be read."""
    if trained.shape[1] > ANSWERS:
        return None
    rows, place, count = wanted.unique(return_inverse=True, return_counts=True)

    def table(logits: Tensor) -> np.ndarray:
        centred = logits - logits.mean(1, keepdim=True)
        total = centred.new_zeros(len(rows), logits.shape[1]).index_add(0, place, centred)
        return (total / count[:, None]).numpy()

    return AnswerTable(rows.tolist(), table(trained), table(handwritten))
