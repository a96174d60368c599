"""The points of a frontier: more and more heads handwritten, and then what answers read.

Heads are in the order of the network. At each point the heads so far are handwritten, or attend
uniformly, are at their mean, have their mean pattern, or have the rule for the wrong places; all
other units are trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.sequences.compile import WrittenHeads
from workbench.sequences.head_controls import controls
from workbench.sequences.head_parts import HeadConditions, Heads, by_layer
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import Patterns, with_patterns
from workbench.sequences.part import PartNumbers, TokenPart, summed
from workbench.sequences.parts import head_conditions, looks_numbers, parts_of
from workbench.sequences.splice import TokenCondition
from workbench.sequences.subject import Subject
from workbench.splice.conditions import ConditionKind

STEPS = 16  # points with heads, at most: each is a run of the network for every condition
ABLATIONS = ("ablated.uniform", "ablated.mean")
WRONG = "control.shifted"
ANSWERS = ("mlp", "circuit", "whole")  # parts that stand after the heads, where the theory has them
Chosen = Sequence[tuple[int, int]]  # layer and head


@dataclass(frozen=True)
class Point:
    """A set of handwritten units.

    heads  how many heads are handwritten
    part   its conditions: the handwritten units, ablations, controls and baselines; its numbers
           are those of the theory
    """

    name: str
    heads: int
    part: TokenPart


def points_of(subject: Subject) -> list[Point]:
    """The points of a theory, the fewest heads first."""
    every = [(at, head) for at, heads in by_layer(subject.written.heads).items() for head in heads]
    conditions = head_conditions(subject)
    steps = min(STEPS, len(every))
    ends = [round(len(every) * (step + 1) / steps) for step in range(steps)]
    points = [_heads_point(subject, conditions, every[:end]) for end in ends]
    for part in parts_of(subject):
        if part.name in ANSWERS:
            read = sum(
                subject.written.heads[name].count
                for name in part.families
                if name in subject.written.heads
            )
            points.append(Point(part.name, read, part))
    return points


def _heads_point(subject: Subject, conditions: HeadConditions, chosen: Chosen) -> Point:
    """The point at which these heads are handwritten."""
    heads = subset(subject.written.heads, chosen)
    families = tuple(heads)
    few = replace(conditions, heads=heads, by_hand=families)
    whole = replace(conditions, by_hand=families)
    _, wrong = controls(whole.heads, families, subject.seed, subject.written.vocabulary)[WRONG]
    made = (
        *(ablated for ablated in few.ablations() if ablated.facts.name in ABLATIONS),
        _only(whole.written("spliced", whole.heads), chosen),
        _only(whole.written(WRONG, wrong, ConditionKind.CONTROL, "the wrong places"), chosen),
        few.baseline(),
    )
    written = replace(subject.written, heads=heads)
    numbers: PartNumbers = summed(
        [looks_numbers(subject.theory, written, name) for name in families]
    )
    last, head = chosen[-1]
    words = f"heads up to {last}.{head}"
    return Point(words, len(chosen), TokenPart(words, words, numbers, made, families))


def subset(heads: Heads, chosen: Chosen) -> dict[str, WrittenHeads]:
    """The families with these heads alone, without families that have none of them."""
    few = {name: family.only(chosen) for name, family in heads.items()}
    return {name: family for name, family in few.items() if family.layers}


def _only(spliced: TokenCondition, chosen: Chosen) -> TokenCondition:
    """The condition in which only these of its heads are replaced.

    A family that is begun is computed whole, so that families that read it read the rule.
    """
    given = spliced.patterns
    if given is None:
        raise TypeError(f"{spliced.facts.name} writes no patterns")

    def patterns(run: NaturalRun) -> Patterns:
        made = {}
        for layer, (members, values) in given(run).items():
            kept = [i for i, head in enumerate(members) if (layer, head) in chosen]
            if kept:
                made[layer] = tuple(members[i] for i in kept), values[:, kept]
        return made

    return replace(spliced, overrides=lambda run: with_patterns(patterns(run)), patterns=patterns)
