"""Induction: two layers of attention that continue a random string that occurred before.

Paper    Nanda et al. 2023, "Progress measures for grokking", arXiv 2301.05217, appendix
Weights  github.com/mechanistic-interpretability-grokking/progress-measures-paper, commit 1dc9f5b6,
         file saved_runs/induction_head_infinite.pth
Licence  none is stated for the weights
Input    85 tokens from 0 to 127; in training a string of 16 occurred three times at random places
Output   logits of the next token at every place
Note     head 0.2 attends to the previous token, at queries before place 30 alone; heads 1.1, 1.2
         and 1.3 are induction heads
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

NAME = "induction"
REPOSITORY = "mechanistic-interpretability-grokking/progress-measures-paper"
COMMIT = "1dc9f5b6b8aa8947a086e2c4963f3ab56f17a197"
PUBLISHED_PATH = "saved_runs/induction_head_infinite.pth"
URL = f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/{PUBLISHED_PATH}"
FILE = "induction.pth"
FILE_SHA256 = "c0d5adf16110d7832d429876119052960e02defb9a0f42c008463c920ea9aad5"
FINGERPRINT = "5457d8ce5a3fea80f4dadbb191b728bb1edb861f7bffe21dd0719fad6f0ae36c"

PLACES = 85
SHAPE = TransformerShape(vocabulary=128, context=PLACES, layers=2, d_model=48, heads=4, d_head=12)


def convert(directory: Path) -> dict[str, Tensor]:
    """The weights out of the checkpoint, which holds the optimizer's state too."""
    return from_progress_measures(state_dict(directory / FILE, within="model"), SHAPE.heads)


RECIPE = transformer_recipe(
    NAME,
    SHAPE,
    PLACES,
    Published(
        source=f"github.com/{REPOSITORY}, commit {COMMIT[:8]}",
        fingerprint=FINGERPRINT,
        files={FILE: FILE_SHA256},
        convert=convert,
        fetch=partial(fetch_published, URL, FILE, FILE_SHA256),
    ),
)
