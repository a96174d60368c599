"""A survey finds planted curve units with their poses, and finds none where there is none."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from tests.interrupted import counted
from tests.vision.survey.toy import toy_host
from workbench.cache import GIB, Cache
from workbench.cli.survey import FAMILIES as LISTED
from workbench.errors import WorkbenchError
from workbench.hosts import Host
from workbench.hosts.null import null_host
from workbench.spec import TrainedCircuit
from workbench.spec.loader import load_circuit
from workbench.vision.pictures import photographs
from workbench.vision.survey import (
    FAMILIES,
    NoneFoundError,
    largest_gap_deg,
    moderate_sites,
    survey,
)
from workbench.vision.survey.responses import steps_of
from workbench.vision.survey.survey import judge_sites
from workbench.vision.survey.tuning import THRESHOLDS, vector_mean

PLANTED_DEG = (0.0, 20.0, 110.0, 200.0, 315.0)
PLANTED_RADIUS_PX = 26.0
POSE_TOLERANCE_DEG = 1.5  # the toy lies on a grid of 4 pixels
STRAIGHT_PX = 4000.0
CIRCUITS = Path(__file__).parents[3] / "circuits"
TURNS_DEG = (0, 90, 180, 270)


@pytest.fixture(scope="module")
def pictures():
    return photographs("calibration")[::8]


def apart_deg(a, b):
    return abs((a - b + 180) % 360 - 180)


def test_planted_curve_units_are_found_with_their_poses(pictures):
    steps = []
    circuit = survey(
        toy_host(PLANTED_DEG, PLANTED_RADIUS_PX),
        pictures=pictures,
        progress=lambda *step: steps.append(step),
        date="2026-01-02",
    )
    assert [unit.unit for unit in circuit.units] == list(range(len(PLANTED_DEG)))
    for unit, planted in zip(circuit.units, PLANTED_DEG, strict=True):
        assert apart_deg(unit.centre_deg, planted) < POSE_TOLERANCE_DEG
        assert unit.radius_px == pytest.approx(PLANTED_RADIUS_PX, rel=0.3)
        assert (
            np.hypot(*unit.shift_px) < 4
        )  # planted with the apex on the cell's centre; one cell of the toy's first layer
    assert (circuit.host, circuit.site, circuit.found.date, circuit.found.thresholds) == (
        "toy",
        "units",
        "2026-01-02",
        THRESHOLDS,
    )
    assert ("arcs", 24, 24) in steps


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param("pictures", marks=pytest.mark.full),
        "arcs",
        pytest.param("places", marks=pytest.mark.full),
    ],
)
def test_an_interrupted_survey_goes_on_to_the_same_units(pictures, tmp_path, monkeypatch, stage):
    """Every step is computed once."""
    host, calls = (
        toy_host(PLANTED_DEG[:3], PLANTED_RADIUS_PX),
        counted(monkeypatch, Host, "activations"),
    )

    def run(cache: Cache | None, progress=lambda *step: None) -> TrainedCircuit:
        return survey(host, pictures=pictures, progress=progress, date="2026-01-02", cache=cache)

    whole = run(None)
    once = len(calls)
    with pytest.raises(KeyboardInterrupt):
        run(Cache(tmp_path, GIB), interrupted_in(stage))
    assert once < len(calls) < 2 * once
    assert run(Cache(tmp_path, GIB)) == whole
    assert len(calls) == 2 * once


@pytest.mark.full
@pytest.mark.parametrize(
    ("family", "stage"),
    [
        ("early_curve", "arcs"),
        ("line", "arcs"),
        ("complex_gabor", "bars and edges"),
        ("high-low-frequency", "textures"),
    ],
)
def test_an_interrupted_survey_of_any_other_family_goes_on_to_the_same_figures(
    pictures, tmp_path, monkeypatch, family, stage
):
    host, calls = (
        toy_host(PLANTED_DEG, PLANTED_RADIUS_PX),
        counted(monkeypatch, Host, "activations"),
    )

    def figures(cache: Cache | None, progress=lambda *step: None) -> dict[str, list[float]]:
        judged = judge_sites(
            host, FAMILIES[family], ["units"], pictures, steps_of(host, family, progress, cache)
        )
        return {name: values.tolist() for name, values in judged["units"].figures.items()}

    whole = figures(None)
    once = len(calls)
    with pytest.raises(KeyboardInterrupt):
        figures(Cache(tmp_path, GIB), interrupted_in(stage))
    assert figures(Cache(tmp_path, GIB)) == whole
    assert len(calls) == 2 * once


def interrupted_in(stage: str):
    """Progress that is interrupted when a step of that stage was done."""

    def progress(what: str, done: int, total: int) -> None:
        if what == stage and done:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("family", ["curve", "early_curve"])
def test_planted_line_units_are_no_curve_units(pictures, family):
    with pytest.raises(
        WorkbenchError, match=rf"no {family} units found; nearest: units:[0-4] .*curvature"
    ):
        survey(toy_host(PLANTED_DEG, STRAIGHT_PX), family, pictures)


def test_two_units_are_no_family(pictures):
    message = (
        r"only units:0, units:1 would be curve units, no family; nearest: .*; "
        "expected 3 units or more at one site"
    )
    with pytest.raises(NoneFoundError, match=message):
        survey(toy_host(PLANTED_DEG[:2], PLANTED_RADIUS_PX), pictures=pictures)
    assert len(survey(toy_host(PLANTED_DEG[:3], PLANTED_RADIUS_PX), pictures=pictures).units) == 3


def test_early_curves_may_have_an_echo_that_curves_may_not(pictures):
    judged = {}
    for echo in (0.0, 0.25):
        host, turned = (
            toy_host([pose + turn for pose in PLANTED_DEG], PLANTED_RADIUS_PX) for turn in (0, 180)
        )
        host.network[0].units.weight.data += echo * turned.network[0].units.weight.data
        for family in ("curve", "early_curve"):
            judged[family, echo] = judge_sites(
                host,
                FAMILIES[family],
                ["units"],
                pictures,
                steps_of(host, family, lambda *step: None, None),
            )["units"]
    met = {
        key: each.figures["direction"] >= each.thresholds["direction"]
        for key, each in judged.items()
    }
    assert met["curve", 0.0].all()
    assert not met["curve", 0.25].any()
    assert met["early_curve", 0.25].all()
    assert judged["early_curve", 0.0].passes.all()


def test_planted_units_with_shuffled_weights_are_no_curve_units(pictures):
    host = toy_host(PLANTED_DEG, PLANTED_RADIUS_PX)
    weight = host.network[0].units.weight.data
    weight.copy_(
        weight.flatten(1)[
            :, torch.randperm(weight[0].numel(), generator=torch.Generator().manual_seed(0))
        ].reshape(weight.shape)
    )
    with pytest.raises(WorkbenchError, match="no curve units found"):
        survey(host, pictures=pictures)


def test_a_host_of_random_weights_has_no_curve_units(tiny_host, pictures):
    with pytest.raises(WorkbenchError, match=r"host tiny, .*no curve units found"):
        survey(tiny_host, pictures=pictures)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"family": "curves", "pictures": [None]}, "Did you mean 'curve'"),
        ({"pictures": []}, "no pictures"),
        ({"pictures": [None], "sites": ["thrid"]}, "Did you mean 'third'"),
    ],
)
def test_nonsense_is_refused(tiny_host, arguments, message):
    with pytest.raises(WorkbenchError, match=message):
        survey(tiny_host, **arguments)


def test_the_command_line_lists_every_family():
    assert tuple(FAMILIES) == LISTED


def test_moderate_sites_are_those_of_stride_eight(squeezenet):
    assert moderate_sites(squeezenet) == ["fire4", "fire5"]


def test_vector_mean_tells_one_peak_from_two_and_from_none():
    deg = np.arange(24) * 15.0
    curves = np.stack(
        [
            np.maximum(0, np.cos(np.radians(deg - 40))),
            np.cos(np.radians(deg)) ** 2,
            np.ones(24),
            np.zeros(24),
        ],
        1,
    )
    pose_deg, length = vector_mean(curves)
    assert pose_deg[0] == pytest.approx(40, abs=0.2)
    np.testing.assert_allclose(length, [math.pi / 4, 0, 0, 0], atol=0.01)


def test_largest_gap_goes_round_the_circle():
    assert largest_gap_deg([350.0, 10.0, 100.0]) == 250
    assert largest_gap_deg([7.0]) == 360


# The widest stretch of the circle without a unit: EfficientNet has five units, and none within 99
# degrees.
GAPS_DEG = {
    "squeezenet": 60,
    "inceptionv1": 60,
    "squeezenet_second_run": 70,
    "efficientnet_lite0": 100,
    "resnet50v2_trunk": 60,
}


@pytest.mark.parametrize(
    "name",
    [
        "squeezenet",
        "efficientnet_lite0",
        pytest.param("inceptionv1", marks=pytest.mark.inceptionv1),
        pytest.param("squeezenet_second_run", marks=pytest.mark.shared),
        pytest.param("resnet50v2_trunk", marks=pytest.mark.shared),
    ],
)
def test_the_trained_circuits_prefer_arcs_drawn_by_another_library(request, name):
    """The poses in circuits/, against dark arcs that Pillow draws: facing the pose, to its sides,
    and away from it.
    """
    host = request.getfixturevalue(name)
    circuit = load_circuit(CIRCUITS / host.name / "curve.yaml")
    assert circuit.fingerprint == host.fingerprint
    assert largest_gap_deg([unit.centre_deg for unit in circuit.units]) < GAPS_DEG[name]
    site = host.site(circuit.site)
    apex = site.offset_px + 13 * site.stride_px
    arcs = [
        pillow_arc(apex, unit.centre_deg + turn, unit.radius_px, host.input.size_px)
        for unit in circuit.units
        for turn in TURNS_DEG
    ]
    with torch.no_grad():
        responses = host.activations(host.input.encode(torch.cat(arcs)), site.name)[site.name][
            :, :, 12:15, 12:15
        ].amax((2, 3))
    units = [unit.unit for unit in circuit.units]
    facing, right, away, left = responses.reshape(len(units), len(TURNS_DEG), -1)[
        range(len(units)), :, units
    ].T
    assert (facing > 2 * away).all()
    assert (facing > torch.maximum(left, right)).double().mean() > 0.9


@pytest.mark.full
def test_a_survey_of_squeezenet_finds_its_trained_circuit_again(squeezenet):
    surveyed = survey(squeezenet, pictures=photographs("calibration"))
    written = load_circuit(CIRCUITS / "squeezenet" / "curve.yaml")
    assert [unit.unit for unit in surveyed.units] == [unit.unit for unit in written.units]
    assert surveyed.found.pictures_sha256 == written.found.pictures_sha256
    for now, then in zip(surveyed.units, written.units, strict=True):
        assert apart_deg(now.centre_deg, then.centre_deg) < 0.2  # written to 0.1 degree


@pytest.mark.full
def test_squeezenet_with_shuffled_weights_has_no_curve_family(squeezenet):
    with pytest.raises(NoneFoundError, match="curve units"):
        survey(null_host(squeezenet), pictures=photographs("calibration"))


def pillow_arc(apex, centre_deg, radius, size):
    """A dark arc on grey by Pillow, whose angles run from +x towards +y as ours do."""
    image = Image.new("RGB", (size, size), (127, 127, 127))
    cx, cy = (
        apex + radius * math.cos(math.radians(centre_deg)),
        apex + radius * math.sin(math.radians(centre_deg)),
    )
    box = (cx - radius - 1, cy - radius - 1, cx + radius + 1, cy + radius + 1)
    ImageDraw.Draw(image).arc(
        box, centre_deg + 180 - 55, centre_deg + 180 + 55, fill=(0, 0, 0), width=3
    )
    return torch.tensor(np.asarray(image), dtype=torch.float32).permute(2, 0, 1)[None]
