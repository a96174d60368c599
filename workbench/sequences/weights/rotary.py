"""The query-key weights of heads under rotary positions: constant queries and keys.

Rotary positions turn plane i of a query and of a key by their places times w_i. A head whose query
and key are constant vectors then scores the sum over planes of a_i cos(w_i offset + p_i): two
numbers a plane make a profile of offsets. The constants are a direction of the stream that reads 1.
The numbers fit the rule's pattern, or the trained one where the rule's gains are calibrated to it.

Source of rotary positions: RoFormer, arXiv 2104.09864.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.hosts.transformer_shape import TransformerShape
from workbench.sequences.compile import WrittenHeads
from workbench.sequences.fit import choosing
from workbench.sequences.head_parts import seen_keys, trained_patterns
from workbench.sequences.rule import HIDDEN, pattern, scores
from workbench.sequences.weights.bilinear import kept_share, key_shares
from workbench.sequences.weights.heads import (
    HeadRequest,
    HeadWeights,
    constant_direction,
    stream_of_heads,
)
from workbench.sequences.weights.network import Weights, attention

RIDGE = 1e-4  # on the squared numbers
ITERATIONS = 50
PROMPTS = 16  # the first calibration prompts: a head has few numbers


@dataclass(frozen=True)
class Profiles:
    """The heads of one layer, and the numbers of their profiles.

    numbers    of each plane the weight of its cosine; then those of the sines
    direction  the direction of the stream that reads 1
    """

    heads: tuple[int, ...]
    numbers: Float[Tensor, "head number"]
    direction: Float[Tensor, " d"]

    def weights(self, shape: TransformerShape, layer: int) -> Weights:
        """W_Q and W_K: the numbers as the amplitude and the phase of each plane."""
        made: dict[tuple[str, int | None], Tensor] = {}
        key = torch.tensor([1.0, 0.0]).repeat(shape.d_head // 2)
        for head, numbers in zip(self.heads, self.numbers, strict=True):
            cosine, sine = numbers.chunk(2)
            query = torch.stack([cosine, -sine], -1).flatten() * shape.d_head**0.5
            shared = head * shape.kv_heads // shape.heads
            made[attention(layer, "W_Q"), head] = self.direction[:, None] * query
            made[attention(layer, "W_K"), shared] = self.direction[:, None] * key
        return made


def refused(host: Host, heads: WrittenHeads) -> str | None:
    """Why a family of heads has no such weights; None where it has."""
    shape = shape_of(host)
    if any(term.reads_tokens for term in heads.terms):
        return "queries and keys that are constant match no tokens"
    if "attention" in shape.biases:
        return "its queries and keys have biases"
    shared = shape.heads // shape.kv_heads
    for layer, members in heads.layers.items():
        for head in members:
            group = range(head - head % shared, head - head % shared + shared)
            if missing := [other for other in group if other not in members]:
                return f"head {layer}.{head} shares its keys with {layer}.{missing[0]}"
    return None


def compiled(request: HeadRequest) -> HeadWeights:
    """The query-key weights of a family: two numbers a plane for each head, and one direction."""
    made, kept = {}, []
    for layer in request.heads.layers:
        made[layer], share = _of_layer(request, layer)
        kept.append(share)
    return _weights(request, made, sum(kept) / len(kept))


def controls(request: HeadRequest, made: HeadWeights) -> dict[str, tuple[str, HeadWeights]]:
    """Wrong weights with the same numbers, by name."""
    shape = shape_of(request.host)

    def shifted(profiles: Profiles) -> Profiles:
        return replace(profiles, numbers=turned(shape, profiles.numbers, 1))

    def other(profiles: Profiles) -> Profiles:
        return replace(profiles, numbers=profiles.numbers.roll(1, 0))

    changes = {
        "control.shifted": ("every key with the score of the key before it", shifted),
        "control.other_head": ("each head with the numbers of another head", other),
    }
    wrong = {}
    for name, (label, change) in changes.items():
        changed = {layer: change(profiles) for layer, profiles in made.fitted.items()}
        wrong[name] = (label, _weights(request, changed, made.kept))
    return wrong


def turned(
    shape: TransformerShape, numbers: Float[Tensor, "head number"], places: int
) -> Float[Tensor, "head number"]:
    """The numbers of profiles that have at each offset what these have so many places further."""
    cosine, sine = numbers.chunk(2, 1)
    angle = rates(shape) * places
    return torch.cat(
        [cosine * angle.cos() + sine * angle.sin(), sine * angle.cos() - cosine * angle.sin()], 1
    )


def rates(shape: TransformerShape) -> Float[Tensor, " plane"]:
    """The turn of each plane from one place to the next, in radians."""
    return shape.rotary_base ** (-torch.arange(0, shape.d_head, 2).float() / shape.d_head)


def _of_layer(request: HeadRequest, layer: int) -> tuple[Profiles, float]:
    """The profiles of a layer's heads, and the mean share of the rule's scores that they keep."""
    shape, heads = shape_of(request.host), request.heads.of_layer(layer)
    run = replace(request.run, tokens=request.run.tokens[:PROMPTS])
    seen = seen_keys(run, shape.causal)
    stream = stream_of_heads(request.host, layer, request.run)
    direction = constant_direction(stream)
    read = stream[:PROMPTS] @ direction
    rule = scores(heads.terms, run.tokens[:1], {})
    if heads.calibrated and not heads.fitted_to_answers:
        aim = trained_patterns(heads, request.run)[:PROMPTS]
    else:
        aim = pattern(rule, seen).expand(len(read), -1, -1, -1)
    waves = _waves(shape, read.shape[1])
    numbers = _fitted(waves, read[:, :, None] * read[:, None], aim, seen)
    given = torch.einsum("hw,qkw->hqk", numbers, waves)
    shares = key_shares(rule[0], seen)
    kept = [kept_share(*tables) for tables in zip(rule[0], given, shares, strict=True)]
    return Profiles(heads.layers[layer], numbers, direction), sum(kept) / len(kept)


def _waves(shape: TransformerShape, length: int) -> Float[Tensor, "q k number"]:
    """Cosines of the offset, then sines."""
    at = torch.arange(length)
    angles = (at[:, None] - at[None])[..., None] * rates(shape)
    return torch.cat([angles.cos(), angles.sin()], -1)


@torch.enable_grad()
def _fitted(
    waves: Float[Tensor, "q k number"],
    size: Float[Tensor, "n q k"],
    aim: Float[Tensor, "n head q k"],
    seen: Bool[Tensor, "q k"],
) -> Float[Tensor, "head number"]:
    """The numbers of least cross entropy of the pattern to the one aimed at.

    size  what the constant direction really reads: at the query times at the key
    """
    queries, hidden = choosing(seen), ~seen
    numbers = torch.zeros(aim.shape[1], waves.shape[2], requires_grad=True)
    descent = torch.optim.LBFGS([numbers], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        descent.zero_grad()
        score = torch.einsum("hw,qkw->hqk", numbers, waves)[None] * size[:, None]
        shares = score.masked_fill(hidden, HIDDEN).log_softmax(-1).masked_fill(hidden, 0.0)
        losses = -(aim * shares).sum(-1)[:, :, queries]
        loss = losses.mean((0, 2)).sum() + RIDGE * (numbers**2).sum()
        loss.backward()
        return loss

    descent.step(closure)
    return numbers.detach()


def _weights(request: HeadRequest, made: Mapping[int, Profiles], kept: float) -> HeadWeights:
    shape = shape_of(request.host)
    weights: dict[tuple[str, int | None], Tensor] = {}
    for layer, profiles in made.items():
        weights |= profiles.weights(shape, layer)
    read = sum(profiles.direction.numel() for profiles in made.values())
    numbers = sum(profiles.numbers.numel() for profiles in made.values())
    calibrated = numbers if request.heads.calibrated else 0
    form = f"constant queries and keys, {shape.d_head} numbers a head,"
    return HeadWeights(weights, read + numbers - calibrated, kept, form, calibrated, made)
