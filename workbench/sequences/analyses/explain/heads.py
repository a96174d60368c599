"""Scores of heads before the softmax, by place: trained, and those of the rule.

A softmax does not see a constant over keys, so every score is centred over the keys that its query
may see.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.hosts.transformer_parts import rotated
from workbench.sequences.analyses.explain.compare import Array, Compared, compared
from workbench.sequences.compile import WrittenHeads
from workbench.sequences.head_controls import controls
from workbench.sequences.head_parts import seen_keys, trained_patterns
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.rule import scores

QUERY_AND_KEY = ("query place", "key place")
BY_OFFSET = ("", "offset, query place - key place")
SPOKEN = 0.1  # of the rule's largest score: queries with less have a closed gate
# those that change more than a factor of a table of places
PLACE_CONTROLS = ("control.shifted", "control.gates_turned")


def vector_sites(layer: int) -> tuple[str, str]:
    """The queries and the keys of a layer."""
    return f"blocks.{layer}.attn.hook_q", f"blocks.{layer}.attn.hook_k"


def of_places(family: WrittenHeads) -> bool:
    """Whether a term of the family's score depends on places."""
    return any(
        term.place != "any" or term.queries_before is not None or term.keys_before is not None
        for term in family.terms
    )


def place_tables(
    host: Host, heads: Mapping[str, WrittenHeads], run: NaturalRun, seed: int, vocabulary: int
) -> Iterator[Compared]:
    """Two tables for each head whose score depends on places: by offset, and by both places."""
    seen = seen_keys(run, shape_of(host).causal)
    carried = {name: trained_patterns(family, run).mean(1) for name, family in heads.items()}

    def ruled(family: WrittenHeads) -> Float[Tensor, "head q k"]:
        return _centred(scores(family.terms, run.tokens, carried), seen)

    for name, family in heads.items():
        if not of_places(family):
            continue
        trained = torch.cat([_trained(host, run, at, chosen, seen) for at, chosen in _of(family)])
        wrong = {
            control: ruled(changed[name])
            for control, (_, changed) in controls(heads, (name,), seed, vocabulary).items()
            if control in PLACE_CONTROLS
        }
        rule, units = (
            ruled(family),
            [f"{at}.{head}" for at, chosen in _of(family) for head in chosen],
        )
        for i, unit in enumerate(units):
            tables = {control: table[i].numpy() for control, table in wrong.items()}
            yield from _tables(name, unit, trained[i].numpy(), rule[i].numpy(), tables, seen)


def _of(family: WrittenHeads) -> list[tuple[int, tuple[int, ...]]]:
    return list(family.layers.items())


def _tables(
    family: str, unit: str, trained: Array, rule: Array, wrong: Mapping[str, Array], seen: Tensor
) -> Iterator[Compared]:
    shown = seen.numpy().astype(float)
    first = 0 if np.triu(shown, 1).sum() == 0 else 1 - len(shown)
    ruled = shown * ruled_queries(rule)[:, None]
    counts = by_offset(shown, ruled, first)[1]
    profiles = {name: by_offset(table, ruled, first)[0] for name, table in wrong.items()}
    yield compared(
        (family, unit, "score by offset"),
        BY_OFFSET,
        by_offset(trained, ruled, first)[0],
        by_offset(rule, ruled, first)[0],
        profiles,
        counts,
        first_column=first,
    )
    yield compared((family, unit, "score by places"), QUERY_AND_KEY, trained, rule, wrong, shown)


def ruled_queries(rule: Array) -> np.ndarray:
    """The queries for which the rule's score varies: a gate leaves nothing to compare beyond it."""
    largest = np.abs(rule).max(1)
    return largest > SPOKEN * largest.max()


def by_offset(table: Array, seen: Array, first: int) -> tuple[Array, Array]:
    """The mean of a table at each offset from `first` on, and its count of pairs, as one row each.

    seen  1 for the pairs of places that count, else 0

    The means are centred over pairs.
    """
    offsets = range(first, len(table))
    count = np.array([np.diagonal(seen, -offset).sum() for offset in offsets])
    total = np.array([np.diagonal(table * seen, -offset).sum() for offset in offsets])
    mean = np.where(count > 0, total / np.maximum(count, 1), 0)
    mean = np.where(count > 0, mean - np.average(mean, weights=count), 0)
    return mean[None], count[None].astype(float)


def _trained(
    host: Host, run: NaturalRun, layer: int, chosen: tuple[int, ...], seen: Tensor
) -> Float[Tensor, "head q k"]:
    """The trained scores of heads of a layer, centred over keys, as means over prompts."""
    shape = shape_of(host)
    q, k = (run.seen[site] for site in vector_sites(layer))
    if shape.positions == "rotary":
        q, k = (rotated(x.movedim(1, 2), shape.rotary_base).movedim(2, 1) for x in (q, k))
    k = k.repeat_interleave(shape.heads // shape.kv_heads, dim=1)
    score = torch.einsum("nhqe,nhke->nhqk", q[:, list(chosen)], k[:, list(chosen)])
    return _centred(score / shape.d_head**0.5, seen)


def _centred(score: Float[Tensor, "n head q k"], seen: Tensor) -> Float[Tensor, "head q k"]:
    """The mean score over prompts, less its mean over the keys that a query sees; else 0."""
    mean = score.double().mean(0) * seen
    return (mean - mean.sum(-1, keepdim=True) / seen.sum(-1, keepdim=True)) * seen
