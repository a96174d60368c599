"""The rule for sequences: `gain * place * match`, for a head's score and for waves of numbers.

    score[q, k]   = sum over looks  gain * gate(q) * gate(k) * place(q - k) * match(q, k)
    drive[n]      = sum over places harmonics(angle of the number there - phase of the neuron)
    a wave of the number at the key is its match: cos(angle of the number - phase of the head)
    answer[c]     = sum over neurons gain * harmonics(angle of c - phases of the neuron)

Shifts of the sequence leave a place as it is, permutations of the vocabulary leave `match: same`,
and shifts of the numbers leave differences of angles: these are the groups. A gate on places
breaks the first, and is written as such. Everything here is a function of tensors, through which
gradients pass.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from workbench.theory.match import harmonics

GATE_WIDTH = 2.0  # places over which a gate falls from .73 to .27: gates can be tuned by gradient
HIDDEN = -1e9  # score of a key that a query may not see


def _offset(offset: Int[Tensor, "q k"], at: int) -> Tensor:
    return offset == at


def _distance(offset: Int[Tensor, "q k"], at: int) -> Tensor:
    return torch.log1p(offset.abs().float())


def _first(offset: Int[Tensor, "q k"], at: int) -> Tensor:
    first = torch.zeros_like(offset)
    first[:, 0] = 1
    return first


def _last(offset: Int[Tensor, "q k"], at: int) -> Tensor:
    last = torch.zeros_like(offset)
    last[:, -1] = 1
    return last


def _after(offset: Int[Tensor, "q k"], at: int) -> Tensor:
    return offset < 0


def _any(offset: Int[Tensor, "q k"], at: int) -> Tensor:
    return torch.ones_like(offset)


PLACES: Mapping[str, Callable[[Int[Tensor, "q k"], int], Tensor]] = {
    "any": _any,
    "offset": _offset,
    "distance": _distance,
    "first": _first,
    "last": _last,
    "after": _after,
}


@dataclass(frozen=True)
class Wave:
    """The cosine, or the sine, of the angle of a number on the circle of a frequency.

    A wave of any phase is a sum of the two. Tokens from `modulus` on are no numbers, and have 0.
    """

    frequency: int
    modulus: int
    sine: bool = False

    def over(self, tokens: Int[Tensor, "n place"]) -> Float[Tensor, "n place"]:
        """The wave at the number of each place."""
        angle = angle_deg(tokens, self.frequency, self.modulus).deg2rad()
        return (angle.sin() if self.sine else angle.cos()) * (tokens < self.modulus)


@dataclass(frozen=True)
class LookTerm:
    """A term of a score with its numbers.

    place, at       the place, and the offset of `offset`
    of              where the key's token is read: "input", or a family of heads; None for any token
    wave            the wave of the number at the key; None for any number
    gain            one for each head
    queries_before  a gate on queries; None for none
    keys_before     a gate on keys
    turned          a control: the gates let the other places through
    shift           a control: a key has the score of the key so many places before
    renamed         a control: a permutation of the vocabulary, which the query's token goes through
    """

    place: str
    at: int
    of: str | None
    gain: Float[Tensor, " head"]
    queries_before: Tensor | None = None
    keys_before: Tensor | None = None
    turned: bool = False
    shift: int = 0
    renamed: Int[Tensor, " token"] | None = None
    wave: Wave | None = None

    @property
    def reads_tokens(self) -> bool:
        """Whether it depends on tokens, and not on places alone."""
        return self.of is not None or self.wave is not None


def place_weight(term: LookTerm, length: int) -> Float[Tensor, "q k"]:
    """The part of a term that depends on places alone: its place and its gates."""
    at = torch.arange(length)
    weight = PLACES[term.place](at[:, None] - at[None, :], term.at).to(term.gain.dtype)
    if term.queries_before is not None:
        weight = weight * _gate(at, term.queries_before, term.turned)[:, None]
    if term.keys_before is not None:
        weight = weight * _gate(at, term.keys_before, term.turned)[None, :]
    return weight


def _gate(at: Int[Tensor, " place"], before: Tensor, turned: bool) -> Float[Tensor, " place"]:
    """1 at places before, 0 at places after, and a half in between."""
    through = torch.sigmoid((before - at) / GATE_WIDTH)
    return 1 - through if turned else through


def same_token(
    term: LookTerm, tokens: Int[Tensor, "n place"], carried: Float[Tensor, "n k place"] | None
) -> Float[Tensor, "n q k"]:
    """How much of the query's token each key has: 1 for the same token, else 0.

    With `carried`, the pattern of heads that wrote to the key, the share of it on the same token.
    """
    queried = tokens if term.renamed is None else term.renamed[tokens]
    same = (queried[:, :, None] == tokens[:, None, :]).to(term.gain.dtype)
    return same if carried is None else torch.einsum("nkp,nqp->nqk", carried, same)


def features(
    terms: Sequence[LookTerm],
    tokens: Int[Tensor, "n place"],
    carried: Mapping[str, Float[Tensor, "n k place"]],
) -> list[Float[Tensor, "n_or_1 q k"]]:
    """Each term of a score without its gain; 1 in place of n where tokens do not matter."""
    made = []
    for term in terms:
        weight = place_weight(term, tokens.shape[1])[None]
        if term.of is not None:
            weight = weight * same_token(term, tokens, carried.get(term.of))
        if term.wave is not None:
            weight = weight * term.wave.over(tokens).to(weight.dtype)[:, None]
        made.append(_moved(weight, term.shift))
    return made


def _moved(weight: Float[Tensor, "n q k"], places: int) -> Float[Tensor, "n q k"]:
    """The value of each key, at the key so many places further; 0 at the first keys."""
    if not places:
        return weight
    moved = torch.zeros_like(weight)
    moved[..., places:] = weight[..., :-places]
    return moved


def scores(
    terms: Sequence[LookTerm],
    tokens: Int[Tensor, "n place"],
    carried: Mapping[str, Float[Tensor, "n k place"]],
) -> Float[Tensor, "n head q k"]:
    """The scores of all heads of a family, before mask and softmax."""
    total = torch.zeros(())
    for term, feature in zip(terms, features(terms, tokens, carried), strict=True):
        total = total + term.gain[None, :, None, None] * feature[:, None]
    return total.expand(len(tokens), *total.shape[1:])


def pattern(
    score: Float[Tensor, "n head q k"], seen: Bool[Tensor, "q k"]
) -> Float[Tensor, "n head q k"]:
    """The softmax over the keys that a query may see."""
    return score.masked_fill(~seen, HIDDEN).softmax(-1)


def uniform(seen: Bool[Tensor, "q k"]) -> Float[Tensor, "q k"]:
    """Attention that is the same for every key that a query may see."""
    return seen.float() / seen.sum(-1, keepdim=True)


def copied(
    tokens: Int[Tensor, "n place"], attention: Float[Tensor, "n q k"], vocabulary: int
) -> Float[Tensor, "n q token"]:
    """The attention that each token gets from each query, over all places where it stands."""
    to = tokens[:, None, :].expand(-1, attention.shape[1], -1)
    return attention.new_zeros(*attention.shape[:2], vocabulary).scatter_add(2, to, attention)


def angle_deg(numbers: Tensor, frequency: int, modulus: int) -> Tensor:
    """The angles of numbers on the circle of a frequency."""
    return numbers.double() * (360.0 * frequency / modulus)


def neuron_waves(
    numbers: Int[Tensor, "n place"],
    phases_deg: Float[Tensor, "place neuron"],
    frequency: int,
    modulus: int,
    coefficients: Sequence[float],
    shares: Float[Tensor, "n place"] | None = None,
) -> Float[Tensor, "n neuron"]:
    """The drive of neurons that read numbers at some places: the sum of their waves.

    shares  how much each place counts; 1 by default
    """
    angles = angle_deg(numbers, frequency, modulus)
    waves = harmonics(angles[:, :, None] - phases_deg[None], 360.0, coefficients)
    return (waves if shares is None else waves * shares[..., None].to(waves.dtype)).sum(1)


def placed_waves(
    numbers: Int[Tensor, "n place"],
    phases_deg: Float[Tensor, "place neuron"],
    frequency: int,
    circles: Mapping[int, Float[Tensor, "number 2"]],
    coefficients: Sequence[float],
    shares: Float[Tensor, "n place"] | None = None,
) -> Float[Tensor, "n neuron"]:
    """The drives of `neuron_waves`, for numbers at any coordinates on their circles.

    circles  by frequency, harmonics included: each number's two coordinates on that circle
    """
    total = torch.zeros(*numbers.shape, phases_deg.shape[1], dtype=phases_deg.dtype)
    for harmonic, coefficient in enumerate(coefficients):
        if not coefficient:
            continue
        phase = (harmonic * phases_deg).deg2rad()
        if harmonic == 0:
            total = total + coefficient
            continue
        cosine, sine = circles[harmonic * frequency][numbers].to(total.dtype).unbind(-1)
        wave = cosine[..., None] * phase.cos() + sine[..., None] * phase.sin()
        total = total + coefficient * wave
    return (total if shares is None else total * shares[..., None].to(total.dtype)).sum(1)


def answer_waves(
    phases_deg: Float[Tensor, " neuron"],
    frequency: int,
    modulus: int,
    coefficients: Sequence[float],
) -> Float[Tensor, "neuron answer"]:
    """The weights from neurons to answers: one wave over the answers for each neuron."""
    angles = angle_deg(torch.arange(modulus), frequency, modulus)
    return harmonics(angles[None] - phases_deg[:, None], 360.0, coefficients)
