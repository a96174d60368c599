"""Probes: one set of stimuli for trained units and families, and answers about the middle."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.planted import planted
from workbench.cache import GIB, Cache
from workbench.compiler import compile_spec
from workbench.compiler.respond import Cells
from workbench.evaluate.matching import Answers
from workbench.survey import probes

INTERRUPTED = 5  # groups


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


def test_what_was_asked_before_is_read_and_the_same_and_another_circuit_is_asked(shown, tmp_path, monkeypatch):
    host, trained, spec = planted()
    circuit, cache = compile_spec(spec, trained, host), Cache(tmp_path, GIB)
    asked = ["retina", "planted"]
    slow, _ = shown
    probes.answers(host, circuit, asked, lambda steps: None, cache)
    layer = circuit.layers[-1]
    other = replace(circuit, layers=(*circuit.layers[:-1], replace(layer, threshold=layer.threshold + 0.1)))
    steps = list[int]()
    with monkeypatch.context() as patch:
        patch.setattr(probes, "_highest", _refused)
        read = probes.answers(host, circuit, asked, steps.append, cache)
        for unknown in ((other, asked), (circuit, asked[1:])):
            with pytest.raises(RuntimeError, match="asked anew"):
                probes.answers(host, *unknown, lambda steps: None, cache)
    assert sum(steps) == probes.group_count() == len(read.groups)
    assert read.groups == slow.groups
    for one, same in ((slow.sites, read.sites), (slow.families, read.families)):
        assert one.keys() == same.keys()
        assert all((one[name] == same[name]).all() for name in one)


def test_an_interrupted_run_goes_on_group_by_group(shown, tmp_path, monkeypatch):
    host, trained, spec = planted()
    circuit, cache = compile_spec(spec, trained, host), Cache(tmp_path, GIB)
    steps, asked, ask = list[int](), list[int](), probes._highest
    monkeypatch.setattr(probes, "_highest", lambda *words: (asked.append(1), ask(*words))[1])

    def stop(step: int) -> None:
        steps.append(step)
        if len(steps) == INTERRUPTED:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probes.answers(host, circuit, ["retina", "planted"], stop, cache)
    before = len(asked)
    found = probes.answers(host, circuit, ["retina", "planted"], stop, cache)
    once = sum(len(list(pictures)) for _, pictures in probes._groups(host, (51.0, 51.0)))
    assert 0 < before < once
    assert len(asked) == once
    for one, same in ((shown[0].sites, found.sites), (shown[0].families, found.families)):
        assert all((one[name] == same[name]).all() for name in one)


def _refused(*words):
    raise RuntimeError("asked anew")
