"""A survey finds planted Gabor filters with their poses, but no blobs or noise."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.interrupted import counted
from tests.planted import trained_circuit
from workbench.cache import GIB, Cache
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.hosts import Host, PictureInput, host_from_module
from workbench.spec import theory_from_text
from workbench.vision.pictures import photographs
from workbench.vision.survey import filters, gabor, gratings, survey
from workbench.vision.survey.gabor import ASPECT_RATIO, SIGMA_PX, WAVELENGTH_PX
from workbench.vision.survey.gratings import field_px

FIELD_PX, SIZE_PX = 9, 48
# direction of the normal, phase, wavelength, sigma, aspect, (x, y), share of luma, red-green and
# blue-yellow; phases bright towards the normal
PLANTED = (
    (20.0, 270.0, 5.0, 1.6, 1.0, (0.0, 0.0), (1.0, 0.0, 0.0)),
    (115.0, 210.0, 4.0, 1.5, 0.8, (0.8, -0.6), (0.8, 0.2, 0.0)),
    (250.0, 300.0, 7.0, 1.9, 1.2, (-0.5, 0.4), (0.0, 0.6, -0.4)),
)
RGB = np.array([[1 / 3, 1 / 3, 1 / 3], [0.5, -0.5, 0.0], [-0.25, -0.25, 0.5]])
TOLERANCE = {"degrees": 3.0, "pixels": 0.15, "share": 0.05, "ratio": 0.06}  # of a fit of 420 steps
EXACT = 0.02  # of the largest weight: a filter compiled from the survey against the planted one
# size of the noise in each rough Gabor's weights over that of the Gabor
ROUGHNESS = (1.4, 1.05, 1.25)
THEORY = f"""\
theory: gabors
families:
  gabor:
    poses: from-circuit
    window_px: {FIELD_PX}
    reads:
      input:
        kernel: gabor
        wavelength_px: {WAVELENGTH_PX}
        sigma_px: {SIGMA_PX}
        aspect: {ASPECT_RATIO}
"""


def planted_filter(centre_deg, phase_deg, wavelength_px, sigma_px, aspect, shift_px, mixture):
    y, x = np.mgrid[-4:5, -4:5] * 1.0
    x, y, turn = x - shift_px[0], y - shift_px[1], math.radians(centre_deg)
    normal, tangent = (
        x * math.cos(turn) + y * math.sin(turn),
        y * math.cos(turn) - x * math.sin(turn),
    )
    envelope = np.exp(-((aspect * tangent) ** 2 + normal**2) / (2 * sigma_px**2))
    wave = envelope * np.cos(2 * math.pi * normal / wavelength_px + math.radians(phase_deg))
    wave -= envelope * wave.sum() / envelope.sum()
    return (np.array(mixture) @ RGB)[:, None, None] * wave / np.abs(wave).sum()


def blob():
    """Centre against surround, the same in every direction."""
    y, x = np.mgrid[-4:5, -4:5]
    near, far = (np.exp(-(x**2 + y**2) / (2 * sigma**2)) for sigma in (1.0, 2.0))
    return np.broadcast_to((near / near.sum() - far / far.sum()) / 3, (3, 9, 9))


def noise(seed):
    return np.random.default_rng(seed).standard_normal((3, 9, 9)) / 100


def host_of(*filters) -> Host:
    convolution = nn.Conv2d(3, len(filters), FIELD_PX, 2, 4, bias=False)
    convolution.weight.data = torch.tensor(np.array(filters), dtype=torch.float32)
    pooled = nn.Sequential(nn.Conv2d(len(filters), 4, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = nn.Sequential(nn.Sequential(convolution, nn.ReLU()), pooled)
    return host_from_module(
        network,
        "toy",
        {"filters": "0", "pooled": "1.0"},
        PictureInput(SIZE_PX, (110.0, 120.0, 130.0)),
        links={"pooled": "identity"},
    )


@pytest.fixture(scope="module")
def pictures():
    return photographs("calibration")[::24]


@pytest.fixture(scope="module")
def surveyed(pictures):
    host = host_of(*(planted_filter(*row) for row in PLANTED), blob(), noise(0))
    return host, survey(host, "gabor", pictures)


@pytest.mark.full
@pytest.mark.parametrize("stage", ["gratings", "fit"])
def test_an_interrupted_survey_goes_on_to_the_same_units(
    surveyed, pictures, tmp_path, monkeypatch, stage
):
    """No grating is shown again, and no fit that was done is made again."""
    (host, whole), fits, drawn = (
        surveyed,
        counted(monkeypatch, filters, "_descend"),
        counted(monkeypatch, gratings, "draw"),
    )

    def stop(what: str, done: int, total: int) -> None:
        if what == stage and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        survey(host, "gabor", pictures, progress=stop, cache=Cache(tmp_path, GIB))
    again = survey(host, "gabor", pictures, cache=Cache(tmp_path, GIB))
    assert again.units == whole.units
    assert len(fits) == len(gabor.STARTS) + 1
    assert len(drawn) == len(gratings.CONTRAST) * len(gratings.WAVELENGTHS_PX)


def apart_deg(a, b):
    return abs((a - b + 180) % 360 - 180)


def test_survey_finds_planted_gabors_with_their_poses(surveyed):
    _, circuit = surveyed
    assert (circuit.circuit, circuit.site) == ("gabor", "filters")
    assert [unit.unit for unit in circuit.units] == list(
        range(len(PLANTED))
    )  # neither the blob nor the noise
    for unit, (centre_deg, phase_deg, wavelength_px, sigma_px, aspect, shift_px, mixture) in zip(
        circuit.units, PLANTED, strict=True
    ):
        assert apart_deg(unit.centre_deg, centre_deg) < TOLERANCE["degrees"]
        np.testing.assert_allclose(unit.mixture, mixture, atol=TOLERANCE["share"])
        if (
            wavelength_px < 3 * sigma_px
        ):  # a wave that its envelope shows: where it lies and how long it is are two things
            assert apart_deg(unit.phase_deg, phase_deg) < 3 * TOLERANCE["degrees"]
            assert unit.scale * WAVELENGTH_PX == pytest.approx(
                wavelength_px, rel=TOLERANCE["ratio"]
            )
            assert unit.scale * unit.envelope * SIGMA_PX == pytest.approx(
                sigma_px, rel=TOLERANCE["ratio"]
            )
            assert unit.aspect * ASPECT_RATIO == pytest.approx(aspect, rel=TOLERANCE["ratio"])
            np.testing.assert_allclose(unit.shift_px, shift_px, atol=TOLERANCE["pixels"])


def test_the_survey_compiles_into_the_planted_filters(surveyed):
    host, circuit = surveyed
    kernels = np.asarray(
        compile_spec(theory_from_text(THEORY), circuit, host).layers[0].reads[0].weight
    )
    for kernel, row in zip(kernels, PLANTED, strict=True):
        wanted = planted_filter(*row)
        np.testing.assert_allclose(
            kernel / np.abs(kernel).max(), wanted / np.abs(wanted).max(), atol=EXACT
        )
    turned = np.asarray(
        compile_spec(theory_from_text(THEORY), _turned(circuit), host).layers[0].reads[0].weight
    )
    assert np.abs(turned - kernels).max() > 5 * EXACT * np.abs(kernels).max()


def _turned(circuit):
    units = tuple(
        unit.model_copy(update={"centre_deg": (unit.centre_deg + 90) % 360})
        for unit in circuit.units
    )
    return trained_circuit(
        Host("toy", circuit.fingerprint, nn.Identity(), None, {}), units, "gabor", circuit.site
    )


def test_blobs_and_noise_are_no_gabors(pictures):
    with pytest.raises(
        WorkbenchError,
        match=r"no gabor units found; nearest: filters:[01] .*(explained|selectivity)",
    ):
        survey(host_of(blob(), noise(1)), "gabor", pictures)


def test_rough_gabors_are_gabors_with_some_noise_in_their_weights(pictures):
    """Neither clean Gabors nor noise, and no unit is of both families."""
    clean = [planted_filter(centre_deg, *PLANTED[0][1:]) for centre_deg in (20.0, 80.0, 140.0)]
    rough = [
        kernel + ROUGHNESS[i] * as_large_as(kernel, noise(i)) for i, kernel in enumerate(clean)
    ]
    host = host_of(*clean, *rough, noise(3))
    assert [unit.unit for unit in survey(host, "rough_gabor", pictures).units] == [3, 4, 5]
    assert [unit.unit for unit in survey(host, "gabor", pictures).units] == [0, 1, 2]


def as_large_as(kernel, other):
    return other * np.linalg.norm(kernel) / np.linalg.norm(other)


def test_the_field_is_where_pixels_count():
    host = host_of(noise(0))
    small = np.zeros((3, 9, 9))
    small[:, 2:7, 4] = 1
    assert (
        field_px(host, host.site("filters")),
        field_px(host_of(small), host.site("filters")),
    ) == (FIELD_PX, 5)


def test_units_that_see_far_are_refused(pictures):
    network = nn.Sequential(nn.Sequential(nn.Conv2d(3, 2, 41, 2, 20), nn.ReLU()), nn.Flatten())
    host = host_from_module(
        network, "toy", {"far": "0"}, PictureInput(SIZE_PX, (110.0, 120.0, 130.0))
    )
    with pytest.raises(
        WorkbenchError, match=r"units that see more than 33 px; expected filters on the picture"
    ):
        survey(host, "gabor", pictures)
