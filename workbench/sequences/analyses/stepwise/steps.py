"""The steps of a theory: its parts in order, each spliced alone and after all earlier ones.

A step that stands after others is made in the network as those leave it: what it reads, such as
patterns or the stream, is recorded under the earlier steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from workbench.hosts.hooks import Override
from workbench.hosts.host import Host
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import Overrides
from workbench.sequences.part import TokenPart
from workbench.sequences.parts import parts_of
from workbench.sequences.short_run import seen_under
from workbench.sequences.splice import TokenCondition
from workbench.sequences.subject import Subject, sites_read
from workbench.splice.conditions import ConditionFacts, ConditionKind

WHOLE = "whole"  # the part that leaves nothing trained, whatever stands before it
EARLIER = "earlier"  # the condition in which the steps before are handwritten, and this one trained
COMPARED = (ConditionKind.ABLATION, ConditionKind.HANDWRITTEN, ConditionKind.CONTROL)
NOT_STEPS = ("heads", "circuit")  # parts that are several steps together


@dataclass(frozen=True)
class TokenStep:
    """One step of a theory.

    alone  the step's part in the trained network
    after  the same with every earlier step handwritten; None for the first, and for the whole,
           which leaves nothing of the network that earlier steps could change
    """

    name: str
    words: str
    alone: TokenPart
    after: TokenPart | None


def steps_of(subject: Subject) -> list[TokenStep]:
    """The steps of a theory: its families of heads, what they carry or its neurons, and the rest.

    Each has its ablations and controls, alone and after the earlier steps.
    """
    parts = [part for part in parts_of(subject) if part.name not in NOT_STEPS]
    sites = sites_read(subject.written)
    steps: list[TokenStep] = []
    before: TokenCondition | None = None
    for part in parts:
        compared = tuple(c for c in part.conditions if c.facts.kind in COMPARED)
        alone = replace(part, conditions=compared)
        after = None
        if before is not None and part.name == WHOLE:
            alone = replace(alone, conditions=(_earlier(before), *compared))
        elif before is not None:
            after = _after(subject.host, before, alone, sites)
        steps.append(TokenStep(part.name, part.words, alone, after))
        before = (after or alone).condition("spliced")
    return steps


def _after(host: Host, before: TokenCondition, part: TokenPart, sites: Sequence[str]) -> TokenPart:
    """The part with every condition made in the network under an earlier one."""
    recorded = _recorded(host, before, sites)
    made = [_in_turn(before, spliced, recorded) for spliced in part.conditions]
    return replace(part, conditions=(_earlier(before), *made))


def _earlier(before: TokenCondition) -> TokenCondition:
    """The condition of the earlier steps, in which this step is trained."""
    facts = ConditionFacts(EARLIER, ConditionKind.TRAINED, "this step trained, earlier ones not")
    return replace(before, facts=facts, patterns=None)


def _recorded(
    host: Host, before: TokenCondition, sites: Sequence[str]
) -> Callable[[NaturalRun], NaturalRun]:
    """A function of a natural run that gives the run under a condition; it keeps the last one."""
    kept: list[tuple[NaturalRun, NaturalRun]] = []

    def run_under(run: NaturalRun) -> NaturalRun:
        if not kept or kept[0][0] is not run:
            answers, seen = seen_under(host, run, before.overrides(run), sites)
            kept[:] = [(run, replace(run, answers=answers, seen=seen))]
        return kept[0][1]

    return run_under


def _in_turn(
    before: TokenCondition,
    spliced: TokenCondition,
    recorded: Callable[[NaturalRun], NaturalRun],
) -> TokenCondition:
    """A condition after another one: at a site of both, the second acts on what the first gives."""

    def overrides(run: NaturalRun) -> Overrides:
        first, second = before.overrides(run), spliced.overrides(recorded(run))
        both = {site: _both(first[site], second[site]) for site in first.keys() & second.keys()}
        return {**first, **second, **both}

    return replace(spliced, overrides=overrides, patterns=None)


def _both(first: Override, second: Override) -> Override:
    return lambda activation: second(first(activation))
