"""The output-value weights of heads that copy, from the rule of what they carry.

A head that copies adds to the logits of each answer the attention on that token. As weights, x W_V
W_O W_U is 1 for the token that a key's stream x holds, and 0 for the others, as nearly as its rank
allows. Heads of a layer share the rule: each holds other directions of the one nearest map of rank
heads * d_head, times the count of heads, since they look at the same places.

Source: reduced-rank regression (Izenman 1975, doi 10.1016/0047-259X(75)90042-1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.compile import WrittenHeads
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.weights.bilinear import RANK_TOLERANCE, inverse_roots
from workbench.sequences.weights.heads import constant_direction, stream_of_values
from workbench.sequences.weights.network import Weights, attention


@dataclass(frozen=True)
class Moments:
    """The moments that a map from a stream to logits is fitted on, centred over the answers.

    stream   second moments of the stream
    products of the stream and the wanted logits
    size     the squares of the wanted logits, summed
    answers  W_U, less its mean over answers
    """

    stream: Float[Tensor, "d d"]
    products: Float[Tensor, "d token"]
    size: float
    answers: Float[Tensor, "d token"]


@dataclass(frozen=True)
class Map:
    """A map of low rank from a stream to what is added to it."""

    value: Float[Tensor, "d rank"]
    output: Float[Tensor, "rank d"]

    def of(self, directions: slice) -> "Map":
        """The map through some of its directions alone."""
        return Map(self.value[:, directions], self.output[directions])


def refused(host: Host) -> str | None:
    """Why heads that copy have no such weights; None where they have."""
    shape = shape_of(host)
    if shape.norm != "none":
        return "a norm stands between what the heads carry and the answers"
    if shape.kv_heads != shape.heads:
        return "several heads share their values"
    if shape.answers != shape.vocabulary:
        return "the answers are not all tokens"
    return None


def copied_moments(
    host: Host, layer: int, run: NaturalRun, order: Int[Tensor, " token"]
) -> Moments:
    """The moments of the rule "the key's own token", over all places of calibration prompts.

    order  the token whose logit each answer gets: in order for the rule, else a control
    """
    tokens = shape_of(host).answers
    stream = stream_of_values(host, layer, run).flatten(0, 1).double()
    by_token = stream.new_zeros(tokens, stream.shape[1])
    by_token.index_add_(0, run.tokens.flatten(), stream)
    products = (by_token - by_token.mean(0)).T[:, order]
    size = len(stream) * (1 - 1 / tokens)
    return Moments(stream.T @ stream, products, size, centred_answers(host))


def centred_answers(host: Host) -> Float[Tensor, "d token"]:
    """W_U, less its mean over answers."""
    state = host.network.state_dict()
    unembedding = state["embed.W_E"].T if shape_of(host).tied else state["unembed.W_U"]
    unembedding = unembedding.double()
    return unembedding - unembedding.mean(1, keepdim=True)


def nearest_map(wanted: Moments, rank: int) -> Map:
    """The map of at most that rank whose logits are nearest to the wanted ones."""
    read, write = (
        inverse_roots(moments) for moments in (wanted.stream, wanted.answers @ wanted.answers.T)
    )
    u, s, v = torch.linalg.svd(read @ wanted.products @ wanted.answers.T @ write)
    kept = min(rank, int((s > RANK_TOLERANCE * s[0]).sum()))
    half = s[:kept].sqrt()
    return Map(read @ u[:, :kept] * half, half[:, None] * (v[:kept] @ write))


def kept_share(wanted: Moments, made: Map) -> float:
    """The share of the wanted logits' squares that a map keeps, at its best gain."""
    full = made.value @ made.output
    given = float((full * (wanted.products @ wanted.answers.T)).sum())
    squares = full.T @ wanted.stream @ full @ (wanted.answers @ wanted.answers.T)
    return given**2 / float(squares.trace()) / wanted.size


@dataclass(frozen=True)
class Copies:
    """Heads that copy, as maps of their layers for a gain of 1, and a constant.

    maps      of each layer with its heads
    reads_one the direction of the last layer's stream that reads 1; None without a constant
    constant  what the last head of the last layer adds at every place
    gain      of what is copied
    """

    maps: dict[int, tuple[tuple[int, ...], Map]]
    d_head: int
    reads_one: Float[Tensor, " d"] | None
    constant: Float[Tensor, " d"]
    gain: float = 1.0

    @property
    def numbers(self) -> int:
        """How many numbers are read off the network's stream and its answers."""
        read = 0 if self.reads_one is None else self.reads_one.numel() + self.constant.numel()
        of_maps = (made.value.numel() + made.output.numel() for _, made in self.maps.values())
        return read + sum(of_maps)

    def weights(self, host: Host) -> Weights:
        """W_V and W_O of the heads; directions that are not used are 0, and so are biases of V."""
        written: dict[tuple[str, int | None], Tensor] = {}
        for layer, (members, made) in self.maps.items():
            for place, head in enumerate(members):
                part = made.of(slice(place, None, len(members)))
                value, output = part.value * len(members) * self.gain, part.output
                last = (layer, place) == (max(self.maps), len(members) - 1)
                if self.reads_one is not None and last:
                    value = torch.cat([value, self.reads_one.double()[:, None]], 1)
                    output = torch.cat([output, self.constant.double()[None]])
                spare = self.d_head - value.shape[1]
                value = torch.nn.functional.pad(value, (0, spare))
                output = torch.nn.functional.pad(output, (0, 0, 0, spare))
                written[attention(layer, "W_V"), head] = value.float()
                written[attention(layer, "W_O"), head] = output.float()
                if attention(layer, "b_V") in host.network.state_dict():
                    written[attention(layer, "b_V"), head] = torch.zeros(self.d_head)
        return written


def compiled(
    host: Host, heads: WrittenHeads, run: NaturalRun, order: Int[Tensor, " token"], constant: bool
) -> tuple[Copies, float]:
    """The maps of a family's heads for a gain of 1, and the mean share of the rule that they keep.

    constant  whether a direction is left for what is added at every place
    """
    shape, last = shape_of(host), max(heads.layers)
    maps, kept = {}, []
    for layer, members in heads.layers.items():
        spare = int(constant and layer == last)
        wanted = copied_moments(host, layer, run, order)
        made = nearest_map(wanted, len(members) * shape.d_head - spare)
        maps[layer] = members, made
        kept.append(kept_share(wanted, made))
    reads_one = constant_direction(stream_of_values(host, last, run)) if constant else None
    none = torch.zeros(shape.d_model, dtype=torch.float64)
    return Copies(maps, shape.d_head, reads_one, none), _mean(kept)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
