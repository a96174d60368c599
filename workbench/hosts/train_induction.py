"""A small network that learns to continue a string that occurred before.

Two layers of attention alone; 32 random tokens of 64, in which a random string of 10 occurs twice.
Between steps 500 and 1500 the loss within the second occurrence falls, as heads form that attend to
the previous token and heads that read them (Olsson et al. 2022, arXiv 2209.11895).
"""

import torch

from workbench.hosts.training import Batch, Training
from workbench.hosts.transformer_shape import TransformerShape

TOKENS, PLACES, STRING = 64, 32, 10
PROMPTS, HELD_OUT, HELD_OUT_SEED = 64, 256, 1_000_000  # far from the seeds of trainings
ELSEWHERE = 0.1  # weight of places whose next token is random: their logits stay in bounds

SHAPE = TransformerShape(
    vocabulary=TOKENS, context=PLACES, layers=2, d_model=48, heads=4, d_head=12
)


def batch(count: int, generator: torch.Generator) -> Batch:
    """Prompts with a string twice; scored are its later tokens in the second occurrence.

    All pairs of starts are drawn evenly, in either order.
    """
    tokens = torch.randint(TOKENS, (count, PLACES), generator=generator)
    spare = torch.randint(PLACES - 2 * STRING + 1, (count, 2), generator=generator)
    first, second = spare.sort(dim=1).values.split(1, dim=1)
    within = torch.arange(STRING)
    second = second + STRING + within
    tokens = tokens.scatter(1, second, tokens.gather(1, first + within))
    target = torch.cat([tokens[:, 1:], tokens[:, :1]], dim=1)
    weight = torch.full(tokens.shape, ELSEWHERE)
    weight[:, -1] = 0  # no token follows
    scored = second[:, 1:-1]  # after its first token, as in `sequences.prompts.repeated_strings`
    return Batch(tokens, target, weight.scatter(1, scored, 1.0))


TRAINING = Training(
    name="induction",
    about="two layers of attention continue a random string that occurred before",
    shape=SHAPE,
    length=PLACES,
    batch=lambda seed, generator: batch(PROMPTS, generator),
    held_out=lambda seed: batch(HELD_OUT, torch.Generator().manual_seed(HELD_OUT_SEED + seed)),
    rate=2e-3,
    decay=0.3,
    checkpoints=(0, 150, 300, *range(500, 1600, 100), 1700, 2000, 2300, 2600, 3000),
    output_scale=0.5,
)
