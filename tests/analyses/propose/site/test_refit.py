"""Weights of a shared theory: fitted with the ReLU, they find again what was planted."""

from dataclasses import replace

import numpy as np
import torch

from workbench.analyses.propose.site.families import Shared
from workbench.analyses.propose.site.pixels import pixel_dictionary
from workbench.analyses.propose.site.refit import refitted
from workbench.analyses.propose.site.sample import Sample
from workbench.splice.link import RELU
from workbench.splice.rivals import as_small_floats

SIDE_PX, ROWS = 5, 4000
ROUNDED = 0.13  # of a weight of 6 bits, whose mantissa has 2
CHOSEN, PLANTED = (1, 4, 9), torch.tensor([1.0, -0.75, 0.5])
POSES = {0: 0, 1: 7, 2: 16}
GAIN, BIAS = torch.tensor([1.0, 3.0, 0.2]), torch.tensor([-0.5, -1.0, -0.3])


def planted() -> tuple[Sample, Shared]:
    """Three units of one theory at three poses, each with a gain and a bias of its own."""
    terms = pixel_dictionary(range(3 * SIDE_PX**2))
    generator = torch.Generator().manual_seed(0)
    windows = torch.randn(ROWS, 3 * SIDE_PX**2, 1, generator=generator)
    spread = torch.stack([terms.kernel(0, [i], torch.ones(1)).norm() for i in CHOSEN])
    family = Shared("planted", POSES, CHOSEN, PLANTED / spread)
    kernels = [terms.kernel(pose, CHOSEN, family.weights).flatten() for pose in POSES.values()]
    drive = GAIN * (windows.flatten(1) @ torch.stack(kernels, 1)) + BIAS * GAIN
    trained = torch.relu(drive)
    item = np.arange(ROWS)
    return Sample(windows, windows[..., 0], trained, drive, item), family


def test_planted_weights_come_back_though_most_of_the_activation_is_zero():
    fit, family = planted()
    assert (fit.trained > 0).float().mean() < 0.4
    wrong = replace(family, weights=family.weights * torch.tensor([1.0, -1.0, 0.3]))
    terms = pixel_dictionary(range(3 * SIDE_PX**2))
    made = refitted(terms, fit, RELU, wrong)
    assert made.poses == family.poses
    assert made.chosen == family.chosen
    ratio = made.weights / family.weights  # the scale is in the units' gains
    assert torch.allclose(ratio / ratio[0], torch.ones(3), atol=ROUNDED)


def test_weights_have_six_bits():
    fit, family = planted()
    terms = pixel_dictionary(range(3 * SIDE_PX**2))
    made = refitted(terms, fit, RELU, family)
    windows = fit.windows.flatten(1)
    drives = [
        torch.cat([windows @ terms.kernel(p, [i], torch.ones(1)).flatten() for p in POSES.values()])
        for i in CHOSEN
    ]
    scaled = made.weights * torch.stack([drive.std() for drive in drives])
    assert torch.allclose(as_small_floats(scaled[None], 6)[0], scaled, rtol=2e-2)


def test_a_unit_that_is_never_active_does_no_harm():
    fit, family = planted()
    trained = fit.trained.clone()
    trained[:, 1] = 0
    terms = pixel_dictionary(range(3 * SIDE_PX**2))
    made = refitted(terms, replace(fit, trained=trained), RELU, family)
    assert bool(torch.isfinite(made.weights).all())
