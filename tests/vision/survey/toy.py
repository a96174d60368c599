"""A toy host whose units respond to arcs of known directions and a known radius."""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workbench.hosts import Host, PictureInput, host_from_module

ORIENTATIONS_DEG = np.arange(16) * 11.25


class Contours(nn.Module):
    """Contour energy in 16 orientations (stride 4), read along arcs by units (stride 8)."""

    def __init__(self, poses_deg: Sequence[float], radius_px: float):
        super().__init__()
        y, x = np.mgrid[-7:8, -7:8] * 1.0
        kernels = []
        for phase in (0, 90):
            for orientation in np.radians(ORIENTATIONS_DEG):
                across = -x * math.sin(orientation) + y * math.cos(orientation)
                gabor = np.exp(-(x**2 + y**2) / 18) * np.cos(
                    across * 2 * math.pi / 9 - math.radians(phase)
                )
                kernels.append(gabor - gabor.mean())
        self.gabors = nn.Conv2d(3, 32, 15, 4, 7, bias=False)
        self.gabors.weight.data = (
            torch.tensor(np.array(kernels), dtype=torch.float32)[:, None].repeat(1, 3, 1, 1) / 300
        )
        self.units = nn.Conv2d(16, len(poses_deg), 17, 2, 8)
        self.units.weight.data = torch.tensor(
            np.array([arc_weights(pose, radius_px) for pose in poses_deg]), dtype=torch.float32
        )
        self.units.bias.data = torch.full((len(poses_deg),), -40.0)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.gabors(x).chunk(2, 1)
        energy = torch.sqrt(first**2 + second**2 + 1e-6)
        return F.relu(self.units(energy / (0.3 + energy.mean(1, keepdim=True))))


def arc_weights(pose_deg: float, radius_px: float) -> np.ndarray:
    """Weights by orientation (16 by 17 by 17 cells of 4 px): tangents along an arc."""
    y, x = np.mgrid[-8:9, -8:9] * 4.0
    cos, sin = math.cos(math.radians(pose_deg)), math.sin(math.radians(pose_deg))
    from_centre_x, from_centre_y = x - radius_px * cos, y - radius_px * sin
    off = np.hypot(from_centre_x, from_centre_y) - radius_px
    place = np.exp(-(off**2) / (2 * 6**2) - (x**2 + y**2) / (2 * 14**2))
    tangent = np.arctan2(from_centre_y, from_centre_x) + math.pi / 2
    return np.array([place * np.cos(2 * (math.radians(o) - tangent)) for o in ORIENTATIONS_DEG])


def toy_host(poses_deg: Sequence[float], radius_px: float) -> Host:
    """A host with the site "units" (stride 8): one unit for each pose, on pictures of 128 px."""
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = nn.Sequential(Contours(poses_deg, radius_px), head)
    return host_from_module(
        network, "toy", {"units": "0"}, PictureInput(128, (127.0, 127.0, 127.0))
    )
