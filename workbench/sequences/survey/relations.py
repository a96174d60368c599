"""Relations between a query and a key that distinguish heads.

Sources: Elhage et al. 2021, A Mathematical Framework for Transformer Circuits (previous token);
Olsson et al. 2022, arXiv 2209.11895 (induction); Wang et al. 2022, arXiv 2211.00593 (duplicate
token).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

NEAR = 4  # places before and after a query that are local
SETTLED = 4  # the first queries see so few keys that any attention to the first is large

Tokens = Int[Tensor, "n place"]
Pairs = Bool[Tensor, "n query key"]


@dataclass(frozen=True)
class Relation:
    """A relation between the places, or the tokens, of a query and a key.

    words    what the head attends to, in words
    pairs    which pairs of a prompt's places have the relation
    tokens   whether it is one of tokens: shuffled tokens must then take the attention away
    """

    name: str
    words: str
    pairs: Callable[[Tokens], Pairs]
    tokens: bool = False


def _offsets(tokens: Tokens) -> Int[Tensor, "1 query key"]:
    places = torch.arange(tokens.shape[1])
    return (places[:, None] - places[None, :])[None]


def _everywhere(pairs: Bool[Tensor, "1 query key"], tokens: Tokens) -> Pairs:
    return pairs.expand(len(tokens), -1, -1)


def previous(tokens: Tokens) -> Pairs:
    """The key is the place before the query."""
    return _everywhere(_offsets(tokens) == 1, tokens)


def following(tokens: Tokens) -> Pairs:
    """The key is the place after the query."""
    return _everywhere(_offsets(tokens) == -1, tokens)


def same(tokens: Tokens) -> Pairs:
    """The key has the query's token, at another place."""
    return (tokens[:, :, None] == tokens[:, None, :]) & (_offsets(tokens) != 0)


def induction(tokens: Tokens) -> Pairs:
    """The key follows an earlier place that has the query's token."""
    pairs = torch.zeros(len(tokens), tokens.shape[1], tokens.shape[1], dtype=torch.bool)
    pairs[:, :, 1:] = same(tokens)[:, :, :-1]
    return pairs & (_offsets(tokens) > 0)


def first(tokens: Tokens) -> Pairs:
    """The key is the first place."""
    pairs = torch.zeros(tokens.shape[1], tokens.shape[1], dtype=torch.bool)
    pairs[SETTLED:, 0] = True
    return _everywhere(pairs[None], tokens)


def local(tokens: Tokens) -> Pairs:
    """The key is near the query, and not the first place, which is a relation of its own."""
    pairs = _offsets(tokens).abs() <= NEAR
    pairs[:, :, 0] = False
    return _everywhere(pairs, tokens)


RELATIONS = (
    Relation("previous", "the previous token", previous),
    Relation("next", "the next token", following),
    Relation("same", "the same token at another place", same, tokens=True),
    Relation("induction", "what followed the same token before", induction, tokens=True),
    Relation("first", "the first place", first),
    Relation("local", f"places at most {NEAR} away", local),
)
