"""Filters of a convolution of the picture, seen from each unit's own frame."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import map_coordinates
from torch import nn

from workbench.analyses.equivariance.weights import shifts_px
from workbench.hosts.host import Host
from workbench.spec.circuit import TrainedCircuit
from workbench.vision.geometry.frames import (
    OPPONENT_AXES,
    Frames,
    Tables,
    colour_turn,
    turned_points,
)

FILTER_REACH = 4  # steps of the table of a filter, to each side


@dataclass(frozen=True)
class Filters:
    """Filters `unit 3 kh kw` of a convolution of the picture.

    The colours are luma, red-green and blue-yellow, each an axis of length 1. `own_px` is the shift
    of each unit.
    """

    weight: Float[np.ndarray, "unit 3 kh kw"]
    own_px: Float[np.ndarray, "unit 2"]

    def tables(self, frames: Frames) -> Tables:
        """The filters at every pixel of the units' own frames, in their own colour frames.

        Beyond a filter's edge they are 0.
        """
        line = np.arange(-FILTER_REACH, FILTER_REACH + 1.0)
        at = np.stack(np.meshgrid(line, line, indexing="xy"), -1).reshape(-1, 2)
        pairs = [
            (self._sampled(i, frames, at), self._sampled(i, frames, at * [1, -1]))
            for i in range(len(self.weight))
        ]
        return Tables(*(np.stack(side) for side in zip(*pairs, strict=True)))

    def _sampled(
        self, unit: int, frames: Frames, at: Float[np.ndarray, "n 2"]
    ) -> Float[np.ndarray, " row"]:
        x, y = (
            self.own_px[unit] + turned_points(at * 2 ** frames.octaves[unit], frames.turn_deg[unit])
        ).T
        middle = (self.weight.shape[-1] - 1) / 2
        planes = [
            map_coordinates(plane, [y + middle, x + middle], order=1) for plane in self.weight[unit]
        ]
        return (colour_turn(frames.colour[unit]) @ np.stack(planes)).ravel()


def filters(host: Host, circuit: TrainedCircuit) -> Filters | None:
    """The filters of a site that is a convolution of the picture with an odd kernel, else None."""
    convolutions = [
        module for module in host.module(circuit.site).modules() if isinstance(module, nn.Conv2d)
    ]
    if (
        len(convolutions) != 1
        or convolutions[0].in_channels != 3
        or convolutions[0].kernel_size[0] % 2 == 0
        or circuit.site != next(iter(host.sites))
    ):
        return None
    weight = convolutions[0].weight[list(circuit.channels("a comparison of weights"))].double()
    weight = (weight if host.picture_input.order == "RGB" else weight.flip(1)) / torch.tensor(
        host.picture_input.scale_rgb
    )[:, None, None]
    return Filters(np.einsum("kc,uchw->ukhw", OPPONENT_AXES, weight.numpy()), shifts_px(circuit))
