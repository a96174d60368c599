"""A small network that learns addition modulo 53, and goes from knowing its pairs to adding.

One layer on the prompt `a b =`, trained on half of the pairs with strong weight decay. The loss on
the other half falls some thousand steps in, long after that on the first (Power et al. 2022,
arXiv 2201.02177; Nanda et al. 2023, arXiv 2301.05217).
"""

from functools import lru_cache

import torch

from workbench.hosts.training import Batch, Training
from workbench.hosts.transformer_shape import TransformerShape

MODULUS = 53

SHAPE = TransformerShape(
    vocabulary=MODULUS + 1,
    context=3,
    layers=1,
    d_model=64,
    heads=4,
    d_head=16,
    d_mlp=128,
    mlp="relu",
    biases=("mlp",),
    outputs=MODULUS,
    answer="last-place",
)


@lru_cache(maxsize=4)
def halves(seed: int, sign: int = 1) -> tuple[Batch, Batch]:
    """A random half of the pairs, and the other half.

    The answer is the sum of the two numbers; with a `sign` of -1 it is their difference.
    """
    numbers = torch.arange(MODULUS)
    pairs = torch.cartesian_prod(numbers, numbers)
    tokens = torch.cat([pairs, torch.full((len(pairs), 1), MODULUS)], dim=1)
    target = ((pairs[:, 0] + sign * pairs[:, 1]) % MODULUS)[:, None]
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed))
    first, second = (
        Batch(tokens[half], target[half], torch.ones(len(half), 1))
        for half in order.split((len(pairs) + 1) // 2)
    )
    return first, second


TRAINING = Training(
    name="modular-addition",
    about="one layer adds two numbers modulo 53, and was trained on half of the pairs",
    shape=SHAPE,
    length=3,
    batch=lambda seed, generator: halves(seed)[0],
    held_out=lambda seed: halves(seed)[1],
    rate=3e-3,
    decay=1.0,
    checkpoints=(0, 100, *range(300, 1000, 200), *range(1000, 1300, 50), *range(1300, 2501, 200)),
)
