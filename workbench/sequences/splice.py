"""Conditions on a transformer: what takes the place of its heads and neurons, and their answers.

The network is never edited: a condition is a set of overrides of sites for one run.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from workbench.hosts.hooks import Override, overridden, refuse_unfired
from workbench.hosts.host import Host
from workbench.hosts.output import NO_TARGET
from workbench.sequences.prompts import Prompt
from workbench.splice.conditions import ConditionFacts, ConditionKind

ANSWERS = "unembed"  # the site of the logits
NO_LAYER, BEFORE_ALL = 10**6, -1  # where answers are, and where embeddings are
BATCH = 64


def pattern_site(layer: int) -> str:
    """The attention patterns of a layer."""
    return f"blocks.{layer}.attn.hook_pattern"


def z_site(layer: int) -> str:
    """The heads' outputs of a layer, before their output weights."""
    return f"blocks.{layer}.attn.hook_z"


def post_site(layer: int) -> str:
    """The neurons of a layer."""
    return f"blocks.{layer}.mlp.hook_post"


def stream_site(layer: int) -> str:
    """The stream that the neurons of a layer read."""
    return f"blocks.{layer}.hook_resid_mid"


def stream_before(layer: int) -> str:
    """The stream before a layer."""
    return f"blocks.{layer}.hook_resid_pre"


def layer_of(name: str) -> int:
    """The layer of a site or of a tensor; below 0 for what comes before the first."""
    first, *rest = name.split(".")
    if first == "blocks":
        return int(rest[0])
    return NO_LAYER if first == ANSWERS else BEFORE_ALL


@dataclass(frozen=True)
class NaturalRun:
    """The network's own run on a batch of prompts.

    answers  what the network gives
    seen     activations at sites, units first: `n unit *position`
    scored   places whose answers are scored
    """

    tokens: Int[Tensor, "n place"]
    answers: Float[Tensor, "n ..."]
    seen: Mapping[str, Tensor]
    scored: Bool[Tensor, "n place"]

    def of(self, chosen: Int[Tensor, " prompt"]) -> "NaturalRun":
        """The same of some prompts."""
        seen = {site: value[chosen] for site, value in self.seen.items()}
        return NaturalRun(self.tokens[chosen], self.answers[chosen], seen, self.scored[chosen])


def natural_run(host: Host, prompts: Sequence[Prompt], sites: Sequence[str]) -> NaturalRun:
    """Run the network on prompts and record the sites, and the streams that runs may start at."""
    tokens = host.input.batch(prompts).to(host.device)
    streams = [site for site in host.sites if host.starts_at(site)]
    answers, seen = host.run(tokens, *dict.fromkeys([*sites, *streams]))
    targets = torch.as_tensor(host.output.targets(prompts))
    scored = (targets != NO_TARGET).reshape(len(prompts), -1)
    return NaturalRun(tokens, answers, seen, scored)


Overrides = Mapping[str, Override]
Patterns = Mapping[int, tuple[tuple[int, ...], Float[Tensor, "n head q k"]]]
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


def answers_under(host: Host, run: NaturalRun, overrides: Overrides) -> Tensor:
    """The network's answers with these overrides. Raises WorkbenchError if one did not happen.

    All that comes before the first override is that of the natural run, and is not computed again.
    """
    first = min(map(layer_of, overrides), default=NO_LAYER)
    with overridden(host, overrides) as fired:
        answers, _ = onward(host, run, first, (), within(first, overrides))
    refuse_unfired(fired)
    return answers


def within(layer: int, overrides: Collection[str]) -> str | None:
    """The site of a layer's attention before which overrides change nothing; None for no such."""
    sites = {site for site in overrides if layer_of(site) == layer}
    for known in (z_site(layer), pattern_site(layer)):
        if sites and sites <= {known, z_site(layer)}:
            return known
    return None


def onward(
    host: Host, run: NaturalRun, first: int, sites: Sequence[str] = (), known: str | None = None
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """The answers, and activations at sites, of a network that differs from a layer on.

    It runs from that layer on, or from the last one, where it can; else from the tokens.

    known  a site of that layer's attention whose natural activation is not computed again
    """
    starts = [
        layer_of(site)
        for site in run.seen
        if site in host.sites and host.starts_at(site) and layer_of(site) <= first
    ]
    if not starts:
        return host.run(run.tokens, *sites)
    start = stream_before(max(starts))
    given = {site: run.seen[site] for site in (start, known) if site and site in run.seen}
    return host.start(run.tokens, start, given, *sites)


def with_units(units: Sequence[int], values: Tensor) -> Override:
    """An override that gives some units of a site these values, `n_or_1 unit *position`."""

    def put(activation: Tensor) -> Tensor:
        spliced = activation.clone()
        spliced[:, list(units)] = values.to(activation.dtype)
        return spliced

    return put


def with_patterns(patterns: Patterns) -> dict[str, Override]:
    """Overrides that give heads these patterns."""
    return {pattern_site(layer): with_units(*of_layer) for layer, of_layer in patterns.items()}


def plus(added: Float[Tensor, "n place token"]) -> Override:
    """An override of the logits that adds to them."""
    return lambda logits: logits + added.movedim(2, 1).to(logits.dtype)


def replaced_by(answers: Float[Tensor, "n place token"]) -> Override:
    """An override of the logits by others, at all places or at the last alone."""
    return lambda logits: answers.movedim(2, 1).to(logits.dtype).expand_as(logits)


def at_places(values: Float[Tensor, "n place ..."], scored: Tensor) -> Tensor:
    """The rows of the scored places; values that stand for one place alone are of the last."""
    if values.shape[1] == scored.shape[1]:
        return values[scored]
    return values[:, 0][scored.any(1)]


def seen_under(
    host: Host, run: NaturalRun, overrides: Overrides, sites: Sequence[str]
) -> tuple[Tensor, dict[str, Tensor]]:
    """The network's answers with these overrides, and the activations at sites then.

    Raises WorkbenchError if an override did not happen.
    """
    with overridden(host, overrides) as fired:
        answers, seen = host.run(run.tokens, *sites)
    refuse_unfired(fired)
    return answers, seen


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
