"""Modular addition: a + b mod 113 by one layer, a network that grokked.

Paper    Nanda et al. 2023, "Progress measures for grokking", arXiv 2301.05217, of whose set-up this
         is another run
Weights  github.com/kaushikreddyxyz/transformer-modular-addition, commit a5a829b6, file
         oracle/results_legacy/exp10/models/baseline.pt
Licence  none is stated for the weights
Input    three tokens `a b =`: two numbers from 0 to 112, and 113 for `=`
Output   logits of the 113 numbers at `=`; the logit of the token `=` is left out
Note     right on all 12,769 pairs; frequencies 14, 35, 41, 42 and 52
"""

from functools import partial
from pathlib import Path

from torch import Tensor

from workbench.hosts.pytorch_files import state_dict
from workbench.hosts.transformer_recipe import (
    Published,
    fetch_published,
    from_progress_measures,
    transformer_recipe,
)
from workbench.hosts.transformer_shape import TransformerShape

NAME = "modular_addition"
REPOSITORY = "kaushikreddyxyz/transformer-modular-addition"
COMMIT = "a5a829b66d9e64146a0ee3eb3c71553eb2036b2f"
PUBLISHED_PATH = "oracle/results_legacy/exp10/models/baseline.pt"
URL = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/{PUBLISHED_PATH}"
FILE = "modular_addition.pt"
FILE_SHA256 = "da540e6b2f6257764b8fcfb62035503a88efff1f3c0111fbc8a50295774fc0c0"
FINGERPRINT = "a54ddcd8f7684ee5f130b5fd9b5ef5452c776bc4b802d6179d81f02b4b589644"

MODULUS = 113
SHAPE = TransformerShape(
    vocabulary=MODULUS + 1,
    context=3,
    layers=1,
    d_model=128,
    heads=4,
    d_head=32,
    d_mlp=512,
    mlp="relu",
    biases=("mlp",),
    outputs=MODULUS,
    answer="last-place",
)


def convert(directory: Path) -> dict[str, Tensor]:
    """The weights, without the answer `=`."""
    state = from_progress_measures(state_dict(directory / FILE), SHAPE.heads)
    state["unembed.W_U"] = state["unembed.W_U"][:, :MODULUS].contiguous()
    return state


RECIPE = transformer_recipe(
    NAME,
    SHAPE,
    3,
    Published(
        source=f"github.com/{REPOSITORY}, commit {COMMIT[:8]}",
        fingerprint=FINGERPRINT,
        files={FILE: FILE_SHA256},
        convert=convert,
        fetch=partial(fetch_published, URL, FILE, FILE_SHA256),
    ),
)
