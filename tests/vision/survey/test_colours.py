"""Surveys find planted colour blobs, colour edges and spots with their colours, and no others."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from workbench.errors import WorkbenchError
from workbench.hosts import Host, PictureInput, host_from_module
from workbench.vision.geometry.gabor import OPPONENT
from workbench.vision.pictures import photographs
from workbench.vision.survey import survey
from workbench.vision.survey.centre_surround import COLOUR_THRESHOLDS

SIZE_PX, REACH = 64, 12
RGB = np.array(list(OPPONENT.values()))
Y, X = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1] * 1.0
LUMA, RED, BLUE, LIME = (1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0), (0, -0.6, -0.4)
WITHIN_DEG, WITHIN_PX, WITHIN_SHARE = 4.0, 1.0, 0.12


@pytest.fixture(scope="module")
def pictures():
    return photographs("calibration")[::24]


def host_of(*filters: np.ndarray) -> Host:
    """A convolution of these filters at stride 2, and what a host needs beyond it."""
    reach = filters[0].shape[-1] // 2
    convolution = nn.Conv2d(3, len(filters), 2 * reach + 1, 2, reach, bias=False)
    convolution.weight.data = torch.tensor(np.array(filters), dtype=torch.float32)
    network = nn.Sequential(
        nn.Sequential(convolution, nn.ReLU()),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )
    return host_from_module(
        network, "toy", {"filters": "0"}, PictureInput(SIZE_PX, (110.0, 120.0, 130.0))
    )


def gauss(sigma_px: float, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    spot = np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2 * sigma_px**2))
    return spot / spot.sum()


def coloured(plane: np.ndarray, mixture: tuple[float, ...]) -> np.ndarray:
    colour = np.array(mixture) @ RGB
    return plane * (colour / np.linalg.norm(colour))[:, None, None]


def edge(direction_deg: float, mixture: tuple[float, ...], sigma_px: float = 3.0) -> np.ndarray:
    """Its colour towards a direction, the opposite colour away from it."""
    turn = math.radians(direction_deg)
    along = X * math.cos(turn) + Y * math.sin(turn)
    return coloured(along * gauss(sigma_px) / sigma_px, mixture)


def spot(mixture: tuple[float, ...], x: float = 0.0, y: float = 0.0) -> np.ndarray:
    """A centre in its colour and a surround in the opposite one."""
    return coloured(gauss(2.0, x, y) - gauss(5.0, x, y), mixture)


def small(filters: np.ndarray) -> np.ndarray:
    """The middle 9 x 9 pixels, as the first convolution of a network has."""
    return filters[:, REACH - 4 : REACH + 5, REACH - 4 : REACH + 5]


def same_mixture(given: tuple[float, ...], planted: tuple[float, ...]) -> bool:
    return float(np.abs(np.array(given) - planted).max()) < WITHIN_SHARE


def test_planted_blobs_are_found_with_their_places_and_colours(pictures):
    planted = [((0, -1.0, 0), 0.0, 0.0), (BLUE, 0.8, -0.5), (LIME, -0.4, 0.9)]
    blobs = [small(coloured(gauss(1.3, x, y), mixture)) for mixture, x, y in planted]
    others = [small(edge(30.0, RED, 1.5)), small(edge(110.0, LUMA, 1.5))]
    circuit = survey(host_of(*blobs, *others), "blob", pictures)
    assert [unit.unit for unit in circuit.units] == [0, 1, 2]
    for unit, (mixture, x, y) in zip(circuit.units, planted, strict=True):
        assert same_mixture(unit.mixture, mixture)
        assert np.hypot(unit.shift_px[0] - x, unit.shift_px[1] - y) < WITHIN_PX / 4
        assert unit.scale == pytest.approx(1.3, abs=0.1)


def test_planted_colour_edges_are_found_with_their_directions_and_colours(pictures):
    planted = [(0.0, RED), (75.0, BLUE), (20.0, (0, 0.6, 0.4))]
    others = [edge(45.0, LUMA), spot(RED), np.abs(edge(10.0, BLUE))]
    circuit = survey(
        # the third has lime at 200 degrees, which is magenta at 20
        host_of(edge(*planted[0]), edge(*planted[1]), edge(200.0, LIME), *others),
        "colour_contrast",
        pictures,
        ["filters"],
    )
    assert [unit.unit for unit in circuit.units] == [0, 1, 2]
    for unit, (direction_deg, mixture) in zip(circuit.units, planted, strict=True):
        assert abs((unit.centre_deg - direction_deg + 180) % 360 - 180) < WITHIN_DEG
        assert np.hypot(*unit.shift_px) < WITHIN_PX
        assert same_mixture(unit.mixture, mixture)


def test_planted_bright_edges_are_found_and_colour_edges_are_not(pictures):
    planted = [(0.0, LUMA), (75.0, LUMA), (200.0, (0.8, 0.2, 0.0))]
    others = [edge(45.0, RED), spot(LUMA), np.abs(edge(10.0, LUMA))]
    circuit = survey(
        host_of(*(edge(*each) for each in planted), *others),
        "brightness_contrast",
        pictures,
        ["filters"],
    )
    assert [unit.unit for unit in circuit.units] == [0, 1, 2]
    for unit, (direction_deg, _) in zip(circuit.units, planted, strict=True):
        assert abs((unit.centre_deg - direction_deg + 180) % 360 - 180) < WITHIN_DEG
        assert unit.mixture[0] > 0.7


def test_planted_spots_are_found_with_their_places_and_colours(pictures):
    planted = [(LUMA, 0.0, 0.0), ((0, -1.0, 0), 3.0, -2.0), (BLUE, -2.0, 1.0)]
    others = [edge(45.0, LUMA), edge(0.0, RED), coloured(gauss(3.0), RED)]
    circuit = survey(
        host_of(*(spot(*each) for each in planted), *others),
        "centre_surround",
        pictures,
        ["filters"],
    )
    assert [unit.unit for unit in circuit.units] == [0, 1, 2]
    for unit, (mixture, x, y) in zip(circuit.units, planted, strict=True):
        assert unit.centre_deg is None
        assert same_mixture(unit.mixture, mixture)
        assert np.hypot(unit.shift_px[0] - x, unit.shift_px[1] - y) < WITHIN_PX


def test_colour_centre_surround_leaves_out_grey_spots(pictures):
    planted = [(LUMA, 0.0, 0.0), ((0, -1.0, 0), 3.0, -2.0), (BLUE, -2.0, 1.0), (LIME, 0.0, 0.0)]
    host = host_of(*(spot(*each) for each in planted), edge(0.0, RED))
    circuit = survey(host, "colour_centre_surround", pictures, ["filters"])
    assert [unit.unit for unit in circuit.units] == [1, 2, 3]
    assert circuit.found.thresholds["colour"] == COLOUR_THRESHOLDS["colour"]


@pytest.mark.parametrize(
    ("family", "missed"),
    [("blob", "evenness|explained"), ("centre_surround", "closed|surround")],
)
def test_black_and_white_edges_are_neither_blobs_nor_spots(pictures, family, missed):
    host = host_of(*(small(edge(turn_deg, LUMA, 1.5)) for turn_deg in (0.0, 80.0, 160.0)))
    with pytest.raises(WorkbenchError, match=rf"no {family} units found; nearest: .*({missed})"):
        survey(host, family, pictures, ["filters"])
