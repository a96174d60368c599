"""The neurons of every frequency alone: what the rule for them leaves of the answers.

The trained neurons that follow a frequency are silenced, and the rule's neurons of this frequency
answer in their place; all other neurons are trained.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from workbench.sequences.examples import surveyed
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import Overrides, UnitValues
from workbench.sequences.part import TokenPart
from workbench.sequences.parts import parts_of
from workbench.sequences.sites import post_site
from workbench.sequences.splice import TokenCondition
from workbench.sequences.subject import Subject
from workbench.splice.conditions import ConditionKind

NEURONS = "mlp"  # the part in which neurons answer
KINDS = (ConditionKind.ABLATION, ConditionKind.HANDWRITTEN)
Followers = Mapping[tuple[str, int], tuple[int, ...]]


@dataclass(frozen=True)
class FrequencyPart:
    """The neurons of one frequency, and the conditions in which they alone are replaced."""

    family: str
    frequency: int
    neurons: int
    part: TokenPart


def followers(subject: Subject) -> Followers:
    """The trained neurons that follow each frequency, by the theory's family and frequency.

    Frequencies that no neuron follows are left out, as are networks that answer no numbers.
    """
    families = subject.written.neurons
    if not families:
        return {}
    rows = surveyed(subject.host)
    made = {
        (name, frequency): tuple(
            row.neuron
            for row in rows
            if row.follows and (row.layer, row.frequency) == (neurons.layer, frequency)
        )
        for name, neurons in families.items()
        for frequency in neurons.frequencies
    }
    return {key: units for key, units in made.items() if units}


def frequency_parts(subject: Subject, following: Followers) -> Iterator[FrequencyPart]:
    """For each frequency the part in which its neurons alone are handwritten or ablated."""
    for (name, frequency), units in following.items():
        neurons = replace(subject.written.neurons[name], frequencies=(frequency,))
        alone = replace(subject, written=replace(subject.written, neurons={name: neurons}))
        (part,) = (made for made in parts_of(alone) if made.name == NEURONS)
        site = post_site(neurons.layer)
        conditions = tuple(
            _of_these(spliced, site, units)
            for spliced in part.conditions
            if spliced.facts.kind in KINDS
        )
        yield FrequencyPart(name, frequency, len(units), replace(part, conditions=conditions))


def _of_these(spliced: TokenCondition, site: str, units: Sequence[int]) -> TokenCondition:
    """The condition with these neurons of the site replaced, and all others trained."""

    def overrides(run: NaturalRun) -> Overrides:
        made = dict(spliced.overrides(run))
        replaced = made[site](run.seen[site])[:, list(units)]
        return {**made, site: UnitValues(units, replaced)}

    return replace(spliced, overrides=overrides)
