"""Units outside the theory: what the network's answers lose without each, and without all of them.

Everything that the theory does not speak of, heads and neurons, is set to its mean over the
calibration prompts at each place; one unit after another is left as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from workbench.hosts.transformer_host import shape_of
from workbench.sequences.analyses.unexplained.neurons import Followers
from workbench.sequences.head_parts import by_layer
from workbench.sequences.natural_run import NaturalRun, natural_run
from workbench.sequences.overrides import Overrides, UnitValues
from workbench.sequences.part import PartNumbers, TokenPart
from workbench.sequences.prompts import Prompt
from workbench.sequences.sites import post_site, z_site
from workbench.sequences.splice import TokenCondition, condition
from workbench.sequences.subject import Subject
from workbench.splice.conditions import ConditionKind

ALONE = "theory.alone"  # the condition in which everything outside the theory is at its mean
WITHOUT, WITH = "without.", "with."  # of a unit: it alone at its mean; it alone not at its mean
Means = Mapping[str, Float[Tensor, "unit ..."]]


@dataclass(frozen=True)
class Outside:
    """A unit or a group of units that the theory does not speak of.

    site, units  where they are in the network
    """

    name: str
    site: str
    units: tuple[int, ...]


def outside_of(subject: Subject, following: Followers) -> list[Outside]:
    """Heads one by one, and the neurons of each layer together, without those of the theory.

    following  the neurons of the theory: those that follow its frequencies
    """
    shape = shape_of(subject.host)
    inside = by_layer(subject.written.heads)
    made = [
        Outside(f"head {layer}.{head}", z_site(layer), (head,))
        for layer in range(shape.layers)
        for head in range(shape.heads)
        if head not in inside.get(layer, ())
    ]
    for layer in range(shape.layers) if shape.mlp != "none" else ():
        count = subject.host.site(post_site(layer)).channels
        followed = {
            neuron
            for (family, _), neurons in following.items()
            if subject.written.neurons[family].layer == layer
            for neuron in neurons
        }
        rest = tuple(neuron for neuron in range(count) if neuron not in followed)
        if rest:
            words = f"{len(rest)} neurons of layer {layer}"
            made.append(Outside(words, post_site(layer), rest))
    return made


def outside_part(
    subject: Subject, units: Sequence[Outside], calibration: Sequence[Prompt]
) -> TokenPart:
    """The conditions without all of these units, without each, and with each alone."""
    means = _means(subject, units, calibration)
    kind = ConditionKind.ABLATION
    made = [_at_mean(ALONE, kind, "everything outside the theory at its mean", units, means)]
    for unit in units:
        others = [other for other in units if other is not unit]
        made.append(_at_mean(WITHOUT + unit.name, kind, f"{unit.name} at its mean", [unit], means))
        label = f"everything outside the theory but {unit.name} at its mean"
        made.append(_at_mean(WITH + unit.name, ConditionKind.TRAINED, label, others, means))
    return TokenPart("outside", "units outside the theory", PartNumbers(0), tuple(made))


def _means(subject: Subject, units: Sequence[Outside], calibration: Sequence[Prompt]) -> Means:
    """The mean of every unit over prompts, at each place."""
    sites = tuple(dict.fromkeys(unit.site for unit in units))
    run = natural_run(subject.host, calibration, sites)
    return {site: value.mean(0) for site, value in run.seen.items()}


def _at_mean(
    name: str, kind: ConditionKind, label: str, units: Sequence[Outside], means: Means
) -> TokenCondition:
    by_site: dict[str, list[int]] = {}
    for unit in units:
        by_site.setdefault(unit.site, []).extend(unit.units)

    def overrides(run: NaturalRun) -> Overrides:
        return {
            site: UnitValues(members, means[site][members][None])
            for site, members in by_site.items()
        }

    return condition(name, kind, label, overrides)
