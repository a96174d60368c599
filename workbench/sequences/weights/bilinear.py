"""The bilinear form of low rank that is nearest to a table of scores, or to its pattern.

A head scores a query's stream x and a key's stream y by x L R^T y, of at most d_head ranks. A
score counts up to a constant of its query, which the softmax takes away: scores are centred over
the keys that a query sees. Half of a key's weight is its share of the rule's pattern, in which a
difference of scores changes attention most.

Source: reduced-rank regression (Izenman 1975, doi 10.1016/0047-259X(75)90042-1).
"""

from dataclasses import dataclass, replace
from functools import cache, cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from workbench.sequences.descent import Descent
from workbench.sequences.rule import HIDDEN, pattern, uniform

RANK_TOLERANCE = 1e-3  # singular values below this share of the largest are left out
EIGENVALUES = 1e-6  # directions of the stream with less than this share of the most variance
GAINS = torch.logspace(-1, 2, 25).tolist()
STEPS, BATCH = 300, 24
RATE = 0.015  # of the deviation of a factor's numbers, each step
DECAY = 0.2  # e-foldings over a descent of a number that nothing holds, for each number a query


@dataclass(frozen=True)
class Scored:
    """A table of scores that a bilinear form should give, and what the form reads.

    score    the rule's
    stream   what queries and keys read
    seen     which keys a query may see
    counted  the queries that count
    """

    score: Float[Tensor, "n q k"]
    stream: Float[Tensor, "n place d"]
    seen: Bool[Tensor, "q k"]
    counted: Bool[Tensor, "n q"]

    @cached_property
    def shares(self) -> Float[Tensor, "n q k"]:
        """How much each key counts; 0 at queries that do not count."""
        return key_shares(self.score, self.seen) * self.counted[..., None]


@dataclass(frozen=True)
class Bilinear:
    """A bilinear form of low rank."""

    left: Float[Tensor, "d rank"]
    right: Float[Tensor, "d rank"]

    @property
    def rank(self) -> int:
        """Its rank."""
        return self.left.shape[1]

    def scores(self, stream: Float[Tensor, "n place d"]) -> Float[Tensor, "n q k"]:
        """The score of every key for every query."""
        return (stream @ self.left) @ (stream @ self.right).mT

    def times(self, gain: float) -> "Bilinear":
        """The form times a gain."""
        return replace(self, left=self.left * gain)


def nearest(wanted: Scored, rank: int) -> Bilinear:
    """The form of at most that rank whose centred scores are nearest to the wanted ones.

    The closed form takes what a query reads and what its keys read as independent.
    """
    stream, shares = wanted.stream.double(), wanted.shares.double()
    score = centred(wanted.score.double(), shares)
    of_queries, of_keys = (inverse_roots(covariance) for covariance in _covariances(stream, shares))
    products = torch.einsum("nqi,nqj->ij", stream, (score * shares) @ stream)
    u, s, v = torch.linalg.svd(of_queries @ products @ of_keys)
    kept = min(rank, int((s > RANK_TOLERANCE * s[0]).sum()))
    half = s[:kept].sqrt()
    made = Bilinear(of_queries @ u[:, :kept] * half, of_keys @ v[:kept].T * half)
    given = centred(made.scores(stream), shares)
    made = made.times(float((shares * given * score).sum() / (shares * given * given).sum()))
    return Bilinear(made.left.float(), made.right.float())


def _covariances(stream: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """The second moments of what queries read, and of what their keys read, centred by query."""
    of_queries = torch.einsum("nqi,nq,nqj->ij", stream, shares.sum(-1), stream)
    per_key = torch.einsum("nki,nk,nkj->ij", stream, shares.sum(1), stream)
    mean = shares @ stream
    return of_queries, per_key - torch.einsum("nqi,nqj->ij", mean, mean)


def inverse_roots(moments: Float[Tensor, "d d"]) -> Float[Tensor, "d d"]:
    """The inverse root of second moments, over the directions that vary."""
    values, vectors = torch.linalg.eigh(moments)
    large = values > EIGENVALUES * values[-1]
    return (vectors[:, large] / values[large].sqrt()) @ vectors[:, large].T


def key_shares(
    score: Float[Tensor, "... q k"], seen: Bool[Tensor, "q k"]
) -> Float[Tensor, "... q k"]:
    """How much each key counts for its query: half by the rule's pattern, half evenly."""
    attention = score.masked_fill(~seen, HIDDEN).softmax(-1)
    return (attention + uniform(seen)) / 2


def centred(
    score: Float[Tensor, "... q k"], shares: Float[Tensor, "... q k"]
) -> Float[Tensor, "... q k"]:
    """Scores less the mean over their query's keys."""
    return score - (score * shares).sum(-1, keepdim=True)


def kept_share(
    wanted: Float[Tensor, "... q k"],
    made: Float[Tensor, "... q k"],
    shares: Float[Tensor, "... q k"],
) -> float:
    """The share of the variance of wanted scores that others keep, at their best gain.

    Scores that do not vary are kept whole.
    """
    score, given = centred(wanted, shares), centred(made, shares)
    variance, power = (shares * score * score).sum(), (shares * given * given).sum()
    if not variance or not power:
        return float(not variance)
    return float((shares * given * score).sum() ** 2 / power / variance)


def towards_pattern(wanted: Scored, made: Bilinear, seed: int = 0) -> Bilinear:
    """The form, descended to the least cross entropy of its pattern to the wanted scores' pattern.

    A form of too low a rank cannot give every score, and the pattern is what counts. Numbers decay
    the more, the more of them there are for each query: few prompts leave directions of a stream
    free.
    """
    if not made.rank:  # the wanted scores do not vary
        return made
    aim = pattern(wanted.score[:, None], wanted.seen)[:, 0]
    gain = _best_gain(wanted, made, aim)
    factors = [made.left * gain**0.5, made.right * gain**0.5]
    fitted = sum(factor.numel() for factor in factors)
    decay = DECAY * fitted / float(wanted.counted.sum())
    rates = [RATE * float(factor.std()) for factor in factors]
    descents = [
        Descent(factor, rate, decay / (STEPS * rate), STEPS)
        for factor, rate in zip(factors, rates, strict=True)
    ]
    generator = torch.Generator().manual_seed(seed)
    queries = wanted.counted.any(0)  # the others would be computed for nothing
    aim, counted, hidden = aim[:, queries], wanted.counted[:, queries], _hidden(wanted)[queries]
    queried = wanted.stream[:, queries]
    for _ in range(STEPS):
        chosen = torch.randperm(len(aim), generator=generator)[:BATCH]
        made = Bilinear(*factors)
        gradients = _gradients(
            made, queried[chosen], wanted.stream[chosen], aim[chosen], counted[chosen], hidden
        )
        for descent, gradient in zip(descents, gradients, strict=True):
            descent.step(gradient)
    return Bilinear(*factors)


def _hidden(wanted: Scored) -> Float[Tensor, "q k"]:
    """A table to add to scores: it hides the keys that a query may not see."""
    return torch.zeros(wanted.seen.shape).masked_fill(~wanted.seen, HIDDEN)


def _best_gain(wanted: Scored, made: Bilinear, aim: Float[Tensor, "n q k"]) -> float:
    """The gain of GAINS whose pattern has the least cross entropy to the pattern `aim`.

    The cross entropy is convex in the gain, so halving finds it.
    """
    score = made.scores(wanted.stream) + _hidden(wanted)

    @cache
    def loss(place: int) -> float:
        shares = (GAINS[place] * score).log_softmax(-1)
        return -float(((aim * shares).sum(-1) * wanted.counted).sum())

    low, high = 0, len(GAINS) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if loss(middle) <= loss(middle + 1) else (middle + 1, high)
    return GAINS[low]


def _gradients(
    made: Bilinear,
    queries: Float[Tensor, "n q d"],
    keys: Float[Tensor, "n k d"],
    aim: Float[Tensor, "n q k"],
    counted: Bool[Tensor, "n q"],
    hidden: Float[Tensor, "q k"],
) -> tuple[Float[Tensor, "d rank"], Float[Tensor, "d rank"]]:
    """The gradients of the mean cross entropy to the pattern `aim` by the form's two factors.

    By a score it is the form's own pattern less `aim`.
    """
    left, right = queries @ made.left, keys @ made.right
    slope = (torch.matmul(left, right.mT) + hidden).softmax(-1).sub_(aim)
    slope *= (counted / counted.sum())[..., None]
    of_left, of_right = slope @ right, slope.mT @ left
    return (
        queries.flatten(0, 1).T @ of_left.flatten(0, 1),
        keys.flatten(0, 1).T @ of_right.flatten(0, 1),
    )
