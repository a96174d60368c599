"""As `train_modular_addition`, for the difference of two numbers, which takes longer to learn."""

from dataclasses import replace

from workbench.hosts.train_modular_addition import TRAINING as ADDITION
from workbench.hosts.train_modular_addition import halves

TRAINING = replace(
    ADDITION,
    name="modular-subtraction",
    about="one layer subtracts two numbers modulo 53, and was trained on half of the pairs",
    batch=lambda seed, generator: halves(seed, -1)[0],
    held_out=lambda seed: halves(seed, -1)[1],
    checkpoints=(0, 200, *range(500, 2000, 250), *range(2000, 3000, 100), 3250, 3500),
)
