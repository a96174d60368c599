"""The query-key weights of heads, from the rule of their scores.

A head's W_Q W_K^T is a bilinear form of the stream of rank d_head. It is the nearest such form to
the rule, then fitted to the rule's pattern: the trained head is not looked at. Heads with the same
gains have the same form. In the last layer the queries count that are at places where an answer
is scored, in other layers all.
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from jaxtyping import Bool
from torch import Tensor

from workbench.engine import here
from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.sequences import head_parts
from workbench.sequences.compile import WrittenHeads
from workbench.sequences.head_parts import seen_keys
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.rule import scores
from workbench.sequences.weights.bilinear import (
    Bilinear,
    Scored,
    kept_share,
    nearest,
    towards_pattern,
)
from workbench.sequences.weights.heads import HeadRequest, HeadWeights, stream_of_heads
from workbench.sequences.weights.network import attention

MOST = 8  # forms: a fit takes seconds


def refused(host: Host, heads: WrittenHeads) -> str | None:
    """Why a family of heads has no such weights; None where it has."""
    shape = shape_of(host)
    if shape.kv_heads != shape.heads:
        return "several heads share their keys"
    forms = sum(len(list(alike(heads.of_layer(layer)))) for layer in heads.layers)
    if forms > MOST:
        return f"{forms} heads with gains of their own; at most {MOST} are fitted"
    return None


def compiled(request: HeadRequest) -> HeadWeights:
    """The query-key weights of a family."""
    host, d_head = request.host, shape_of(request.host).d_head
    groups = [
        (layer, members, one)
        for layer in request.heads.layers
        for members, one in alike(request.heads.of_layer(layer))
    ]

    @torch.no_grad()
    def fitted(group: tuple[int, list[int], WrittenHeads]) -> tuple[Bilinear, float]:
        layer, _, one = group
        wanted = _scored(request, layer, one)
        form = nearest(wanted, d_head)
        share = kept_share(wanted.score, form.scores(wanted.stream), wanted.shares)
        return towards_pattern(wanted, form, request.seed), share

    made, kept = zip(*here(fitted, groups), strict=True)
    weights: dict[tuple[str, int | None], Tensor] = {}
    for (layer, members, _), form in zip(groups, made, strict=True):
        for head in members:
            weights |= _of_head(host, layer, head, form)
    bound = sum(form.left.numel() + form.right.numel() for form in made)
    ranks = sorted({form.rank for form in made})
    words = f"query-key weights of rank {' and '.join(map(str, ranks))}"
    return HeadWeights(weights, bound, sum(kept) / len(kept), words)


def controls(request: HeadRequest, made: HeadWeights) -> dict[str, tuple[str, HeadWeights]]:
    """The weights of wrong rules with the same numbers, each fitted as the rule is, by name."""
    family, tokens = request.heads.family, shape_of(request.host).answers
    wrong = head_parts.controls({family: request.heads}, (family,), request.seed, tokens)
    requests = [replace(request, heads=changed[family]) for _, changed in wrong.values()]
    return {
        name: (label, weights)
        for (name, (label, _)), weights in zip(wrong.items(), here(compiled, requests), strict=True)
    }


def alike(heads: WrittenHeads) -> Iterator[tuple[list[int], WrittenHeads]]:
    """The heads of one layer that have the same gains, and their terms for one head."""
    ((layer, members),) = heads.layers.items()
    groups: dict[tuple[float, ...], list[int]] = {}
    for place, head in enumerate(members):
        gains = tuple(float(term.gain[place]) for term in heads.terms)
        groups.setdefault(gains, []).append(head)
    for same in groups.values():
        yield same, heads.only([(layer, same[0])])


def _scored(request: HeadRequest, layer: int, one: WrittenHeads) -> Scored:
    shape, run = shape_of(request.host), request.run
    score = scores(one.terms, run.tokens, request.carried)[:, 0]
    stream = stream_of_heads(request.host, layer, run)
    counted = _counted(run, last=layer == shape.layers - 1)
    return Scored(score, stream, seen_keys(run, shape.causal), counted)


def _counted(run: NaturalRun, last: bool) -> Bool[Tensor, "n q"]:
    """The queries that count: of the last layer those at places that are scored, if any are."""
    counted = torch.ones_like(run.tokens, dtype=torch.bool)
    if last and run.scored.any():
        places = run.scored.shape[1]  # one where the last place alone is answered
        counted[:, :-places] = False
        counted[:, -places:] = run.scored.any(0)
    return counted


def _of_head(
    host: Host, layer: int, head: int, form: Bilinear
) -> dict[tuple[str, int | None], Tensor]:
    """W_Q and W_K of a head; ranks that are not used are 0, and so are biases."""
    d_head = shape_of(host).d_head
    spare, scale = (0, d_head - form.rank), d_head**0.25
    made: dict[tuple[str, int | None], Tensor] = {}
    for letter, factor in (("Q", form.left), ("K", form.right)):
        made[attention(layer, f"W_{letter}"), head] = torch.nn.functional.pad(factor * scale, spare)
        if attention(layer, f"b_{letter}") in host.network.state_dict():
            made[attention(layer, f"b_{letter}"), head] = torch.zeros(d_head)
    return made
