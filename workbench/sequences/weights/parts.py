"""Parts of level "weights", beside the parts of level "score" that they belong to.

A part's weights stand in a copy of the network, which runs under the part's conditions. Ablations
and baselines are those of the part of level "score": both levels have one scale.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from workbench.hosts.host import Host
from workbench.sequences.part import WEIGHTS_LEVEL, TokenPart
from workbench.sequences.sites import layer_of
from workbench.sequences.splice import TokenCondition
from workbench.sequences.subject import Subject
from workbench.sequences.weights.copying_plan import copying_plans
from workbench.sequences.weights.head_plans import head_plans
from workbench.sequences.weights.network import network_condition, with_weights
from workbench.sequences.weights.plan import PartWeights, Plans, Refusals
from workbench.sequences.weights.whole_plan import whole_plans
from workbench.splice.conditions import ConditionFacts, ConditionKind

SUFFIX = ".weights"  # of the name of a part of level "weights"
SHARED = (ConditionKind.ABLATION, ConditionKind.BASELINE)  # conditions of both levels


def plans_of(subject: Subject) -> tuple[Plans, Refusals]:
    """The compilers of parts that have weights, and why the others have none."""
    plans: dict[str, Callable[[], PartWeights]] = {}
    refusals: dict[str, str] = {}
    for made, refused in (copying_plans(subject), head_plans(subject), whole_plans(subject)):
        plans |= made
        refusals |= refused
    return plans, refusals


def at_both_levels(
    subject: Subject, parts: Sequence[TokenPart], only: Collection[str] = ()
) -> list[TokenPart]:
    """Parts of level "score", each followed by its part of level "weights" if it has one.

    only  names of parts; all by default
    """
    plans, _ = plans_of(subject)
    made = []
    for part in parts:
        name = part.name + SUFFIX
        if not only or part.name in only:
            made.append(part)
        if part.name in plans and (not only or name in only):
            made.append(_part(subject, part, plans[part.name]()))
    return made


def _part(subject: Subject, part: TokenPart, made: PartWeights) -> TokenPart:
    kinds = {
        kind: [spliced for spliced in part.conditions if spliced.facts.kind is kind]
        for kind in SHARED
    }
    spliced = ConditionFacts("spliced", ConditionKind.HANDWRITTEN, "the handwritten weights")
    wrong = [
        _condition(subject, ConditionFacts(name, ConditionKind.CONTROL, label), wrong)
        for name, (label, wrong) in made.controls().items()
    ]
    return replace(
        part,
        name=part.name + SUFFIX,
        words=made.words,
        numbers=made.numbers,
        conditions=(
            *kinds[ConditionKind.ABLATION],
            _condition(subject, spliced, made),
            *wrong,
            *kinds[ConditionKind.BASELINE],
        ),
        level=WEIGHTS_LEVEL,
        kept=made.kept,
    )


def network_of(subject: Subject, made: PartWeights) -> Host:
    """A copy of the host with the weights of a part."""
    return with_weights(subject.host, made.weights, subject.theory.theory)


def _condition(subject: Subject, facts: ConditionFacts, made: PartWeights) -> TokenCondition:
    first = min(layer_of(name) for name, _ in made.weights)
    return network_condition(facts, network_of(subject, made), first, made.heads)
