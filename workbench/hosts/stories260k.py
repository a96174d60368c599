"""stories260K: a language model of 260,032 parameters that writes stories for children.

Code     github.com/karpathy/llama2.c, whose file format (version 0) the weights have
Weights  huggingface.co/karpathy/tinyllamas, folder stories260K
Licence  none is stated for the weights
Input    160 tokens of 512, up to 512; token 1 begins a text
Output   logits of the next token at every place
Note     RMS norm, rotary positions, SwiGLU, four heads of keys for eight of queries; its own
         samples at temperature 1 are texts without any question of licence
"""

from pathlib import Path

from torch import Tensor

from workbench.hosts.llama2c import Sizes, bpe_tokenizer, weights
from workbench.hosts.transformer_recipe import Published, transformer_recipe
from workbench.hosts.transformer_shape import TransformerShape

NAME = "stories260k"
URL = "https://huggingface.co/karpathy/tinyllamas/resolve/main"
FOLDER = "stories260K/"
WEIGHTS, TOKENIZER = "stories260K.bin", "tok512.bin"
FILES = {
    WEIGHTS: "b0a507e7ad0f626624f17112325e66691f9076d622e1d3274d103d00299f2696",
    TOKENIZER: "037cb335abb25d1fa9e8ecae30ed2a3a8ace9302862ebcdc05d51a6bbb10c312",
}
FINGERPRINT = "b6596d7ad4d715bc462f60460a1d485ffba8fe72a778977744516edc3f861305"

PLACES = 160
SHAPE = TransformerShape(
    vocabulary=512,
    context=512,
    layers=5,
    d_model=64,
    heads=8,
    d_head=8,
    d_mlp=172,
    key_heads=4,
    norm="rms",
    positions="rotary",
    mlp="swiglu",
    tied=True,
)


def convert(directory: Path) -> dict[str, Tensor]:
    """The weights; the tables of rotary positions are computed and not read."""
    sizes = Sizes(
        SHAPE.d_model, SHAPE.d_mlp, SHAPE.layers, SHAPE.heads, 4, SHAPE.vocabulary, SHAPE.context
    )
    return weights(directory / WEIGHTS, sizes)


def fetch(directory: Path) -> None:
    """Fetch both files from their repository."""
    from workbench.hosts import download  # here: loading a host needs no libraries of the network

    download.fetch_files(URL, (FOLDER,), FILES, directory)


RECIPE = transformer_recipe(
    NAME,
    SHAPE,
    PLACES,
    Published(
        source="huggingface.co/karpathy/tinyllamas, stories260K",
        fingerprint=FINGERPRINT,
        files=FILES,
        convert=convert,
        fetch=fetch,
        keeps=(TOKENIZER,),
        tokenizer=lambda folder: bpe_tokenizer(folder / TOKENIZER, SHAPE.vocabulary),
    ),
)
