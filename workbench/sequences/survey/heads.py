"""Survey of attention heads: which relation each attends by, on random tokens with repeats.

A relation of places must outlast shuffled tokens; a relation of tokens must be lost by them. Where
a head does it only before some place, the gate is found and the figures are of the places inside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.transformer_host import at_length, shape_of
from workbench.progress import Counter, no_counter
from workbench.sequences.natural_run import refuse_infinite
from workbench.sequences.prompts import Prompt, repeated_strings
from workbench.sequences.survey.gates import Gate, gate_of
from workbench.sequences.survey.relations import RELATIONS, Relation

PROMPTS, BATCH, LONGEST, SHORTEST = 96, 16, 96, 12
OCCURRENCES = 3
LEAST = 0.3  # of the attention that a uniform pattern gives to other keys
KEPT = 0.5  # share that shuffled tokens leave to a relation of places, and at most to one of tokens
PROFILE = 8  # offsets of the profile, before and after


@dataclass(frozen=True)
class Attention:
    """A head's attention by one relation, as means over queries that have a related key.

    shuffled  the same pairs of places, where the tokens were shuffled
    chance    the attention of a uniform pattern
    queries, keys  the gates that were found; figures are of the places inside
    """

    share: float
    shuffled: float
    chance: float
    queries: Gate | None = None
    keys: Gate | None = None

    def holds(self, relation: Relation) -> bool:
        """Whether the head attends by this relation."""
        left = self.shuffled / self.share if self.share else 1.0
        kept = left <= KEPT if relation.tokens else left >= KEPT
        return kept and self.share - self.chance >= LEAST * (1 - self.chance) > 0


@dataclass(frozen=True)
class HeadRow:
    """The figures of one head.

    profile  mean attention by offset, query place - key place, from -PROFILE to PROFILE
    kinds    the relations that it attends by, the more special first
    """

    layer: int
    head: int
    attention: Mapping[str, Attention]
    profile: Mapping[int, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Layer and head, as in 0.2."""
        return f"{self.layer}.{self.head}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of the relations that it attends by."""
        return tuple(
            relation.name for relation in RELATIONS if self.attention[relation.name].holds(relation)
        )


@dataclass(frozen=True)
class _Sums:
    """Sums over prompts of the attention by one relation, by the place of queries and of keys.

    uniform  of a uniform pattern, in place of the heads'
    count    how many queries have a related key, and how many pairs each key has
    """

    queries: Float[Tensor, "head place"]
    keys: Float[Tensor, "head place"]
    uniform_queries: Float[Tensor, " place"]
    uniform_keys: Float[Tensor, " place"]
    count_queries: Float[Tensor, " place"]
    count_keys: Float[Tensor, " place"]

    def plus(self, other: "_Sums") -> "_Sums":
        """The sums of both."""
        return _Sums(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(self))
        )

    def by(self, places: str, unit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A head's sums by "queries" or "keys", those of a uniform pattern, and the counts."""
        rows = (
            getattr(self, places)[unit],
            *(getattr(self, f"{kind}_{places}") for kind in ("uniform", "count")),
        )
        attention, uniform, count = (row.numpy().astype(float) for row in rows)
        return attention, uniform, count


def stimuli(host: Host, seed: int = 0) -> list[Prompt]:
    """Random tokens of the host's vocabulary in which a string occurs three times.

    Raises WorkbenchError for a host whose prompts are too short.
    """
    length = min(host.input.example().shape[1], LONGEST)
    if length < SHORTEST:
        raise WorkbenchError(
            f"host {host.name}",
            f"not this mechanism: prompts of {length} tokens",
            f"{SHORTEST} or more, to tell heads apart by places",
            "Survey its neurons: --family sum.",
        )
    vocabulary = shape_of(host).vocabulary
    sizes = (vocabulary, string_length(length), OCCURRENCES, length)
    return repeated_strings(*sizes, PROMPTS, seed)


def string_length(length: int) -> int:
    """Tokens of the string that occurs again in prompts of that length."""
    return max(3, min(16, length // 5))


@torch.inference_mode()
def survey_heads(host: Host, seed: int = 0, progress: Counter = no_counter) -> list[HeadRow]:
    """The figures of every head, layer by layer. Raises WorkbenchError as `stimuli`."""
    prompts = stimuli(host, seed)
    host = at_length(host, len(prompts[0].tokens))
    shape = shape_of(host)
    tokens = host.input.batch(prompts)
    seen = torch.ones(tokens.shape[1], tokens.shape[1])
    seen = seen.tril() if shape.causal else seen
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(tokens.shape, generator=generator).argsort(1)
    sums: dict[tuple[str, bool], _Sums] = {}
    profile = torch.zeros(shape.layers * shape.heads, 2 * PROFILE + 1)
    for start in range(0, len(tokens), BATCH):
        batch = tokens[start : start + BATCH]
        shuffled = batch.gather(1, order[start : start + BATCH])
        for given, is_shuffled in ((batch, False), (shuffled, True)):
            pattern = _patterns(host, given)
            _add(sums, pattern, batch, seen, is_shuffled)
            if not is_shuffled:
                profile += len(batch) / len(tokens) * _profile(pattern)
        progress("survey heads", min(start + BATCH, len(tokens)), len(tokens))
    return [
        HeadRow(
            unit // shape.heads, unit % shape.heads, _attention(sums, unit), _named(profile[unit])
        )
        for unit in range(shape.layers * shape.heads)
    ]


def _patterns(host: Host, tokens: Tensor) -> Float[Tensor, "n head query key"]:
    """The patterns of all layers' heads, one after another."""
    sites = [name for name in host.sites if name.endswith("attn.hook_pattern")]
    seen = host.activations(tokens.to(host.device), *sites)
    patterns = torch.cat([seen[name].cpu() for name in sites], 1)
    refuse_infinite(host, patterns)
    return patterns


def _add(
    sums: dict[tuple[str, bool], _Sums],
    pattern: Float[Tensor, "n head query key"],
    tokens: Tensor,
    seen: Float[Tensor, "query key"],
    shuffled: bool,
) -> None:
    """Add a batch to the sums of each relation; pairs are those of the tokens that are given."""
    uniform = seen / seen.sum(1, keepdim=True)
    for relation in RELATIONS:
        pairs = relation.pairs(tokens).float() * seen
        batch = _Sums(
            torch.einsum("nhqk,nqk->hq", pattern, pairs),
            torch.einsum("nhqk,nqk->hk", pattern, pairs),
            torch.einsum("qk,nqk->q", uniform, pairs),
            torch.einsum("qk,nqk->k", uniform, pairs),
            (pairs.sum(2) > 0).float().sum(0),
            pairs.sum((0, 1)),
        )
        key = (relation.name, shuffled)
        sums[key] = sums[key].plus(batch) if key in sums else batch


def _attention(sums: Mapping[tuple[str, bool], _Sums], unit: int) -> dict[str, Attention]:
    """The attention of one head by each relation, inside the gates that it has."""
    return {
        relation.name: _inside(sums[relation.name, False], sums[relation.name, True], unit)
        for relation in RELATIONS
    }


def _inside(natural: _Sums, shuffled: _Sums, unit: int) -> Attention:
    """A head's attention by a relation, inside the gate that explains it best, if there is one."""
    gates = {places: _gate(natural, places, unit) for places in ("queries", "keys")}
    places, gate = max(gates.items(), key=lambda row: row[1].explained if row[1] else 0.0)
    part = slice(None if gate is None else gate.before)
    attention, uniform, count = natural.by(places, unit)
    total = max(count[part].sum(), 1.0)
    sums = (attention, shuffled.by(places, unit)[0], uniform)
    share, without_tokens, chance = (float(row[part].sum() / total) for row in sums)
    return Attention(share, without_tokens, chance, **({places: gate} if gate else {}))


def _gate(natural: _Sums, places: str, unit: int) -> Gate | None:
    """The gate on queries or keys, of the attention beyond that of a uniform pattern."""
    attention, uniform, count = natural.by(places, unit)
    return gate_of((attention - uniform) / np.maximum(count, 1), count)


def _profile(pattern: Float[Tensor, "n head query key"]) -> Float[Tensor, "head offset"]:
    """Mean attention at each offset, over the queries that have a key there."""
    offsets = range(-PROFILE, PROFILE + 1)
    return torch.stack([pattern.diagonal(-d, 2, 3).mean((0, 2)) for d in offsets], 1)


def _named(profile: Float[Tensor, " offset"]) -> dict[int, float]:
    return dict(zip(range(-PROFILE, PROFILE + 1), profile.tolist(), strict=True))


def of_kind(rows: Sequence[HeadRow], kind: str) -> list[HeadRow]:
    """The heads that attend by a relation, the strongest first."""
    chosen = [row for row in rows if kind in row.kinds]
    return sorted(chosen, key=lambda row: -row.attention[kind].share)
