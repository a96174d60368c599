"""Drawn stimuli for trained units and families, and responses about the middle."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.planted import planted
from workbench.cache import GIB, Cache
from workbench.compiler import compile_spec
from workbench.compiler.respond import Cells
from workbench.matching import probes
from workbench.matching.nearest import Answers

INTERRUPTED = 5  # groups


@pytest.fixture(scope="module")
def shown() -> tuple[Answers, list[int]]:
    host, trained, spec = planted()
    steps: list[int] = []
    return probes.answers(
        host, compile_spec(spec, trained, host), ["retina", "planted"], steps.append
    ), steps


def test_answers_have_a_row_for_every_stimulus(shown):
    tuning, steps = shown
    assert sum(steps) == probes.group_count() == len(tuning.groups)
    assert len({group.name for group in tuning.groups}) == len(tuning.groups)
    stimuli = sum(len(group.normals_deg) for group in tuning.groups)
    shapes = {name: rows.shape for name, rows in {**tuning.sites, **tuning.families}.items()}
    assert shapes == {
        "retina": (stimuli, 6),
        "planted": (stimuli, 12),
        "gabor": (stimuli, 12),
        "curve": (stimuli, 6),
    }


def test_answers_of_a_curve_are_highest_to_arcs_of_its_direction(shown):
    tuning, _ = shown
    ((group, rows),) = (
        (group, rows)
        for group, rows in tuning.of_groups.items()
        if group.name == "bright line, 27 px"
    )
    turn = np.exp(1j * np.radians(group.normals_deg))
    preferred = np.degrees(np.angle(turn @ tuning.families["curve"][rows]))
    off = np.abs((preferred - np.arange(10, 370, 60) + 180) % 360 - 180)
    assert off.max() <= 30  # the step of the planted Gabors, of which a curve is made


def test_answers_depend_on_colour_and_not_on_phase(shown):
    """ON and OFF cells see each grating's brightest and darkest stripe, and their colour."""
    tuning, _ = shown
    by_name = {group.name: tuning.sites["retina"][rows] for group, rows in tuning.of_groups.items()}
    assert (
        np.ptp(by_name["luma grating, 7 px"], axis=0).max()
        < 0.2 * by_name["luma grating, 7 px"].min()
    )
    red, green = by_name["red line, straight"], by_name["green line, straight"]
    assert (red[:, 0] > green[:, 0]).all()
    assert (red[:, 1] < green[:, 1]).all()


@pytest.mark.parametrize(
    ("at_px", "expected"), [(51.0, (5, 8)), (54.9, (5, 8)), (-9.0, (0, 2)), (500.0, (10, 12))]
)
def test_near_is_the_nearest_cell_and_one_to_each_side(at_px, expected):
    near = probes._near(Cells(3, 8, 12), at_px)
    assert (near.start, min(near.stop, 12)) == expected


def test_groups_draw_every_direction_equally_often():
    host, _, _ = planted()
    for group, pictures in probes._groups(host, (51.0, 51.0)):
        for rgb in pictures:
            assert rgb.shape[0] % len(group.normals_deg) == 0
            assert rgb.shape[1:] == (3, 96, 96)
            assert bool(torch.isfinite(rgb).all())


def test_answers_with_a_cache_are_the_same_and_only_new_ones_are_computed(
    shown, tmp_path, monkeypatch
):
    host, trained, spec = planted()
    circuit, cache = compile_spec(spec, trained, host), Cache(tmp_path, GIB)
    asked = ["retina", "planted"]
    slow, _ = shown
    probes.answers(host, circuit, asked, lambda steps: None, cache)
    layer = circuit.layers[-1]
    other = replace(
        circuit, layers=(*circuit.layers[:-1], replace(layer, threshold=layer.threshold + 0.1))
    )
    steps = list[int]()
    with monkeypatch.context() as patch:
        patch.setattr(probes, "_highest", _refused)
        read = probes.answers(host, circuit, asked, steps.append, cache)
        for unknown in ((other, asked), (circuit, asked[1:])):
            with pytest.raises(RuntimeError, match="computed again"):
                probes.answers(host, *unknown, lambda steps: None, cache)
    assert sum(steps) == probes.group_count() == len(read.groups)
    assert read.groups == slow.groups
    for one, same in ((slow.sites, read.sites), (slow.families, read.families)):
        assert one.keys() == same.keys()
        assert all((one[name] == same[name]).all() for name in one)


@pytest.mark.full
def test_answers_after_an_interruption_go_on_group_by_group(shown, tmp_path, monkeypatch):
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
    resumed = probes.answers(host, circuit, ["retina", "planted"], stop, cache)
    once = sum(len(list(pictures)) for _, pictures in probes._groups(host, (51.0, 51.0)))
    assert 0 < before < once
    assert len(asked) == once
    for one, same in ((shown[0].sites, resumed.sites), (shown[0].families, resumed.families)):
        assert all((one[name] == same[name]).all() for name in one)


def _refused(*words):
    raise RuntimeError("computed again")


def test_highest_is_that_of_all_pictures_at_once(monkeypatch):
    """Also where a batch ends within the pictures of one direction."""
    rgb = torch.rand(12, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 255
    cells = Cells(3, 8, 12)
    whole = rgb[:, :, 3::8, 3::8]
    monkeypatch.setattr(probes, "BATCH", 5)

    def respond(some):
        assert len(some) <= 5
        return {"unit": (some[:, :, 3::8, 3::8], (cells, cells))}

    highest = probes._highest(respond, rgb, (51.0, 59.0), directions=4)["unit"]
    expected = whole[:, :, 6:9, 5:8].reshape(4, 3, 3, 9).amax((1, 3))
    assert (highest == expected.numpy()).all()
