"""A survey finds planted fields of one colour with their Gabors under noise, but no Gabors."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.shipped import FOLDER
from tests.vision.survey.test_gabor import FIELD_PX, PLANTED, RGB, host_of, noise, planted_filter
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.hosts import PictureInput, host_from_module
from workbench.spec import load_circuit, load_theory
from workbench.vision.pictures import photographs
from workbench.vision.survey import NoneFoundError, survey
from workbench.vision.survey.colour_field import FIELD_GAIN, by_mean_colour
from workbench.vision.survey.gratings import Trials

# as PLANTED: direction, phase, wavelength, sigma, aspect, (x, y), mixture; the largest part of a
# mixture is above 0, and the phase of the field's opposite colour is nearer to 180
FIELDS = (
    (20.0, 310.0, 10.0, 2.0, 1.0, (0.0, 0.0), (0.9, 0.1, 0.0)),
    (115.0, 205.0, 9.0, 1.8, 1.0, (0.6, -0.5), (0.3, 0.5, -0.2)),
    (250.0, 335.0, 12.0, 2.0, 1.0, (-0.5, 0.4), (0.0, -0.3, 0.7)),
)
ROUGHNESS = 0.5  # size of the noise in the weights over that of the filter
ALIKE = 0.95  # correlation of a filter compiled from the survey with the planted one
WITHIN_SHARE = 0.1


def field(centre_deg, phase_deg, wavelength_px, sigma_px, aspect, shift_px, mixture):
    y, x = np.mgrid[-4:5, -4:5] * 1.0
    spot = np.exp(-((x - shift_px[0]) ** 2 + (y - shift_px[1]) ** 2) / (2 * sigma_px**2))
    gain = FIELD_GAIN * math.cos(math.radians(phase_deg)) / spot.sum()
    edge = planted_filter(centre_deg, phase_deg, wavelength_px, sigma_px, aspect, shift_px, mixture)
    return edge + gain * (np.array(mixture) @ RGB)[:, None, None] * spot


def fine(seed):
    """Noise without coarse parts: each pixel less the mean of its 3 x 3 neighbours."""
    rough = noise(seed)
    around = [np.roll(rough, (i, j), (1, 2)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return rough - np.mean(around, axis=0)


def rough(kernel, seed):
    return kernel + ROUGHNESS * fine(seed) * np.linalg.norm(kernel) / np.linalg.norm(fine(seed))


@pytest.fixture(scope="module")
def pictures():
    return photographs("calibration")[::4]


def test_planted_fields_are_found_under_noise_and_gabors_are_not(pictures):
    fields = [rough(field(*row), seed) for seed, row in enumerate(FIELDS)]
    host = host_of(*fields, *(planted_filter(*row) for row in PLANTED), fine(9))
    circuit = survey(host, "colour_field", pictures)
    assert [unit.unit for unit in circuit.units] == [0, 1, 2]
    for unit, row in zip(circuit.units, FIELDS, strict=True):
        np.testing.assert_allclose(unit.mixture, row[-1], atol=WITHIN_SHARE)

    compiled = compile_spec(load_theory(FOLDER / "colour-field.yaml"), circuit, host).layers[0]
    kernels = sum(np.asarray(read.weight) for read in compiled.reads)
    edge = (FIELD_PX - kernels.shape[-1]) // 2
    planted = [field(*row)[:, edge:-edge, edge:-edge].ravel() for row in FIELDS]
    alike = np.corrcoef(kernels.reshape(len(kernels), -1), planted)[:3, 3:]
    assert (np.diag(alike) > ALIKE).all()
    assert (alike[~np.eye(3, dtype=bool)] < ALIKE / 2).all()


def test_gabors_and_noise_are_no_colour_fields(pictures):
    host = host_of(*(planted_filter(*row) for row in PLANTED), fine(9))
    with pytest.raises(NoneFoundError, match=r"nearest: filters:\d \(field 0\.0\d < 0\.1"):
        survey(host, "colour_field", pictures)


def test_each_unit_of_the_first_convolution_is_of_one_family():
    folder = FOLDER.parent / "circuits" / "inceptionv1"
    families = [
        load_circuit(folder / f"{name}.yaml") for name in ("gabor", "rough_gabor", "colour_field")
    ]
    units = sorted(unit.unit for circuit in families for unit in circuit.units)
    assert {circuit.site for circuit in families} == {"conv2d0"}
    assert units == list(range(64))


def test_a_unit_that_never_responds_has_no_field():
    generator = torch.Generator().manual_seed(0)
    shown = torch.rand(40, 3, 5, 5, generator=generator, dtype=torch.float64)
    trials = Trials(shown, torch.stack([shown[:, 0].mean((1, 2)), torch.zeros(40)], 1), ())
    _, field_share = by_mean_colour(trials, trials.responses)
    np.testing.assert_allclose(field_share, [1.0, 0.0], atol=1e-9)


def test_a_host_of_pictures_smaller_than_a_receptive_field_is_refused(pictures):
    convolution = nn.Conv2d(3, 2, 9, 2, padding=4)
    network = nn.Sequential(nn.Sequential(convolution, nn.ReLU()), nn.Flatten())
    scale = PictureInput(8, (120.0,) * 3, (60.0,) * 3)
    host = host_from_module(network, "small", {"filters": "0"}, scale)
    with pytest.raises(WorkbenchError, match="no unit sees 9 px within pictures of 8 px"):
        survey(host, "colour_field", pictures)
