"""Random positions of activations, and what lies about them: samples that fits are made on."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def chosen_positions(
    activation: Float[Tensor, "n unit *position"], most: int, generator: np.random.Generator
) -> Int[Tensor, " chosen"]:
    """At most so many random positions, the same for all pictures and units of the batch."""
    count = activation[0, 0].numel()
    return torch.as_tensor(generator.permutation(count)[:most].copy())


def rows_at(
    activation: Float[Tensor, "n unit *position"], chosen: Int[Tensor, " chosen"]
) -> Float[Tensor, "row unit"]:
    """The activation at the chosen positions of every picture, one row each."""
    return activation.flatten(2)[:, :, chosen].movedim(1, 2).flatten(0, 1)


def windows_at(
    activation: Float[Tensor, "n unit h w"],
    rows: Int[Tensor, " chosen"],
    columns: Int[Tensor, " chosen"],
    reach: int,
) -> Float[Tensor, "row tap"]:
    """The activation up to `reach` cells to each side of the chosen cells; 0 beyond the border.

    One row each, in the order of `rows_at`; its taps are those of a kernel `unit kh kw`.
    """
    padded, step = F.pad(activation, (reach,) * 4), torch.arange(2 * reach + 1)
    y = rows[:, None, None] + step[None, :, None]
    x = columns[:, None, None] + step[None, None, :]
    return padded[:, :, y, x].movedim(2, 1).flatten(0, 1).flatten(1)
