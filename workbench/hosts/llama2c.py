"""Files of llama2.c: weights of version 0, and its tokenizer.

Weights are seven int32 (d_model, d_mlp, layers, heads, key heads, vocabulary, context) and float32
arrays in a fixed order; the tokenizer is, for each token, a float32 score, an int32 length, and
its text. Source of the format: github.com/karpathy/llama2.c, run.c and export.py.
"""

import itertools
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from workbench.errors import WorkbenchError

BEGIN = 1  # the token that begins a text
BYTES_FROM = 3  # token 3 + b is the byte b


class Sizes(NamedTuple):
    """The header of a weights file, in its order."""

    d_model: int
    d_mlp: int
    layers: int
    heads: int
    key_heads: int
    vocabulary: int
    context: int


def weights(path: Path, sizes: Sizes) -> dict[str, Tensor]:
    """The weights with TransformerLens' names and axes, of a network with tied embeddings.

    Raises WorkbenchError for a file of other sizes or another length.
    """
    content = path.read_bytes()
    header = struct.unpack_from("<7i", content) if len(content) > 28 else ()
    if header != tuple(sizes):
        raise WorkbenchError(str(path), f"its header is {header}", f"{tuple(sizes)}")
    arrays = _arrays(content, sizes)
    state = {"embed.W_E": arrays["embedding"], "ln_final.w": arrays["final_norm"]}
    for layer in range(sizes.layers):
        row = {name: array[layer] for name, array in arrays.items() if len(array) == sizes.layers}
        state |= {f"blocks.{layer}.{name}": value for name, value in _layer(row, sizes)}
    return {name: value.contiguous() for name, value in state.items()}


def _arrays(content: bytes, sizes: Sizes) -> dict[str, Tensor]:
    """Each array of the file by name; layers first, then `out in`."""
    d_model, d_mlp, layers, heads, key_heads, vocabulary, context = sizes
    d_head = d_model // heads
    shapes = {
        "embedding": (vocabulary, d_model),
        "attention_norm": (layers, d_model),
        "W_Q": (layers, d_model, d_model),
        "W_K": (layers, key_heads * d_head, d_model),
        "W_V": (layers, key_heads * d_head, d_model),
        "W_O": (layers, d_model, d_model),
        "mlp_norm": (layers, d_model),
        "W_gate": (layers, d_mlp, d_model),
        "W_out": (layers, d_model, d_mlp),
        "W_in": (layers, d_mlp, d_model),
        "final_norm": (d_model,),
        "rotary_cosine": (context, d_head // 2),
        "rotary_sine": (context, d_head // 2),
    }
    numbers = np.frombuffer(content, "<f4", offset=28)
    if len(numbers) != sum(math.prod(shape) for shape in shapes.values()):
        raise WorkbenchError("llama2.c weights", f"{len(numbers)} numbers", "tied embeddings")
    arrays, start = {}, 0
    for name, shape in shapes.items():
        end = start + math.prod(shape)
        arrays[name] = torch.from_numpy(numbers[start:end].reshape(shape).copy())
        start = end
    return arrays


def _layer(row: dict[str, Tensor], sizes: Sizes) -> Iterator[tuple[str, Tensor]]:
    """The weights of one layer by name, out of those of the file."""
    yield "ln1.w", row["attention_norm"]
    yield "ln2.w", row["mlp_norm"]
    for name, heads in (("W_Q", sizes.heads), ("W_K", sizes.key_heads), ("W_V", sizes.key_heads)):
        yield f"attn.{name}", row[name].unflatten(0, (heads, -1)).transpose(1, 2)
    yield "attn.W_O", row["W_O"].T.unflatten(0, (sizes.heads, -1))
    for name in ("W_gate", "W_in", "W_out"):
        yield f"mlp.{name}", row[name].T


@dataclass(frozen=True)
class BytePairs:
    """A tokenizer of byte pairs: the neighbours whose merged token has the best score merge first.

    vocabulary  text and score of each token
    """

    vocabulary: tuple[tuple[str, float], ...]

    def encode(self, text: str) -> list[int]:
        """The tokens, after that of the beginning; a character that is no token is its bytes."""
        index = {word: i for i, (word, _) in reversed(list(enumerate(self.vocabulary)))}
        tokens = [index[" "]]
        for character in text:
            known = index.get(character)
            tokens += (
                [byte + BYTES_FROM for byte in character.encode()] if known is None else [known]
            )
        while merges := self._merges(tokens, index):
            _, place, merged = max(merges)
            tokens[-place : 2 - place] = [merged]
        return [BEGIN, *tokens]

    def words(self, tokens: Sequence[int]) -> list[str]:
        """Each token as text."""
        return [self.vocabulary[token][0] for token in tokens]

    def _merges(self, tokens: list[int], index: dict[str, int]) -> list[tuple[float, int, int]]:
        """Score, minus the place, and merged token of each pair of neighbours that can merge."""
        words = self.words(tokens)
        pairs = (
            (place, index.get(a + b)) for place, (a, b) in enumerate(itertools.pairwise(words))
        )
        return [
            (self.vocabulary[merged][1], -place, merged)
            for place, merged in pairs
            if merged is not None
        ]


def bpe_tokenizer(path: Path, vocabulary: int) -> BytePairs:
    """The tokenizer of a file; raises WorkbenchError for one with another number of tokens."""
    content, start, words = path.read_bytes(), 4, []
    while start + 8 <= len(content):
        score, length = struct.unpack_from("<fi", content, start)
        start += 8 + length
        words.append((content[start - length : start].decode(errors="replace"), score))
    if len(words) != vocabulary or start != len(content):
        raise WorkbenchError(str(path), f"{len(words)} tokens", f"{vocabulary} tokens")
    return BytePairs(tuple(words))
