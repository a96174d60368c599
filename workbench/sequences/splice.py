"""Conditions on a transformer: what takes the place of its heads and neurons, and their answers.

The network is never edited: a condition is a set of overrides of sites for one run.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from workbench.hosts.asked import CHOSEN_AFTER, Asked, step_of
from workbench.hosts.hooks import Override, overridden, refuse_unfired, replaced
from workbench.hosts.host import Host
from workbench.hosts.output import NO_TARGET
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.prompts import Prompt
from workbench.splice.conditions import ConditionFacts, ConditionKind

ANSWERS = "unembed"  # the site of the logits
NO_LAYER, BEFORE_ALL = 10**6, -1  # where answers are, and where embeddings are
BATCH = 64
MANY = 0.75  # of the places: to leave out the others would save little


def pattern_site(layer: int) -> str:
    """The attention patterns of a layer."""
    return f"blocks.{layer}.attn.hook_pattern"


def v_site(layer: int) -> str:
    """The values of a layer's keys, of each head or of the heads that share them."""
    return f"blocks.{layer}.attn.hook_v"


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

    @cached_property
    def asked(self) -> Int[Tensor, "n asked"] | None:
        """The scored places of each prompt, and others where it has fewer than another prompt.

        None where that is most places: then all are computed.
        """
        places = self.tokens.shape[1]
        scored = torch.nn.functional.pad(self.scored, (places - self.scored.shape[1], 0))
        most = int(scored.sum(1).max())
        if not 0 < most <= MANY * places:
            return None
        return scored.int().argsort(dim=1, descending=True, stable=True)[:, :most]

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
    Neither are answers at places that are not scored: they may be nan.
    """
    inside = {site: override for site, override in overrides.items() if site != ANSWERS}
    answers = run.answers
    if inside:
        answers, _ = onward(host, run, min(map(layer_of, inside)), (), inside)
    if ANSWERS in overrides:
        answers = replaced(host.site(ANSWERS), overrides[ANSWERS], answers)
    return answers


def within(layer: int, overrides: Collection[str]) -> str | None:
    """The site of a layer's attention before which overrides change nothing; None for no such."""
    sites = {site for site in overrides if layer_of(site) == layer}
    for known in (z_site(layer), pattern_site(layer)):
        if sites and sites <= {known, z_site(layer)}:
            return known
    return None


def asked_for(
    host: Host, run: NaturalRun, sites: Collection[str], overrides: Overrides
) -> Asked | None:
    """The places that the last layer computes; None for all.

    They are chosen after the last site of that layer that is recorded, or replaced by an override
    that needs every place.
    """
    shape = shape_of(host)
    if shape.answer == "embedding" or run.asked is None:
        return None
    whole = [site for site, put in overrides.items() if not isinstance(put, UnitValues)]
    step = max((_step(host, site) for site in (*sites, *whole)), default=0)
    return Asked(run.asked, CHOSEN_AFTER[step]) if step < len(CHOSEN_AFTER) else None


def _step(host: Host, site: str) -> int:
    in_last = layer_of(site) == shape_of(host).layers - 1
    return step_of(site.rsplit(".", 1)[1]) if in_last else 0


def onward(
    host: Host,
    run: NaturalRun,
    first: int,
    sites: Sequence[str] = (),
    overrides: Overrides = MappingProxyType({}),
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """The answers, and activations at sites, of a network that differs from a layer on.

    It runs from that layer on, or from the last one, where it can; else from the tokens. In the
    last layer it computes the scored places alone, where it can: other answers then are nan. Raises
    WorkbenchError if an override did not happen.
    """
    starts = [
        layer_of(site)
        for site in run.seen
        if site in host.sites and host.starts_at(site) and layer_of(site) <= first
    ]
    if not starts:
        return seen_under(host, run, overrides, sites)
    asked = asked_for(host, run, sites, overrides)

    def at_asked(site: str) -> bool:
        return asked is not None and _step(host, site) > step_of(asked.after)

    puts: Overrides = {
        site: put.at(asked) if asked and isinstance(put, UnitValues) and at_asked(site) else put
        for site, put in overrides.items()
    }
    start = stream_before(max(starts))
    known = within(first, puts) if first == max(starts) else None
    if known and known not in sites and (outputs := _as_outputs(host, run, first, puts)):
        known, puts = z_site(first), outputs
    given = {
        site: asked.unit_rows(run.seen[site]) if asked and at_asked(site) else run.seen[site]
        for site in (start, known)
        if site and site in run.seen
    }
    with overridden(host, puts) as fired:
        answers, seen = host.start(run.tokens, start, given, *sites, asked=asked)
    refuse_unfired(fired)
    if asked and answers.shape[1] != run.answers.shape[1]:
        answers = asked.everywhere(answers, run.answers.shape[1])
    return answers, seen


def _as_outputs(host: Host, run: NaturalRun, layer: int, overrides: Overrides) -> Overrides | None:
    """The overrides with the outputs of heads in place of their patterns in a layer.

    All that comes before is natural there: so are the outputs of the other heads, which then are
    not computed again. None where patterns are replaced in another way, or outputs as well.
    """
    put, values = overrides.get(pattern_site(layer)), run.seen.get(v_site(layer))
    if not isinstance(put, UnitValues) or values is None or z_site(layer) in overrides:
        return None
    shared = shape_of(host).heads // values.shape[1]  # heads that have the same values
    read = values[:, [unit // shared for unit in put.units]]
    outputs = torch.einsum("nhqk,nhke->nhqe", put.values.to(read.dtype), read)
    others = {site: other for site, other in overrides.items() if site != pattern_site(layer)}
    return {**others, z_site(layer): UnitValues(put.units, outputs)}


@dataclass(frozen=True)
class UnitValues:
    """An override that gives some units of a site these values, `n unit *position`.

    An axis of length 1, but that of the units, stands for all prompts or positions.
    """

    units: Sequence[int]
    values: Tensor

    def __call__(self, activation: Tensor) -> Tensor:
        """The activation with these values."""
        spliced = activation.clone()
        spliced[:, list(self.units)] = self.values.to(activation.dtype)
        return spliced

    def at(self, asked: Asked) -> "UnitValues":
        """The override at the asked places alone."""
        if self.values.shape[2] == 1:
            return self
        every = self.values.expand(len(asked.places), *self.values.shape[1:])
        return UnitValues(self.units, asked.unit_rows(every))


def with_patterns(patterns: Patterns) -> dict[str, Override]:
    """Overrides that give heads these patterns."""
    return {pattern_site(layer): UnitValues(*of_layer) for layer, of_layer in patterns.items()}


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
