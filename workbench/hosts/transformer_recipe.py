"""Recipes of published transformers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import Tensor

from workbench.hosts.recipe import Recipe
from workbench.hosts.tokens import Tokenizer
from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_host import input_of, output_of, sites_of
from workbench.hosts.transformer_shape import TransformerShape


@dataclass(frozen=True)
class Published:
    """How the files of a published transformer are got and read; fields as in `Recipe`."""

    source: str
    fingerprint: str
    files: Mapping[str, str]
    convert: Callable[[Path], dict[str, Tensor]]
    fetch: Callable[[Path], None]
    licence: str = "none is stated for the weights"
    keeps: tuple[str, ...] = ()
    tokenizer: Callable[[Path], Tokenizer] | None = None


def transformer_recipe(
    name: str, shape: TransformerShape, length: int, published: Published
) -> Recipe:
    """The recipe of a transformer for prompts of `length` tokens; `at_length` gives others."""
    return Recipe(
        name=name,
        input=input_of(name, shape, length),
        sites=sites_of(shape, length),
        build=partial(Transformer, shape),
        output=output_of(shape),
        **vars(published),
    )


def fetch_published(url: str, name: str, digest: str, directory: Path) -> None:
    """Fetch the one file of a network into a folder; parameters and errors as `fetch_as`."""
    from workbench.hosts import download  # here: loading a host needs no libraries of the network

    download.fetch_as(url, directory, name, digest)


def from_progress_measures(state: Mapping[str, Tensor], heads: int) -> dict[str, Tensor]:
    """Weights in the layout of the progress-measures code, with TransformerLens' names and axes.

    There embeddings are `d token`, heads' weights `head d_head d_model`, W_O `d_model head*d_head`,
    MLP weights `out in`; a mask is stored and not needed. Source of the layout: Nanda et al. 2023,
    github.com/mechanistic-interpretability-grokking/progress-measures-paper, transformers.py.
    """
    converted = {}
    for stored, value in state.items():
        name = stored.replace("attn_blocks.", "blocks.")
        kind = name.rpartition(".")[2]
        if kind == "mask":
            continue
        if kind in ("W_E", "W_in", "W_out"):
            value = value.T
        elif kind in ("W_Q", "W_K", "W_V"):
            value = value.transpose(1, 2)
        elif kind == "W_O":
            value = value.unflatten(1, (heads, -1)).permute(1, 2, 0)
        converted[name] = value.contiguous()
    return converted
