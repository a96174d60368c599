"""The weights of a transformer without norms, multiplied along the direct paths between tokens.

A path begins at the embedding: what other heads and places add to the stream is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.analyses.explain.compare import Array, Compared, compared
from workbench.sequences.compile import AnswerRead, Written, WrittenHeads
from workbench.spec.language import INPUT

LARGEST = 2048  # tokens: larger tables cannot be drawn
TOKENS = ("token of the query", "token that the key has")
ANSWERED = ("token", "answer")
PERMUTED, OWN_TOKEN = "control.tokens_permuted", "control.same_token"


def why_not(host: Host) -> str:
    """Why the weights along paths are no tables of tokens in this network; empty if they are."""
    shape = shape_of(host)
    if shape.norm != "none":
        return f"{host.name} has norms ({shape.norm}): a table of its weights is of no single scale"
    if shape.positions == "rotary":
        return f"{host.name} has rotary positions: a table of tokens is another at every offset"
    if shape.vocabulary > LARGEST:
        return f"{host.name} has {shape.vocabulary} tokens; at most {LARGEST} make a table"
    return ""


@dataclass(frozen=True)
class Paths:
    """The weights of one network, as float64."""

    host: Host

    def weight(self, name: str) -> Float[Tensor, "..."]:
        """A weight by its TransformerLens name."""
        return self.host.network.state_dict()[name].cpu().double()

    @property
    def embedding(self) -> Float[Tensor, "token d"]:
        """The row of each token."""
        return self.weight("embed.W_E")

    @property
    def unembedding(self) -> Float[Tensor, "d answer"]:
        """The column of each answer."""
        return self.embedding.T if shape_of(self.host).tied else self.weight("unembed.W_U")

    def carried(self, layer: int, head: int) -> Float[Tensor, "d d"]:
        """From the stream at a key to the stream at the query: W_V W_O."""
        shape = shape_of(self.host)
        key = head * shape.kv_heads // shape.heads
        attention = f"blocks.{layer}.attn."
        return self.weight(f"{attention}W_V")[key] @ self.weight(f"{attention}W_O")[head]

    def carried_by(self, family: WrittenHeads) -> Float[Tensor, "d d"]:
        """The same of all heads of a family together."""
        made = [self.carried(at, head) for at, head in family.places]
        return torch.stack(made).sum(0)

    def matched(
        self, layer: int, head: int, through: Tensor | None
    ) -> Float[Tensor, "token token"]:
        """The score between tokens, before the softmax: W_E W_Q W_K^T W_E^T / sqrt(d_head).

        The key's token is read through the carrying heads' W_V W_O, where they are given.
        """
        shape = shape_of(self.host)
        key = head * shape.kv_heads // shape.heads
        attention = f"blocks.{layer}.attn."
        q = self.embedding @ self.weight(f"{attention}W_Q")[head]
        if "attention" in shape.biases:
            q = q + self.weight(f"{attention}b_Q")[head]
        held = self.embedding if through is None else self.embedding @ through
        return q @ (held @ self.weight(f"{attention}W_K")[key]).T / shape.d_head**0.5


def token_tables(host: Host, written: Written, seed: int) -> Iterator[Compared]:
    """A table for each head that matches tokens, and for each family that carries them to answers.

    Rows are centred, since neither a softmax nor an answer sees a constant. The rule is a multiple
    of the identity.
    """
    paths = Paths(host)
    for name, family in written.heads.items():
        for source in dict.fromkeys(term.of for term in family.terms if term.of is not None):
            for layer, heads in family.layers.items():
                for head in heads:
                    yield _matched(paths, written, (name, f"{layer}.{head}"), source, seed)
    for read in written.answers:
        if read.source == INPUT or read.source in written.heads:
            yield _answered(paths, written, read, seed)


def _matched(
    paths: Paths, written: Written, names: tuple[str, str], source: str, seed: int
) -> Compared:
    layer, head = map(int, names[1].split("."))
    direct = centred(paths.matched(layer, head, None))
    if source == INPUT:
        wrong: dict[str, Array | tuple[Array, Array]] = {}
        table, kind = direct, "token matched"
    else:
        through = paths.carried_by(written.heads[source])
        table, kind = centred(paths.matched(layer, head, through)), f"token carried by {source}"
        wrong = {OWN_TOKEN: (direct, _identity(direct))}
    wrong[PERMUTED] = _permuted(table, seed)
    return _with_right(compared((*names, kind), TOKENS, table, _identity(table), wrong))


def _answered(paths: Paths, written: Written, read: AnswerRead, seed: int) -> Compared:
    if read.source == INPUT:
        table, kind = centred(paths.embedding @ paths.unembedding), "token to answer"
    else:
        carried = paths.carried_by(written.heads[read.source])
        table = centred(paths.embedding @ carried @ paths.unembedding)
        kind = "token copied to answer"
    wrong = {PERMUTED: _permuted(table, seed)}
    names = (read.source, "all", kind)
    return _with_right(compared(names, ANSWERED, table, _identity(table), wrong))


def _with_right(table: Compared) -> Compared:
    """The table with the share of tokens whose highest cell is their own."""
    right = table.trained.argmax(1) == np.arange(len(table.trained))
    return replace(table, right=float(right.mean()))


def centred(table: Float[Tensor, "row column"]) -> Array:
    """The table less the mean of each row."""
    return (table - table.mean(1, keepdim=True)).numpy()


def _identity(table: Array) -> Array:
    eye = np.eye(*table.shape)
    return eye - eye.mean(1, keepdims=True)


def _permuted(table: Array, seed: int) -> Array:
    """The identity with its columns permuted: every token stands for another."""
    return _identity(table)[:, np.random.default_rng(seed).permutation(table.shape[1])]
