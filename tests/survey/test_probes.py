"""Probes: one set of stimuli for trained units and families, and answers about the middle."""

import numpy as np
import pytest
import torch

from tests.planted import planted
from workbench.compiler import compile_spec
from workbench.compiler.respond import Cells
from workbench.evaluate.matching import Answers
from workbench.survey import probes


@pytest.fixture(scope="module")
def shown() -> tuple[Answers, list[int]]:
    host, trained, spec = planted()
    steps: list[int] = []
    return probes.answers(host, compile_spec(spec, trained, host), ["retina", "planted"], steps.append), steps


def test_every_unit_answers_to_every_stimulus(shown):
    found, steps = shown
    assert sum(steps) == probes.group_count() == len(found.groups)
    assert len({group.name for group in found.groups}) == len(found.groups)
    stimuli = sum(len(group.normals_deg) for group in found.groups)
    shapes = {name: tuning.shape for name, tuning in {**found.sites, **found.families}.items()}
    assert shapes == {"retina": (stimuli, 6), "planted": (stimuli, 12), "gabor": (stimuli, 12), "curve": (stimuli, 6)}


def test_a_curve_answers_most_to_arcs_that_point_its_way(shown):
    found, _ = shown
    ((group, own),) = ((group, own) for group, own in found.of_groups.items() if group.name == "bright line, 27 px")
    turn = np.exp(1j * np.radians(group.normals_deg))
    preferred = np.degrees(np.angle(turn @ found.families["curve"][own]))
    off = np.abs((preferred - np.arange(10, 370, 60) + 180) % 360 - 180)
    assert off.max() <= 30  # the step of the planted Gabors, of which a curve is made


def test_neither_a_gratings_phase_nor_a_colour_goes_unseen(shown):
    """ON and OFF cells see each grating's brightest and darkest stripe, and the colour that they are for."""
    found, _ = shown
    by_name = {group.name: found.sites["retina"][own] for group, own in found.of_groups.items()}
    assert np.ptp(by_name["luma grating, 7 px"], axis=0).max() < 0.2 * by_name["luma grating, 7 px"].min()
    red, green = by_name["red line, straight"], by_name["green line, straight"]
    assert (red[:, 0] > green[:, 0]).all()
    assert (red[:, 1] < green[:, 1]).all()


@pytest.mark.parametrize(("at_px", "expected"), [(51.0, (5, 8)), (54.9, (5, 8)), (-9.0, (0, 2)), (500.0, (10, 12))])
def test_the_middle_is_the_nearest_cell_and_one_about_it(at_px, expected):
    near = probes._near(Cells(3, 8, 12), at_px)
    assert (near.start, min(near.stop, 12)) == expected


def test_pictures_are_drawn_in_the_order_of_their_directions():
    host, _, _ = planted()
    for group, pictures in probes._groups(host, (51.0, 51.0), probes.CONTOURS, probes.GRATINGS, probes.SHIFTS_PX):
        for rgb in pictures:
            assert rgb.shape[0] % len(group.normals_deg) == 0
            assert rgb.shape[1:] == (3, 96, 96)
            assert bool(torch.isfinite(rgb).all())
