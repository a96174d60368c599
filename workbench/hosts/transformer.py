"""Transformers over tokens, with the names of TransformerLens.

One module for all: `TransformerShape` has the options. Weights have TransformerLens' names and
axes (W_Q `head d_model d_head`, W_O `head d_head d_model`, W_in `d_model d_mlp`, W_U `d_model
token`; of grouped keys W_K and W_V `key_head d_model d_head`), and every activation passes through
an identity of TransformerLens' name (`blocks.0.attn.hook_pattern`), so that it can be read and
replaced there. Keys and values are read and replaced before they are repeated for grouped heads,
queries and keys before they are turned by rotary positions.

Source of names: github.com/TransformerLensOrg/TransformerLens, components/.
"""

import math
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from workbench.hosts.scored_places import ScoredPlaces
from workbench.hosts.transformer_parts import (
    Norm,
    Past,
    activation_of,
    bias,
    rotated,
    weight,
)
from workbench.hosts.transformer_shape import TransformerShape

Stream = Float[Tensor, "n place d_model"]
STREAM = re.compile(r"blocks\.\d+\.hook_resid_pre")  # the submodules of the stream before a layer


class Embed(nn.Module):
    """The row of each token."""

    def __init__(self, shape: TransformerShape):
        super().__init__()
        self.W_E = weight(shape.vocabulary, shape.d_model, inputs=shape.d_model)

    def forward(self, tokens: Int[Tensor, "n place"]) -> Stream:
        """The tokens' vectors."""
        return self.W_E[tokens]


class PosEmbed(nn.Module):
    """The row of each place."""

    def __init__(self, shape: TransformerShape):
        super().__init__()
        self.W_pos = weight(shape.context, shape.d_model, inputs=shape.d_model)

    def forward(self, tokens: Int[Tensor, "n place"], first: int = 0) -> Stream:
        """The vectors of the places from `first` on, for each prompt."""
        return self.W_pos[first : first + tokens.shape[1]].expand(len(tokens), -1, -1)


class Unembed(nn.Module):
    """Logits of each place."""

    def __init__(self, shape: TransformerShape):
        super().__init__()
        d_model, answers = shape.d_model, shape.answers
        self.W_U = None if shape.tied else weight(d_model, answers, inputs=d_model)
        self.b_U = bias(answers, present="answer" in shape.biases)

    def forward(self, stream: Stream, embedding: Embed) -> Float[Tensor, "n place token"]:
        """The logits; the embedding's transpose makes them where it is tied."""
        logits = stream @ (embedding.W_E.T if self.W_U is None else self.W_U)
        return logits if self.b_U is None else logits + self.b_U


class Attention(nn.Module):
    """Attention of all heads of one layer."""

    def __init__(self, shape: TransformerShape):
        super().__init__()
        self.shape = shape
        heads, keys, d_model, d_head = shape.heads, shape.kv_heads, shape.d_model, shape.d_head
        biased = "attention" in shape.biases
        self.W_Q = weight(heads, d_model, d_head, inputs=d_model)
        self.W_K = weight(keys, d_model, d_head, inputs=d_model)
        self.W_V = weight(keys, d_model, d_head, inputs=d_model)
        self.W_O = weight(heads, d_head, d_model, inputs=heads * d_head)
        self.b_Q = bias(heads, d_head, present=biased)
        self.b_K = bias(keys, d_head, present=biased)
        self.b_V = bias(keys, d_head, present=biased)
        self.b_O = bias(d_model, present=biased)
        self.hook_q, self.hook_k, self.hook_v = nn.Identity(), nn.Identity(), nn.Identity()
        self.hook_attn_scores, self.hook_pattern = nn.Identity(), nn.Identity()
        self.hook_z = nn.Identity()

    def forward(
        self,
        matched: Stream,
        carried: Stream,
        past: Past | None = None,
        given: Mapping[str, Tensor] = MappingProxyType({}),
        scored: ScoredPlaces | None = None,
    ) -> Stream:
        """The sum of the heads' outputs.

        matched  read by queries and keys
        carried  read by values
        past     keys and values of the places before
        given    the output of `hook_pattern` or of `hook_z`, which then is not computed again
        scored   the places whose output is used; all by default
        """
        z = given["hook_z"] if "hook_z" in given else self._z(matched, carried, past, given, scored)
        z = self.hook_z(z)
        z = z if scored is None else scored.rows(z, after="hook_z")
        out = z.flatten(2) @ self.W_O.flatten(0, 1)
        return out if self.b_O is None else out + self.b_O

    def _z(
        self,
        matched: Stream,
        carried: Stream,
        past: Past | None,
        given: Mapping[str, Tensor],
        scored: ScoredPlaces | None,
    ) -> Float[Tensor, "n place head d_head"]:
        """The output of each head, before its output weights."""
        if "hook_pattern" in given:
            v, pattern = self._values(carried), given["hook_pattern"]
        else:
            q = self.hook_q(_vectors(matched, self.W_Q, self.b_Q))
            k = self.hook_k(_vectors(matched, self.W_K, self.b_K))
            pattern, v = self._pattern(q, k, self._values(carried), past, scored)
        pattern = self.hook_pattern(pattern)
        pattern = pattern if scored is None else scored.unit_rows(pattern, after="hook_pattern")
        return torch.einsum("nhqk,nkhe->nqhe", pattern, self._for_each_query(v))

    def _values(self, carried: Stream) -> Float[Tensor, "n place key_head d_head"]:
        return self.hook_v(_vectors(carried, self.W_V, self.b_V))

    def _pattern(
        self, q: Tensor, k: Tensor, v: Tensor, past: Past | None, scored: ScoredPlaces | None
    ) -> tuple[Float[Tensor, "n head q k"], Tensor]:
        """The attention of each query, and the values of its keys."""
        places = q.shape[1]
        if self.shape.positions == "rotary":
            first = 0 if past is None else past.length
            q, k = (rotated(vectors, self.shape.rotary_base, first) for vectors in (q, k))
        if past is not None:
            k, v = past.extended(k, v)
        q = q if scored is None else scored.rows(q, after="hook_q")
        scores = torch.einsum("nqhe,nkhe->nhqk", q, self._for_each_query(k))
        scores /= math.sqrt(self.shape.d_head)  # in place: the largest array of a run
        if self.shape.causal:
            later = scores.new_full((places, k.shape[1]), -torch.inf).triu(1 + k.shape[1] - places)
            later = later.expand(len(scores), 1, -1, -1)
            scores += later if scored is None else scored.unit_rows(later, after="hook_q")
        return torch.softmax(self.hook_attn_scores(scores), dim=-1), v

    def _for_each_query(
        self, vectors: Float[Tensor, "n place key_head d_head"]
    ) -> Float[Tensor, "n place head d_head"]:
        """Keys or values, repeated for the query heads that share them."""
        repeats = self.shape.heads // self.shape.kv_heads
        return vectors if repeats == 1 else vectors.repeat_interleave(repeats, dim=2)


def _vectors(
    stream: Stream, weights: Float[Tensor, "head d_model d_head"], biases: Tensor | None
) -> Float[Tensor, "n place head d_head"]:
    """Queries, keys or values of all heads."""
    flat = stream @ weights.movedim(0, 1).flatten(1)
    vectors = flat.unflatten(-1, (len(weights), -1))
    return vectors if biases is None else vectors + biases


class Mlp(nn.Module):
    """The neurons of one layer."""

    def __init__(self, shape: TransformerShape):
        super().__init__()
        self.gated, self.activation = shape.mlp == "swiglu", activation_of(shape.mlp)
        d_model, d_mlp, biased = shape.d_model, shape.d_mlp, "mlp" in shape.biases
        self.W_in = weight(d_model, d_mlp, inputs=d_model)
        self.W_gate = weight(d_model, d_mlp, inputs=d_model) if self.gated else None
        self.W_out = weight(d_mlp, d_model, inputs=d_mlp)
        self.b_in = bias(d_mlp, present=biased)
        self.b_out = bias(d_model, present=biased)
        self.hook_pre, self.hook_post = nn.Identity(), nn.Identity()
        if self.gated:
            self.hook_pre_linear = nn.Identity()

    def forward(self, stream: Stream) -> Stream:
        """The sum of the neurons' outputs.

        A gated neuron's bias is added after the gate, as in TransformerLens.
        """
        biases = 0 if self.b_in is None else self.b_in
        if self.W_gate is None:
            post = self.activation(self.hook_pre(stream @ self.W_in + biases))
        else:
            gate = self.activation(self.hook_pre(stream @ self.W_gate))
            post = gate * self.hook_pre_linear(stream @ self.W_in) + biases
        out = self.hook_post(post) @ self.W_out
        return out if self.b_out is None else out + self.b_out


class Block(nn.Module):
    """One layer: attention, then the MLP if there is one."""

    def __init__(self, shape: TransformerShape):
        super().__init__()
        self.before = shape.norm_place == "before"
        self.ln1, self.attn = Norm(shape), Attention(shape)
        self.hook_resid_pre, self.hook_attn_out = nn.Identity(), nn.Identity()
        self.mlp = Mlp(shape) if shape.mlp != "none" else None
        if self.mlp is not None:
            self.ln2 = Norm(shape)
            self.hook_resid_mid, self.hook_mlp_out = nn.Identity(), nn.Identity()
        self.hook_resid_post = nn.Identity()

    def forward(
        self,
        stream: Stream,
        positions: Stream | None = None,
        past: Past | None = None,
        given: Mapping[str, Tensor] = MappingProxyType({}),
        scored: ScoredPlaces | None = None,
    ) -> Stream:
        """The stream after the layer; `positions` are added to what queries and keys read.

        given, scored  of attention (`Attention`); the stream is that of the scored places
        """
        stream = self.hook_resid_pre(stream)
        read = self.ln1(stream) if self.before else stream
        matched = read if positions is None else read + positions
        stream = stream if scored is None else scored.rows(stream)
        stream = stream + self.hook_attn_out(self.attn(matched, read, past, given, scored))
        if self.mlp is not None:
            stream = self.hook_resid_mid(stream)
            stream = stream if self.before else self.ln1(stream)
            read = self.ln2(stream) if self.before else stream
            stream = stream + self.hook_mlp_out(self.mlp(read))
        stream = self.hook_resid_post(stream)
        if self.before:
            return stream
        return self.ln1(stream) if self.mlp is None else self.ln2(stream)


class Transformer(nn.Module):
    """A transformer of that shape, from tokens `n place` to its answer.

    The answer is logits `n place token` (`n 1 token` at the last place alone), or an embedding
    `n d_model` of unit length. Weights are random until a state dict is loaded.
    """

    def __init__(self, shape: TransformerShape):
        super().__init__()
        self.shape = shape
        self.embed, self.hook_embed = Embed(shape), nn.Identity()
        if shape.positions != "rotary":
            self.pos_embed, self.hook_pos_embed = PosEmbed(shape), nn.Identity()
        if shape.norm_place == "after":
            self.ln_embed = Norm(shape)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        if shape.norm_place == "before":
            self.ln_final = Norm(shape)
        if shape.answer != "embedding":
            self.unembed = Unembed(shape)

    def extra_repr(self) -> str:
        """The shape: a host's facts hold the network's text."""
        return repr(self.shape)

    def forward(
        self, tokens: Int[Tensor, "n place"], past: Sequence[Past] = ()
    ) -> Float[Tensor, "n ..."]:
        """The answer.

        past  of each layer, where the tokens go on from earlier ones; it is written to
        """
        stream, positions = self.hook_embed(self.embed(tokens)), None
        if self.shape.positions != "rotary":
            first = past[0].length if past else 0
            positions = self.hook_pos_embed(self.pos_embed(tokens, first))
        if self.shape.positions == "learned":
            stream, positions = stream + positions, None
        if self.shape.norm_place == "after":
            stream = self.ln_embed(stream)
        for layer, block in enumerate(self.blocks):
            stream = block(stream, positions, past[layer] if past else None)
        return self._answer(stream)

    def starts_at(self, module: str) -> bool:
        """Whether `onward` starts at a submodule: at the stream before a layer."""
        return STREAM.fullmatch(module) is not None

    def onward(
        self,
        module: str,
        tokens: Int[Tensor, "n place"],
        stream: Stream,
        given: Mapping[str, Tensor] = MappingProxyType({}),
        scored: ScoredPlaces | None = None,
    ) -> Float[Tensor, "n ..."]:
        """The answer on tokens from the stream before a layer on; earlier layers do not run.

        given  outputs of submodules of that layer's attention, by name, that are not computed again
        scored  places whose answers are scored, not for embeddings; all by default
        """
        first, positions = int(module.split(".")[1]), None
        if self.shape.positions == "queries-and-keys":
            positions = self.hook_pos_embed(self.pos_embed(tokens))
        in_layer = {name.rsplit(".", 1)[1]: value for name, value in given.items()}
        for layer, block in enumerate(self.blocks[first:], first):
            given = in_layer if layer == first else {}
            wanted = scored if layer == self.shape.layers - 1 else None
            stream = block(stream, positions, given=given, scored=wanted)
        return self._answer(stream)

    def _answer(self, stream: Stream) -> Float[Tensor, "n ..."]:
        if self.shape.norm_place == "before":
            stream = self.ln_final(stream)
        if self.shape.answer == "embedding":
            return F.normalize(stream.mean(1), dim=1)
        read = stream[:, -1:] if self.shape.answer == "last-place" else stream
        return self.unembed(read, self.embed)
