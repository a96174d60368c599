"""Conditions on a transformer: what takes the place of its heads and neurons, and their answers.

The network is never edited: a condition is a set of overrides of sites for one run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from workbench.hosts.host import Host
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import Overrides, Patterns, with_patterns
from workbench.sequences.short_run import answers_under, onward, seen_under
from workbench.sequences.sites import BEFORE_ALL, pattern_site
from workbench.splice.conditions import ConditionFacts, ConditionKind

OverridesOf = Callable[[NaturalRun], Overrides]
PatternsOf = Callable[[NaturalRun], Patterns]


@dataclass(frozen=True)
class TokenCondition:
    """A condition: what takes the place of heads and neurons.

    overrides  of a batch: site -> what becomes of its activation
    patterns   of a batch: layer -> (heads, their handwritten patterns), to compare with the trained
    numbers    of a baseline: how many numbers are fitted
    network    a copy of the host with other weights, which runs in its place; None for the host
    first      the first layer in which that copy differs
    heads      of that copy: layer -> the heads whose patterns are compared
    """

    facts: ConditionFacts
    overrides: OverridesOf
    patterns: PatternsOf | None = None
    numbers: int | None = None
    network: Host | None = None
    first: int = BEFORE_ALL
    heads: Mapping[int, Sequence[int]] | None = None

    def answers(self, host: Host, run: NaturalRun) -> Tensor:
        """The answers under the condition. Raises WorkbenchError as `answers_under`."""
        return self.spliced(host, run)[0]

    def spliced(self, host: Host, run: NaturalRun) -> tuple[Tensor, Patterns | None]:
        """The answers, and the patterns that are compared with the trained ones.

        Patterns that are handwritten are made once, and those of other weights are read on the way.
        Raises WorkbenchError as `answers_under`.
        """
        if self.network is not None:
            return self._of_network(self.network, run)
        if self.patterns is None:
            return answers_under(host, run, self.overrides(run)), None
        patterns = self.patterns(run)
        return answers_under(host, run, with_patterns(patterns)), patterns

    def _of_network(self, network: Host, run: NaturalRun) -> tuple[Tensor, Patterns | None]:
        layers = self.heads or {}
        answers, seen = onward(network, run, self.first, [pattern_site(at) for at in layers])
        patterns = {
            layer: (tuple(members), seen[pattern_site(layer)][:, list(members)])
            for layer, members in layers.items()
        }
        return answers, patterns or None


def condition(
    name: str,
    kind: ConditionKind,
    label: str,
    overrides: OverridesOf,
    patterns: PatternsOf | None = None,
    numbers: int | None = None,
) -> TokenCondition:
    """A condition with its name, kind and label."""
    return TokenCondition(ConditionFacts(name, kind, label), overrides, patterns, numbers)


def patterns_under(
    host: Host, spliced: TokenCondition, layers: Mapping[int, tuple[int, ...]]
) -> PatternsOf:
    """The patterns that heads (layer -> heads) have under a condition, of a batch."""
    network = host if spliced.network is None else spliced.network

    def patterns(run: NaturalRun) -> Patterns:
        sites = [pattern_site(layer) for layer in layers]
        _, seen = seen_under(network, run, spliced.overrides(run), sites)
        return {
            layer: (members, seen[pattern_site(layer)][:, list(members)])
            for layer, members in layers.items()
        }

    return patterns
