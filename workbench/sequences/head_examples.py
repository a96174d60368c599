"""Attention patterns for pictures: those of few heads, trained and handwritten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.sequences.compile import WrittenHeads
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import Patterns
from workbench.sequences.sites import pattern_site

SHOWN = 6  # heads: the best, the middle and the worst by overlap
REACH = 12  # offsets to each side of the query


@dataclass(frozen=True)
class OffsetMeans:
    """Mean attention of one head by offset (query place - key place), over prompts and queries."""

    offsets: Sequence[int]
    trained: Float[np.ndarray, " offset"]
    handwritten: Float[np.ndarray, " offset"]


@dataclass(frozen=True)
class HeadExample:
    """One head.

    overlap  the attention that both patterns share, mean over prompts and queries
    trained, handwritten  the patterns for one prompt
    by_offset  None for a head whose theory does not depend on offsets
    """

    name: str
    overlap: float
    trained: Float[np.ndarray, "q k"]
    handwritten: Float[np.ndarray, "q k"]
    by_offset: OffsetMeans | None


def head_examples(
    heads: Mapping[str, WrittenHeads], patterns: Patterns, run: NaturalRun, causal: bool, at: int
) -> list[HeadExample]:
    """The heads with the best, the middle and the worst overlap, the best first; all if few.

    `at` is the prompt whose patterns are kept.
    """
    local = {
        f"{layer}.{head}"
        for family in heads.values()
        if any(term.place in ("offset", "distance") for term in family.terms)
        for layer, members in family.layers.items()
        for head in members
    }
    made = []
    for layer, (members, values) in patterns.items():
        for i, head in enumerate(members):
            name = f"{layer}.{head}"
            pair = run.seen[pattern_site(layer)][:, head], values[:, i]
            overlap = float(torch.minimum(*pair).sum(-1).mean())
            trained, handwritten = (pattern[at].numpy() for pattern in pair)
            means = offset_means(*pair, causal) if name in local else None
            made.append(HeadExample(name, overlap, trained, handwritten, means))
    return ends_and_middle(sorted(made, key=lambda head: -head.overlap))


def ends_and_middle(heads: Sequence[HeadExample]) -> list[HeadExample]:
    """The first, the middle and the last of heads in order; all where they are few."""
    if len(heads) <= SHOWN:
        return list(heads)
    few, middle = SHOWN // 3, len(heads) // 2
    return [*heads[:few], *heads[middle - few // 2 :][:few], *heads[-few:]]


def offset_means(
    trained: Float[Tensor, "n q k"], handwritten: Float[Tensor, "n q k"], causal: bool
) -> OffsetMeans:
    """The mean attention by offset, over the queries that have a key there."""
    reach = min(REACH, trained.shape[1] - 1)
    offsets = range(0 if causal else -reach, reach + 1)

    def means(pattern: Tensor) -> np.ndarray:
        over = pattern.mean(0)
        return np.array([float(over.diagonal(-offset).mean()) for offset in offsets])

    return OffsetMeans(tuple(offsets), means(trained), means(handwritten))
