"""A survey finds planted complex Gabors with their orientations, but no simple filters or blobs."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from workbench.errors import WorkbenchError
from workbench.hosts import Host, PictureInput, host_from_module
from workbench.vision.pictures import photographs
from workbench.vision.survey import survey

SIZE_PX, STRIDE_PX, WAVELENGTH_PX = 64, 4, 5.0
NORMALS_DEG = (20.0, 75.0, 140.0)
TOLERANCE_DEG = 3.0  # of orientations 15 degrees apart
TINY = 1e-6


class Energy(nn.Module):
    """Units of two filters each: the root of the sum of their squares.

    Where the second filter is zero, the unit is the first one, half-wave rectified.
    """

    def __init__(self, pairs: np.ndarray):
        super().__init__()
        self.filters = nn.Conv2d(3, 2 * len(pairs), 11, STRIDE_PX, 5, bias=False)
        self.filters.weight.data = (
            torch.tensor(pairs.reshape(-1, 1, 11, 11), dtype=torch.float32).repeat(1, 3, 1, 1) / 300
        )
        self.register_buffer(
            "simple", torch.tensor(np.abs(pairs[:, 1]).sum((1, 2)) == 0)[:, None, None]
        )

    def forward(self, x):
        first, second = self.filters(x).unflatten(1, (-1, 2)).unbind(2)
        return torch.where(
            self.simple, first.clamp(min=0), (first**2 + second**2 + TINY).sqrt() - TINY**0.5
        )


def host_of(*pairs: np.ndarray) -> Host:
    network = nn.Sequential(
        Energy(np.array(pairs)), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    )
    return host_from_module(
        network, "toy", {"units": "0"}, PictureInput(SIZE_PX, (127.0, 127.0, 127.0))
    )


def gabor(normal_deg: float, phase_deg: float) -> np.ndarray:
    y, x = np.mgrid[-5:6, -5:6] * 1.0
    turn = math.radians(normal_deg)
    envelope = np.exp(-(x**2 + y**2) / (2 * 2.0**2))
    wave = envelope * np.cos(
        2 * math.pi / WAVELENGTH_PX * (x * math.cos(turn) + y * math.sin(turn))
        + math.radians(phase_deg)
    )
    wave -= envelope * wave.sum() / envelope.sum()
    return wave / np.abs(wave).sum()


def complex_gabor(normal_deg: float) -> np.ndarray:
    """Two phases, a quarter of a wave apart: the same energy for every phase of a grating."""
    return np.array([gabor(normal_deg, 0), gabor(normal_deg, 90)])


def one_phase(normal_deg: float) -> np.ndarray:
    return np.array([gabor(normal_deg, 90), np.zeros((11, 11))])


def blob() -> np.ndarray:
    """A centre against its surround: without a phase, and without an orientation."""
    y, x = np.mgrid[-5:6, -5:6] * 1.0
    near, far = (np.exp(-(x**2 + y**2) / (2 * sigma**2)) for sigma in (1.2, 2.5))
    middle = near / near.sum() - far / far.sum()
    turned = np.array([(gabor(each, 0), gabor(each, 90)) for each in (0, 90)]).sum(0)
    return np.array([middle, 0.1 * turned[1]])


@pytest.fixture(scope="module")
def pictures():
    return photographs("calibration")[::8]


def test_survey_finds_planted_complex_gabors_and_no_filter_of_one_phase(pictures):
    planted = [complex_gabor(normal_deg) for normal_deg in NORMALS_DEG]
    circuit = survey(host_of(one_phase(20.0), *planted, blob()), "complex_gabor", pictures)
    assert (circuit.circuit, [unit.unit for unit in circuit.units]) == ("complex_gabor", [1, 2, 3])
    for unit, normal_deg in zip(circuit.units, NORMALS_DEG, strict=True):
        assert abs((unit.centre_deg - normal_deg + 90) % 180 - 90) < TOLERANCE_DEG
        assert np.hypot(*unit.shift_px) < 1
    assert circuit.found.command == "workbench survey toy --family complex_gabor"


def test_filters_of_one_phase_are_no_complex_gabors(pictures):
    with pytest.raises(
        WorkbenchError, match=r"no complex_gabor units found; nearest: units:[0-2] .*phase 0"
    ):
        survey(host_of(*map(one_phase, NORMALS_DEG)), "complex_gabor", pictures)


def test_units_without_an_orientation_are_no_complex_gabors(pictures):
    with pytest.raises(
        WorkbenchError, match=r"no complex_gabor units found; nearest: units:[0-2] .*concentration"
    ):
        survey(host_of(blob(), blob(), blob()), "complex_gabor", pictures)


@pytest.mark.full
@pytest.mark.inceptionv1
def test_inceptionv1_has_them_after_its_first_filters(inceptionv1, pictures):
    """22 with all pictures."""
    assert len(survey(inceptionv1, "complex_gabor", pictures, ["conv2d1"]).units) >= 15


@pytest.mark.full
@pytest.mark.inceptionv1
def test_the_first_filters_of_inceptionv1_are_of_one_phase_each(inceptionv1, pictures):
    with pytest.raises(WorkbenchError, match=r"no complex_gabor units found; nearest: .*phase"):
        survey(inceptionv1, "complex_gabor", pictures, ["conv2d0"])
