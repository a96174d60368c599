"""The part of a theory that writes attention patterns: conditions, ablations, controls, a baseline.

Ablated heads attend uniformly, or give nothing, their mean, or their output on another prompt. The
baseline is each head's mean pattern: the best pattern that does not depend on tokens.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.sequences.compile import WrittenHeads
from workbench.sequences.fit import fitted_heads
from workbench.sequences.head_controls import controls
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import Overrides, Patterns, UnitValues, with_patterns
from workbench.sequences.rule import pattern, scores, uniform
from workbench.sequences.sites import pattern_site, v_site, z_site
from workbench.sequences.splice import OverridesOf, TokenCondition, condition
from workbench.splice.conditions import ConditionKind

Heads = Mapping[str, WrittenHeads]
DONOR_SHIFT = 1  # a prompt's donor is the next one of its batch
MEAN_PATTERN = "baseline.mean_pattern"


def by_layer(heads: Heads) -> dict[int, tuple[int, ...]]:
    """The heads of all families together, by layer."""
    layers: dict[int, tuple[int, ...]] = {}
    for family in heads.values():
        for layer, members in family.layers.items():
            layers[layer] = (*layers.get(layer, ()), *members)
    return dict(sorted(layers.items()))


def sites_of_heads(heads: Heads) -> list[str]:
    """The sites that conditions on these heads read: patterns, values and outputs."""
    return [site(layer) for layer in by_layer(heads) for site in (pattern_site, v_site, z_site)]


def seen_keys(run: NaturalRun, causal: bool) -> Tensor:
    """Which keys each query may see."""
    length = run.tokens.shape[1]
    whole = torch.ones(length, length, dtype=torch.bool)
    return whole.tril() if causal else whole


def trained_patterns(family: WrittenHeads, run: NaturalRun) -> Float[Tensor, "n head q k"]:
    """The trained patterns of a family's heads, in its order."""
    patterns = [run.seen[pattern_site(layer)][:, list(at)] for layer, at in family.layers.items()]
    return torch.cat(patterns, 1)


def handwritten_patterns(
    heads: Heads, by_hand: Collection[str], run: NaturalRun, causal: bool
) -> dict[str, Float[Tensor, "n head q k"]]:
    """The pattern of every family: handwritten, or trained where it is not `by_hand`."""
    patterns: dict[str, Tensor] = {}
    seen = seen_keys(run, causal)
    for name, family in heads.items():
        if name in by_hand:
            carried = {source: patterns[source].mean(1) for source in family.reads}
            one = family.first if family.alike else family  # a table of heads is large
            made = pattern(scores(one.terms, run.tokens, carried), seen)
            patterns[name] = made.expand(-1, family.count, -1, -1)
        else:
            patterns[name] = trained_patterns(family, run)
    return patterns


def as_layers(heads: Heads, patterns: Mapping[str, Tensor], by_hand: Collection[str]) -> Patterns:
    """The handwritten patterns of each layer, with the heads that they belong to."""
    layers: dict[int, tuple[tuple[int, ...], list[Tensor]]] = {}
    for name in by_hand:
        start = 0
        for layer, members in heads[name].layers.items():
            units, values = layers.get(layer, ((), []))
            values = [*values, patterns[name][:, start : start + len(members)]]
            layers[layer] = ((*units, *members), values)
            start += len(members)
    return {layer: (units, torch.cat(values, 1)) for layer, (units, values) in layers.items()}


def calibrated_heads(heads: Heads, run: NaturalRun, causal: bool) -> dict[str, WrittenHeads]:
    """The families with their calibrated gains fitted on a run over calibration prompts.

    A family that reads another's heads is fitted on what those carry in the trained network.
    """
    carried = {name: trained_patterns(family, run).mean(1) for name, family in heads.items()}
    return {
        name: fitted_heads(
            family, run.tokens, trained_patterns(family, run), carried, seen_keys(run, causal)
        )
        for name, family in heads.items()
    }


@dataclass(frozen=True)
class HeadConditions:
    """Makes the conditions of one part.

    by_hand  the families that are handwritten; the others stay trained
    mean_z, mean_pattern  of each layer, over calibration prompts
    """

    heads: Heads
    by_hand: tuple[str, ...]
    causal: bool
    mean_z: Mapping[int, Float[Tensor, "head place d"]]
    mean_pattern: Mapping[int, Float[Tensor, "head q k"]]

    @property
    def replaced(self) -> dict[int, tuple[int, ...]]:
        """The heads that are replaced, by layer."""
        return by_layer({name: self.heads[name] for name in self.by_hand})

    def all(self, seed: int, vocabulary: int) -> list[TokenCondition]:
        """Every condition: ablations, the handwritten heads, controls and the baseline."""
        made = [*self.ablations(), self.written("spliced", self.heads)]
        for name, (label, changed) in controls(self.heads, self.by_hand, seed, vocabulary).items():
            made.append(self.written(name, changed, ConditionKind.CONTROL, label))
        return [*made, self.baseline()]

    def ablations(self) -> list[TokenCondition]:
        """Heads that give nothing, their mean, another prompt's output, or attend uniformly."""

        def z_of(value: Callable[[NaturalRun, int, list[int]], Tensor]) -> OverridesOf:
            return lambda run: {
                z_site(layer): UnitValues(members, value(run, layer, list(members)))
                for layer, members in self.replaced.items()
            }

        def zero(run: NaturalRun, layer: int, members: list[int]) -> Tensor:
            return torch.zeros_like(run.seen[z_site(layer)][:, members])

        def mean(run: NaturalRun, layer: int, members: list[int]) -> Tensor:
            return self.mean_z[layer][members].expand_as(run.seen[z_site(layer)][:, members])

        def other(run: NaturalRun, layer: int, members: list[int]) -> Tensor:
            return run.seen[z_site(layer)][:, members].roll(DONOR_SHIFT, 0)

        ablation = ConditionKind.ABLATION
        return [
            condition("ablated.zero", ablation, "the heads' output at 0", z_of(zero)),
            condition(
                "ablated.mean",
                ablation,
                "each head's mean output over the calibration prompts",
                z_of(mean),
            ),
            condition(
                "ablated.resample",
                ablation,
                "the heads' output on another prompt",
                z_of(other),
            ),
            self.uniform(),
        ]

    def uniform(self) -> TokenCondition:
        """The ablation in which heads attend to every key alike."""

        def flat(run: NaturalRun) -> Overrides:
            attention = uniform(seen_keys(run, self.causal))
            shape = (len(run.tokens), 1, *attention.shape)
            return with_patterns(
                {
                    layer: (members, attention.expand(shape).expand(-1, len(members), -1, -1))
                    for layer, members in self.replaced.items()
                }
            )

        kind, label = ConditionKind.ABLATION, "the same attention to every key"
        return condition("ablated.uniform", kind, label, flat)

    def written(
        self,
        name: str,
        heads: Heads,
        kind: ConditionKind = ConditionKind.HANDWRITTEN,
        label: str = "the handwritten patterns",
    ) -> TokenCondition:
        """A condition in which these handwritten heads take the trained ones' place."""

        def patterns(run: NaturalRun) -> Patterns:
            made = handwritten_patterns(heads, self.by_hand, run, self.causal)
            return as_layers(heads, made, self.by_hand)

        return condition(name, kind, label, lambda run: with_patterns(patterns(run)), patterns)

    def baseline(self) -> TokenCondition:
        """The condition of mean patterns, with the count of their numbers."""

        def patterns(run: NaturalRun) -> Patterns:
            return {
                layer: (
                    members,
                    self.mean_pattern[layer][list(members)].expand(len(run.tokens), -1, -1, -1),
                )
                for layer, members in self.replaced.items()
            }

        return condition(
            MEAN_PATTERN,
            ConditionKind.BASELINE,
            "each head's mean pattern over the calibration prompts: a number for every pair of "
            "places",
            lambda run: with_patterns(patterns(run)),
            patterns,
            numbers=sum(
                len(members) * int((self.mean_pattern[layer][0] > 0).sum())
                for layer, members in self.replaced.items()
            ),
        )
