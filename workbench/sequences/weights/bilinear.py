"""The bilinear form of low rank that is nearest to a table of scores, or to its pattern.

A head scores a query's stream x and a key's stream y by x L R^T y, of at most d_head ranks. A
score counts up to a constant of its query, which the softmax takes away: scores are centred over
the keys that a query sees.

Source: reduced-rank regression (Izenman 1975, doi 10.1016/0047-259X(75)90042-1).
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from workbench.sequences.rule import pattern, uniform

RANK_TOLERANCE = 1e-3  # singular values below this share of the largest are left out
EIGENVALUES = 1e-6  # directions of the stream with less than this share of the most variance
GAINS = torch.logspace(-1, 2, 25).tolist()
STEPS, BATCH = 300, 24
RATE = 0.015  # of the deviation of a factor's numbers, each step


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

    def centred(self, score: Float[Tensor, "n q k"]) -> Float[Tensor, "n q k"]:
        """Centred scores; 0 at queries that do not count."""
        return centred(score, self.seen) * self.counted[..., None]


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
    score, stream = wanted.centred(wanted.score.double()), wanted.stream.double()
    of_queries, of_keys = (_roots(each) for each in _covariances(wanted, stream))
    products = torch.einsum("nqi,nqj->ij", stream, score @ stream)
    u, s, v = torch.linalg.svd(of_queries @ products @ of_keys)
    kept = min(rank, int((s > RANK_TOLERANCE * s[0]).sum()))
    half = s[:kept].sqrt()
    made = Bilinear(of_queries @ u[:, :kept] * half, of_keys @ v[:kept].T * half)
    given = wanted.centred(made.scores(stream))
    made = made.times(float((given * score).sum() / (given * given).sum()))
    return Bilinear(made.left.float(), made.right.float())


def _covariances(wanted: Scored, stream: Tensor) -> tuple[Tensor, Tensor]:
    """The second moments of what queries read, and of what their keys read, centred by query."""
    counted, keys = wanted.counted.double(), wanted.seen.sum(1).double()
    of_queries = torch.einsum("nqi,nq,nqj->ij", stream, counted * keys, stream)
    mean = uniform(wanted.seen).double() @ stream
    each = torch.einsum("nki,nk,nkj->ij", stream, counted @ wanted.seen.double(), stream)
    means = torch.einsum("nqi,nq,nqj->ij", mean, counted * keys, mean)
    return of_queries, each - means


def _roots(moments: Float[Tensor, "d d"]) -> Float[Tensor, "d d"]:
    """The inverse root of second moments, over the directions that vary."""
    values, vectors = torch.linalg.eigh(moments)
    large = values > EIGENVALUES * values[-1]
    return (vectors[:, large] / values[large].sqrt()) @ vectors[:, large].T


def centred(score: Float[Tensor, "... q k"], seen: Bool[Tensor, "q k"]) -> Float[Tensor, "... q k"]:
    """Scores less their mean over the keys that their query sees; 0 elsewhere."""
    return (score - (score * uniform(seen)).sum(-1, keepdim=True)) * seen


def kept_share(wanted: Float[Tensor, "... q k"], made: Float[Tensor, "... q k"]) -> float:
    """The share of the variance of wanted centred scores that others keep, at their best gain."""
    explained = (made * wanted).sum() ** 2 / (made * made).sum()
    return float(explained / (wanted * wanted).sum())


@torch.enable_grad()
def towards_pattern(wanted: Scored, made: Bilinear, seed: int = 0) -> Bilinear:
    """The form, descended to the least cross entropy of its pattern to the wanted scores' pattern.

    A form of too low a rank cannot give every score, and the pattern is what counts.
    """
    aim = pattern(wanted.score[:, None], wanted.seen)[:, 0]
    best = min(GAINS, key=lambda gain: float(_cross_entropy(wanted, made.times(gain), aim)))
    factors = [
        each.clone().requires_grad_() for each in (made.left * best**0.5, made.right * best**0.5)
    ]
    groups = [{"params": [each], "lr": RATE * float(each.detach().std())} for each in factors]
    descent = torch.optim.Adam(groups)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(descent, STEPS)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        chosen = torch.randperm(len(aim), generator=generator)[:BATCH]
        part = Scored(
            wanted.score[chosen], wanted.stream[chosen], wanted.seen, wanted.counted[chosen]
        )
        descent.zero_grad()
        _cross_entropy(part, Bilinear(*factors), aim[chosen]).backward()
        descent.step()
        falling.step()
    return Bilinear(*(each.detach() for each in factors))


def _cross_entropy(wanted: Scored, made: Bilinear, aim: Tensor) -> Tensor:
    """The mean over the queries that count of the cross entropy to the pattern `aim`."""
    score = made.scores(wanted.stream).masked_fill(~wanted.seen, -torch.inf)
    shares = score.log_softmax(-1).masked_fill(~wanted.seen, 0.0)
    losses = -(aim * shares).sum(-1) * wanted.counted
    return losses.sum() / wanted.counted.sum()
