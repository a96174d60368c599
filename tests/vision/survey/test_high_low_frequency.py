"""A survey finds planted high-low frequency units with their directions.

It does not take units for textures or for curves for them.
"""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.vision.survey.toy import toy_host
from workbench.errors import WorkbenchError
from workbench.hosts import Host, PictureInput, host_from_module
from workbench.vision.pictures import photographs
from workbench.vision.survey import survey

DIRECTIONS_DEG = (10.0, 100.0, 235.0)
TOLERANCE_DEG = 4.0  # the toy lies on a grid of 4 pixels
WAVELENGTHS_PX = (4.0, 16.0)


class Textures(nn.Module):
    """Energy of fine and of coarse texture of any orientation, then units that weigh it by side.

    Strides are 4 and 8.
    """

    def __init__(self, weights, bias):
        super().__init__()
        y, x = np.mgrid[-12:13, -12:13] * 1.0
        kernels = []
        for wavelength_px in WAVELENGTHS_PX:
            for turn in np.radians((0.0, 45.0, 90.0, 135.0)):
                for phase in (0.0, math.pi / 2):
                    wave = np.cos(
                        2 * math.pi / wavelength_px * (x * math.cos(turn) + y * math.sin(turn))
                        - phase
                    )
                    gabor = np.exp(-(x**2 + y**2) / (2 * (wavelength_px / 2) ** 2)) * wave
                    kernels.append((gabor - gabor.mean()) / np.abs(gabor).sum())
        self.gabors = nn.Conv2d(3, len(kernels), 25, 4, 12, bias=False)
        self.gabors.weight.data = (
            torch.tensor(np.array(kernels), dtype=torch.float32)[:, None].repeat(1, 3, 1, 1) / 3
        )
        self.units = nn.Conv2d(2, len(weights), 9, 2, 4)
        self.units.weight.data = torch.tensor(np.array(weights), dtype=torch.float32)
        self.units.bias.data = torch.full((len(weights),), bias)

    def forward(self, x):
        energy = (self.gabors(x) ** 2).unflatten(1, (2, 8)).sum(2).add(1e-6).sqrt()
        return F.relu(self.units(energy))


def sided(direction_deg):
    """Weights for fine energy on the side of the direction and coarse energy on the other side.

    Each is negative where the other is positive.
    """
    y, x = np.mgrid[-4:5, -4:5] * 4.0
    towards = x * math.cos(math.radians(direction_deg)) + y * math.sin(math.radians(direction_deg))
    side = np.tanh(towards / 4) * np.exp(-(x**2 + y**2) / (2 * 9**2))
    return np.array([side, -side]) / 10


def host_of(weights, bias) -> Host:
    network = nn.Sequential(
        Textures(weights, bias), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    )
    return host_from_module(
        network, "toy", {"units": "0"}, PictureInput(128, (127.0, 127.0, 127.0))
    )


@pytest.fixture(scope="module")
def pictures():
    return photographs("calibration")[::8]


def test_planted_units_are_found_with_their_directions(pictures):
    circuit = survey(
        host_of([*map(sided, DIRECTIONS_DEG), np.abs(sided(10.0))], -25.0),
        "high-low-frequency",
        pictures,
    )
    assert [unit.unit for unit in circuit.units] == list(
        range(len(DIRECTIONS_DEG))
    )  # not the one that both textures drive everywhere
    for unit, planted in zip(circuit.units, DIRECTIONS_DEG, strict=True):
        assert abs((unit.centre_deg - planted + 180) % 360 - 180) < TOLERANCE_DEG
        assert np.hypot(*unit.shift_px) < 4


@pytest.mark.parametrize("part", [0, 1])
def test_a_texture_on_one_side_is_not_enough(pictures, part):
    """Units that weigh only the fine, or only the coarse, side."""
    only = [sided(direction) * np.eye(2)[part][:, None, None] for direction in DIRECTIONS_DEG]
    only = [np.maximum(weight, 0) for weight in only]
    with pytest.raises(
        WorkbenchError,
        match=r"no high-low-frequency units found; nearest: units:[0-2] .*(edge|direction)",
    ):
        survey(host_of(only, -10.0), "high-low-frequency", pictures)


def test_curves_are_no_high_low_frequency_units(pictures):
    with pytest.raises(WorkbenchError, match="no high-low-frequency units found"):
        survey(toy_host(DIRECTIONS_DEG, 26.0), "high-low-frequency", pictures)
