"""A survey finds planted line units with their orientations, but no curve units or edges."""

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

# `toy_host` plants arcs; of a radius this large they are lines, whose normal points to where the
# centre would be
STRAIGHT_PX, BENT_PX = 4000.0, 18.0
NORMALS_DEG = (0.0, 20.0, 110.0, 155.0)
TOLERANCE_DEG = 2.0  # the toy has 16 orientations, 11 degrees apart


@pytest.fixture(scope="module")
def pictures():
    return photographs("calibration")[::8]


class Edges(nn.Module):
    """Half-wave Gabors of one phase: each responds to one polarity of an edge only."""

    def __init__(self):
        super().__init__()
        y, x = np.mgrid[-7:8, -7:8] * 1.0
        kernels = [
            np.exp(-(x**2 + y**2) / 18)
            * np.sin(2 * math.pi / 12 * (x * math.cos(t) + y * math.sin(t)))
            for t in (0.0, 1.0)
        ]
        self.gabors = nn.Conv2d(3, 2, 15, 8, 7, bias=False)
        self.gabors.weight.data = (
            torch.tensor(np.array(kernels), dtype=torch.float32)[:, None].repeat(1, 3, 1, 1) / 300
        )

    def forward(self, x):
        return F.relu(self.gabors(x))


def edge_host() -> Host:
    network = nn.Sequential(Edges(), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    return host_from_module(
        network, "edges", {"units": "0"}, PictureInput(128, (127.0, 127.0, 127.0))
    )


def test_planted_lines_are_found_with_their_orientations(pictures):
    circuit = survey(toy_host(NORMALS_DEG, STRAIGHT_PX), "line", pictures)
    assert (circuit.circuit, [unit.unit for unit in circuit.units]) == (
        "line",
        list(range(len(NORMALS_DEG))),
    )
    for unit, planted in zip(circuit.units, NORMALS_DEG, strict=True):
        assert abs((unit.centre_deg - planted + 90) % 180 - 90) < TOLERANCE_DEG
        assert np.hypot(*unit.shift_px) < 4  # one cell of the toy's first layer
    assert circuit.found.command == "workbench survey toy --family line"


def test_curves_are_no_lines(pictures):
    with pytest.raises(
        WorkbenchError, match=r"no line units found; nearest: units:[0-3] .*straightness"
    ):
        survey(toy_host(NORMALS_DEG, BENT_PX), "line", pictures)


def test_single_gabors_are_no_lines(pictures):
    with pytest.raises(
        WorkbenchError, match=r"no line units found; nearest: units:[01] .*(concentration|length)"
    ):
        survey(edge_host(), "line", pictures)
