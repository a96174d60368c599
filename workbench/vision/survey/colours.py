"""Edges and spots in opponent colours about a host's mean colour.

All colours have the same contrast, also black and white: the strongest of red, green and blue is
CONTRAST off the mean. Opponent colours: Hurvich & Jameson 1957, doi 10.1037/h0041403.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.hosts.host import Host
from workbench.vision.geometry.gabor import OPPONENT
from workbench.vision.stimuli import colour_edge, spot
from workbench.vision.stimuli.canvas import Point
from workbench.vision.survey.trials import DIRECTIONS_DEG

TINY = 1e-9
CONTRAST = 60.0
# parts of the opponent channels in each axis of colour, the first black and white
AXES: dict[str, tuple[int, int, int]] = {
    "luma": (1, 0, 0),
    "red-green": (0, 1, 0),
    "blue-yellow": (0, 0, 1),
    "magenta-lime": (0, 1, 1),
    "orange-cyan": (0, 1, -1),
}
CHANNELS = 3  # the first axes are the opponent channels themselves


def colour_of(axis: str) -> Float[np.ndarray, " 3"]:
    """The RGB difference from the mean of an axis's first colour; its second is the opposite."""
    unit = [np.array(row) / np.abs(row).max() for row in OPPONENT.values()]
    rgb = np.array(AXES[axis]) @ np.stack(unit)
    return CONTRAST * rgb / np.abs(rgb).max()


def edges(host: Host, axis: str, at: Point) -> Float[Tensor, "n 3 h w"]:
    """Edges through points, the axis's first colour towards each of DIRECTIONS_DEG.

    `at` is one point, or one for each direction.
    """
    mean, off = np.array(host.picture_input.mean_rgb), colour_of(axis)
    drawn = colour_edge(
        host.picture_input.size_px,
        at,
        torch.tensor(DIRECTIONS_DEG - 90),
        tuple(mean + off),
        tuple(mean - off),
    )
    return drawn.permute(0, 3, 1, 2).float()


def spots(
    host: Host, radius_px: float, at: Point, axes: Sequence[str] = tuple(AXES)
) -> Float[Tensor, "n 3 h w"]:
    """Discs at a point in both colours of each axis, the second fastest, on the mean colour."""
    mean = np.array(host.picture_input.mean_rgb)
    drawn = [
        spot(host.picture_input.size_px, at, radius_px, tuple(mean + sign * colour_of(axis)), mean)
        for axis in axes
        for sign in (1, -1)
    ]
    return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).float()


def mixtures(
    first: Float[np.ndarray, "axis unit"], second: Float[np.ndarray, "axis unit"]
) -> Float[np.ndarray, "unit 3"]:
    """Each unit's parts of luma, red-green and blue-yellow; their absolute sum is 1.

    They are its responses to the first colour of each channel less those to the second.
    """
    parts = (first - second)[:CHANNELS].T
    return parts / (np.abs(parts).sum(1, keepdims=True) + TINY)


def at(values: np.ndarray, *index: Int[np.ndarray, " unit"]) -> Float[np.ndarray, " unit"]:
    """One of each unit's values, the last axis being units."""
    return values[(*index, np.arange(values.shape[-1]))]
