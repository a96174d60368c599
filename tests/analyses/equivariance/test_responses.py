"""Turned pictures and the responses to them; a planted family's units are rotated copies."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates
from torch import nn

from tests.planted import INPUT, SITE, planted, trained_circuit
from workbench.analyses.equivariance.disc import TURNS_DEG, about, disc_px, through_disc
from workbench.analyses.equivariance.drawings import DRAWN, MIRRORED
from workbench.analyses.equivariance.filters import Filters, filters
from workbench.analyses.equivariance.orbits import alike, orbit
from workbench.analyses.equivariance.responses import frames_of, on_drawings, on_pictures, read
from workbench.analyses.equivariance.weights import from_family, period_deg, raw_weights
from workbench.errors import WorkbenchError
from workbench.hosts import host_from_module
from workbench.hosts.grid import middle_px
from workbench.matching.agreement import permutations, predicted
from workbench.matching.prediction import BY_TURNS
from workbench.matching.relative import seen_by
from workbench.spec import TrainedUnit
from workbench.vision.geometry.frames import OPPONENT_AXES
from workbench.vision.pictures.drawn import drawn
from workbench.vision.stimuli import Stroke, arc, line

EXACT = 1e-4  # float32 of a bicubic grid that meets the pixels
ALONG = 0.98  # correlation of a turned drawing and a drawing at that pose: pixels are resampled


def shown(host, rgb):
    """The largest difference from the ground, as a picture `n h w`."""
    return (rgb - torch.tensor(host.input.mean_rgb)[:, None, None]).abs().sum(1).flatten(1)


@pytest.fixture(scope="module")
def host():
    return planted().host


@pytest.mark.parametrize(("side", "sign"), [(1.0, 1), (-1.0, -1)])
def test_a_picture_turns_as_poses_do(host, side, sign):
    site, pose_deg = host.site(SITE), 40.0
    apex = middle_px(site)
    draw = [
        arc(
            96,
            apex,
            (turn + sign * pose_deg) % 360,
            20.0,
            stroke=Stroke(background=np.array(INPUT.mean_rgb)),
        )
        for turn in TURNS_DEG
    ]
    expected = torch.from_numpy(np.stack(draw)).permute(0, 3, 1, 2).float()
    rgb = (
        torch.from_numpy(
            arc(96, apex, pose_deg, 20.0, stroke=Stroke(background=np.array(INPUT.mean_rgb)))
        )
        .permute(2, 0, 1)[None]
        .float()
    )
    turned, wanted = shown(host, through_disc(host, site, rgb, side)), shown(host, expected)
    near = [float(np.corrcoef(a, b)[0, 1]) for a, b in zip(turned, wanted, strict=True)]
    assert min(near) > ALONG
    other = [
        float(np.corrcoef(a, b)[0, 1]) for a, b in zip(turned, wanted.roll(12, 0), strict=True)
    ]
    assert max(other) < 0.5


def test_nothing_is_turned_at_0_and_nothing_is_seen_outside(host):
    site = host.site(SITE)
    rgb = 255 * torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    turned = through_disc(host, site, rgb, 1.0)
    x, y = middle_px(site)
    apart = torch.hypot(torch.arange(96.0)[None, :] - x, torch.arange(96.0)[:, None] - y)
    inside, outside = apart < disc_px(host, site) - 6, apart > disc_px(host, site)
    torch.testing.assert_close(turned[0][:, inside], rgb[0][:, inside], rtol=0, atol=EXACT * 255)
    assert (turned[:, :, outside] == torch.tensor(INPUT.mean_rgb)[:, None]).all()


def test_places_turn_with_the_picture(host):
    site = host.site(SITE)
    moved = about(site, torch.tensor([[10.0, 0.0]]))[6, 0] - torch.tensor(
        middle_px(site)
    )  # by 90 degrees
    torch.testing.assert_close(moved, torch.tensor([0.0, 10.0]), rtol=0, atol=1e-4)


def test_units_are_read_where_they_want_their_feature(host):
    units = (
        TrainedUnit(unit=3, centre_deg=0.0, shift_px=(3.0, -5.0)),
        TrainedUnit(unit=5, centre_deg=0.0),
    )
    circuit, site = trained_circuit(host, units), host.site(SITE)
    rgb = 255 * torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    at = torch.tensor([[[40.0, 50.0], [61.0, 33.0]], [[30.0, 30.0], [70.0, 45.0]]])
    maps = host.activations(host.input.encode(rgb), SITE)[SITE]
    responses = read(host, circuit, rgb, at)
    for picture, place, unit in np.ndindex(2, 2, 2):
        x, y = (
            at[picture, place] - torch.tensor(units[unit].shift_px or (0.0, 0.0)) - site.offset_px
        ) / site.stride_px
        expected = map_coordinates(maps[picture, units[unit].unit].numpy(), [[y], [x]], order=1)
        assert float(responses[picture, place, unit]) == pytest.approx(float(expected[0]), abs=1e-4)


def test_every_drawing_has_its_mirror_image():
    size, apex = 96, (50.0, 44.0)
    for name, draw in DRAWN.items():
        (picture,) = draw(size, apex, torch.zeros(1), 1.0)
        (partner,) = DRAWN[MIRRORED.get(name, name)](size, apex, torch.zeros(1), 1.0)
        up_and_down = picture[:89].flip(0)  # about row 44
        assert (up_and_down - partner[:89]).abs().max() < 0.5, name
        if name in MIRRORED:
            assert (picture - partner).abs().max() > 50


def explained(tables) -> float:
    return float(orbit(alike(tables, False), np.arange(len(tables.upright))).explained.mean())


def test_planted_units_are_turned_copies_on_drawings_and_on_pictures():
    host, trained, _ = planted()
    frames, steps = frames_of(trained), []
    for seen in (
        on_drawings(host, trained, False, steps.append),
        on_pictures(host, trained, drawn(3, seed=3), steps.append),
    ):
        turned = explained(seen.tables(frames))
        assert turned > 0.85
        assert explained(seen.tables(frames.only())) < turned - 0.3
        assert explained(seen.tables(frames.permuted(np.array([2, 4, 0, 1, 5, 3])))) < turned - 0.3
    assert sum(steps) == len(DRAWN) + 3


def test_a_mirror_image_in_the_frame_of_a_unit_is_what_the_unit_says_to_the_mirrored_drawing():
    host, trained, _ = planted()
    seen = on_drawings(host, trained, False, lambda steps: None)
    tables = seen.tables(frames_of(trained))
    shape = (6, len(seen.stimuli), 1, 24)
    as_is, mirrored = tables.upright.reshape(shape), tables.mirrored.reshape(shape)
    left, right = (seen.stimuli.index(f"bright arc {side}") for side in ("left", "right"))
    np.testing.assert_allclose(mirrored[:, left, 0, 3], as_is[:, right, 0, -3])
    assert (
        np.corrcoef(as_is.ravel(), mirrored.ravel())[0, 1] > 0.9
    )  # a curve is its as_is mirror image


def test_frames_of_a_circuit():
    units = (
        TrainedUnit(unit=0, centre_deg=30.0, radius_px=20.0, channel="red-green"),
        TrainedUnit(unit=1, centre_deg=40.0, radius_px=80.0, channel="luma"),
    )
    frames = frames_of(trained_circuit(planted().host, units))
    assert frames.turn_deg.tolist() == [30.0, 40.0]
    np.testing.assert_allclose(frames.octaves, [-1, 1])
    np.testing.assert_allclose(frames.colour, [[0, 1, 0], [1, 0, 0]])


UP_DEG, OWN_DEG = np.arange(0.0, 180.0, 15.0), np.array([0.0, 50.0, 75.0, 140.0, 200.0, 290.0])


def lines_to_curves():
    """A host whose second layer reads the lines of its first as curves do: along an arc, each line
    tangent to it, at each unit's pose.
    """
    first = nn.Conv2d(3, len(UP_DEG), 15, 4, padding=7)
    second = nn.Conv2d(len(UP_DEG), len(OWN_DEG), 5, padding=2)
    step = 4.0 * np.arange(-2, 3)
    x, y = np.meshgrid(step, step)
    with torch.no_grad():
        for up, normal_deg in enumerate(UP_DEG):
            bright = line(
                15, (7.0, 7.0), normal_deg - 90, stroke=Stroke(foreground=1.0, background=0.0)
            )
            first.weight[up] = torch.from_numpy(bright - bright.mean()).permute(2, 0, 1) / 20
        for unit, own_deg in enumerate(OWN_DEG):
            turn = np.radians(own_deg)
            along, across = y * np.cos(turn) - x * np.sin(turn), x * np.cos(turn) + y * np.sin(turn)
            wanted_deg = own_deg + np.degrees(along / 14.0)
            for up, normal_deg in enumerate(UP_DEG):
                apart = np.radians(normal_deg - wanted_deg)
                weight = (
                    np.cos(2 * apart)
                    * np.exp(-((across - along**2 / 28) ** 2) / 50)
                    * (np.hypot(x, y) < 9)
                )
                second.weight[unit, up] = torch.from_numpy(weight)
        first.bias.zero_()
        second.bias.zero_()
    network = nn.Sequential(
        nn.Sequential(first, nn.ReLU()),
        nn.Sequential(second, nn.ReLU()),
        nn.Sequential(nn.Flatten(), nn.Linear(6 * 24**2, 3)),
    )
    host = host_from_module(network, "two layers", {"lines": "0", "curves": "1"}, INPUT)
    lines = [TrainedUnit(unit=i, centre_deg=normal_deg) for i, normal_deg in enumerate(UP_DEG)]
    curves = [TrainedUnit(unit=i, centre_deg=own_deg) for i, own_deg in enumerate(OWN_DEG)]
    return (
        host,
        trained_circuit(host, curves, "curve", "curves"),
        trained_circuit(host, lines, "line", "lines"),
    )


def test_weights_are_turned_copies_where_they_were_planted_so():
    host, curves, lines = lines_to_curves()
    assert (period_deg(lines), period_deg(curves)) == (180.0, 360.0)
    frames, weights = frames_of(curves), from_family(host, curves, lines)
    assert explained(weights.tables(frames)) > 0.9
    assert explained(weights.tables(frames.only())) < 0.4
    assert explained(weights.tables(frames.permuted(np.array([2, 4, 0, 1, 5, 3])))) < 0.4


def test_curves_of_half_a_circle_are_no_lines():
    host, curves, _ = lines_to_curves()
    half = trained_circuit(host, curves.units[:4], "curve", "curves")
    assert max(unit.centre_deg for unit in half.units) < 180
    assert period_deg(half) == 360.0


def test_raw_weights_are_foretold_where_they_were_planted_and_not_in_wrong_poses():
    host, curves, lines = lines_to_curves()
    raw = raw_weights(host, curves, lines)
    assert seen_by(raw)[2] == 180.0
    weight = host.module("curves")[0].weight.detach().double().numpy()
    strong = (raw.trained * weight).sum((0, 2, 3)) / (weight**2).sum((0, 2, 3))
    np.testing.assert_allclose(
        raw.trained, strong[:, None, None] * weight, rtol=1e-5
    )  # as they are, but for each line's loudness
    orders = permutations(len(curves.units), 0)
    right = predicted(raw, orders)[BY_TURNS]["explained"]
    assert right.value > 0.4
    assert right.p < 0.05
    units = [
        unit.model_copy(update={"centre_deg": OWN_DEG[other]})
        for unit, other in zip(curves.units, (2, 4, 0, 1, 5, 3), strict=True)
    ]
    wrong = raw_weights(host, trained_circuit(host, units, "curve", "curves"), lines)
    assert predicted(wrong, orders)[BY_TURNS]["explained"].value < right.value - 0.3


def test_a_sign_turned_around_in_one_unit_shows():
    host, curves, lines = lines_to_curves()
    with torch.no_grad():
        host.module("curves")[0].weight[2] *= -1
    weights = from_family(host, curves, lines)
    explained = orbit(alike(weights.tables(frames_of(curves)), False), np.arange(6)).explained
    assert explained[2] == 0
    assert np.delete(explained, 2).min() > 0.7


def test_weights_from_a_site_that_is_not_the_one_before_are_refused():
    host, trained, _ = planted()
    edges = trained_circuit(host, (TrainedUnit(unit=0, centre_deg=0.0),), "edge", "consumers")
    with pytest.raises(WorkbenchError, match="expected two neighbours of a chain"):
        from_family(host, trained, edges)


def test_filters_are_seen_turned_and_in_their_own_colour():
    turns, colours = np.array([0.0, 30.0, 100.0, 250.0]), np.eye(3)[[0, 1, 2, 1]]
    line_px = np.arange(-3.0, 4.0)
    x, y = np.meshgrid(line_px, line_px)
    planes = []
    for turn, colour in zip(np.radians(turns), colours, strict=True):
        across, along = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        plane = np.sin(across) * np.exp(-(across**2 + 0.3 * along**2) / 5)
        planes.append(colour[:, None, None] * plane)
    circuit = trained_circuit(
        planted().host, [TrainedUnit(unit=i, centre_deg=turn) for i, turn in enumerate(turns)]
    )
    of_planes = Filters(np.stack(planes), np.zeros((4, 2)))
    frames = frames_of(circuit)
    frames = type(frames)(frames.turn_deg, frames.octaves, colours)
    assert explained(of_planes.tables(frames.only("rotation", "hue"))) > 0.9
    assert explained(of_planes.tables(frames.only("rotation"))) < 0.4
    assert explained(of_planes.tables(frames.only("hue"))) < 0.4


def test_filters_of_a_host_are_those_of_its_convolution(tiny_host):
    circuit = trained_circuit(
        tiny_host,
        (TrainedUnit(unit=2, centre_deg=0.0), TrainedUnit(unit=5, centre_deg=9.0)),
        site="first",
    )
    of_host = filters(tiny_host, circuit)
    weight = tiny_host.module("first")[0].weight[[2, 5]].double().numpy() / 64.0
    np.testing.assert_allclose(
        np.einsum("kc,ukhw->uchw", OPPONENT_AXES, of_host.weight), weight, atol=1e-12
    )
    assert filters(tiny_host, trained_circuit(tiny_host, circuit.units, site="second")) is None
