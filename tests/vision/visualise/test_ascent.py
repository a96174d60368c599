"""Feature visualisation: the canvas, the transformations, and pictures that activate their unit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from tests.planted import SITE, planted
from workbench.analyses.visualise.responses import highest_responses
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.hosts import PictureInput, host_from_module
from workbench.splice.slots import Channels
from workbench.vision.pictures.drawn import drawn
from workbench.vision.stimuli import arc
from workbench.vision.visualise.ascent import JITTER_SHARE, ascend, transformed
from workbench.vision.visualise.canvas import CONTRAST, Canvas, canvas, colour_axes, field_px
from workbench.vision.visualise.objectives import SEARCH, handwritten_drive, trained_response

STEPS = 24
PLAIN = Canvas(64, 32, (31, 31), (10.0, 20.0, 30.0), torch.eye(3))


def test_colours_vary_as_those_of_photographs():
    host, pictures = planted().host, drawn(6, seed=1)
    axes = colour_axes(pictures, host)
    pixels = np.concatenate([picture.load().reshape(-1, 3)[::37] for picture in pictures]).astype(
        float
    )
    expected, covariance = np.cov(pixels.T), (axes @ axes.T).numpy()
    np.testing.assert_allclose(
        covariance / np.trace(covariance), expected / np.trace(expected), atol=0.06
    )  # other pixels, after scaling
    assert float(axes.norm(dim=0).max()) == pytest.approx(1)


def test_noise_falls_as_one_over_frequency_and_has_the_spread_it_says():
    window = PLAIN.window(PLAIN.start(200, 0))
    plane = torch.logit(window / 255).double()
    assert float(plane.std()) == pytest.approx(CONTRAST, rel=0.05)
    power = torch.fft.rfft2(plane).abs().square().mean((0, 1))
    assert float((power[0, 2] / power[0, 8]).sqrt()) == pytest.approx(4, rel=0.15)
    assert float((power[3, 0] / power[12, 0]).sqrt()) == pytest.approx(4, rel=0.15)


def test_colours_are_turned_together():
    axes = torch.tensor([[1.0, 0, 0], [1.0, 0, 0], [0, 0, 0.5]])
    window = Canvas(64, 32, (31, 31), (0.0, 0.0, 0.0), axes).window(PLAIN.start(1, 0))[0]
    torch.testing.assert_close(window[0], window[1])
    assert (window[0] - window[2]).abs().max() > 1


def test_the_window_lies_about_its_point():
    picture = PLAIN.picture(torch.full((1, 3, 32, 32), 99.0))[0]
    inside = (picture == 99).all(0)
    assert inside.nonzero().min(0).values.tolist() == [15, 15]
    assert inside.nonzero().max(0).values.tolist() == [46, 46]
    assert picture[:, 0, 0].tolist() == [10, 20, 30]


def test_steps_move_turn_and_resize_a_little():
    rgb = torch.from_numpy(arc(64, (31.0, 31.0), 30.0, 15.0)).permute(2, 0, 1)[None].float()
    generator = torch.Generator().manual_seed(0)
    moved = torch.cat([transformed(rgb, (31, 31), generator) for _ in range(8)])
    assert moved.shape == (8, 3, 64, 64)
    apart = (moved - rgb).abs().mean((1, 2, 3))
    assert (apart > 0.5).all()
    assert (moved - moved[:1]).abs().mean((1, 2, 3))[1:].min() > 1
    centred = [np.argwhere(picture[0].numpy() > 200).mean(0) for picture in (rgb[0], *moved)]
    assert max(np.linalg.norm(middle - centred[0]) for middle in centred[1:]) < 8


def test_ascend_network_without_gradients_is_refused():
    class NoGradient(nn.Sequential):
        @torch.no_grad()
        def forward(self, x):
            return super().forward(x)

    network = NoGradient(nn.Conv2d(3, 4, 5, 2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    given = PictureInput(size_px=32, mean_rgb=(9.0, 9.0, 9.0))
    host = host_from_module(network, "fixed", {"a": "1"}, given)
    made = canvas(host, host.site("a"), torch.eye(3))
    with pytest.raises(WorkbenchError, match=r"host fixed: its network computes no gradient"):
        ascend(made, trained_response(host, host.site("a"), Channels((0,))), 1, seed=0, steps=1)


def test_the_receptive_field_is_that_of_the_convolutions():
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 5, 2, padding=2), nn.ReLU()),
        nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
    )
    host = host_from_module(
        network, "two", {"a": "0", "b": "1"}, PictureInput(size_px=32, mean_rgb=(9.0, 9.0, 9.0))
    )
    assert (field_px(host, host.site("a")), field_px(host, host.site("b"))) == (5, 9)
    made = canvas(host, host.site("b"), torch.eye(3))
    assert (made.side_px, made.middle_px, made.ground_rgb) == (8, (16, 16), (9.0, 9.0, 9.0))


def first_filter(monkeypatch: pytest.MonkeyPatch, share: float) -> float:
    """How far a picture that is made for a Gabor filter of 7 px at the input drives it, over the
    most that any picture of its colours could.
    """
    monkeypatch.setattr("workbench.vision.visualise.ascent.JITTER_SHARE", share)
    x, y = np.meshgrid(np.arange(-3.0, 4), np.arange(-3.0, 4))
    kernel = torch.from_numpy(np.cos(2 * np.pi * x / 4) * np.exp(-(x**2 + y**2) / 8)).float()
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 1, 7, 2, 3, bias=False), nn.ReLU()),
        nn.Sequential(nn.Flatten(), nn.LazyLinear(2)),
    )
    network[0][0].weight = nn.Parameter(kernel.expand(1, 3, 7, 7).clone(), requires_grad=False)
    network(torch.zeros(1, 3, 32, 32))
    host = host_from_module(
        network, "gabor", {"first": "0"}, PictureInput(size_px=32, mean_rgb=(127.0, 127.0, 127.0))
    )
    site, painted = host.site("first"), canvas(host, host.site("first"), torch.eye(3))
    window = ascend(
        painted, trained_response(host, site, Channels((0,))), 1, seed=1, steps=STEPS
    )  # a start that does not silence it
    activation = host.activations(host.input.encode(painted.picture(window)), "first")["first"][
        0, 0
    ]
    return float(activation[site.height // 2, site.width // 2]) / (
        3 * 127 * float(kernel.abs().sum())
    )


def test_a_filter_as_small_as_the_moves_is_moved_less(monkeypatch):
    assert first_filter(monkeypatch, JITTER_SHARE) > 0.4
    assert first_filter(monkeypatch, 1.0) < 0.4


def test_the_search_ends_at_the_middle(tiny_host):
    site = tiny_host.site("second")
    objective = trained_response(tiny_host, site, Channels((3, 5)))
    rgb = 255 * torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    maps = tiny_host.activations(tiny_host.input.encode(rgb), "second")["second"]
    response = objective(rgb, SEARCH)
    assert response.tolist() == [float(maps[0, 3, 8, 8]), float(maps[1, 5, 8, 8])]
    torch.testing.assert_close(objective(rgb, SEARCH - 1e-6), response)
    assert (objective(rgb, 0.0) - response).abs().min() > 1e-4


def channels(chosen: Sequence[int]) -> Channels:
    """The planted units of these indices."""
    return Channels(tuple(planted().trained.units[i].unit for i in chosen))


@pytest.fixture(scope="module")
def made():
    """Pictures for three planted units, and what all of them say."""
    host, trained, spec = planted()
    circuit, chosen = compile_spec(spec, trained, host), [0, 1, 4]
    painted = canvas(host, host.site(SITE), colour_axes(drawn(4, seed=1), host))
    objectives = (
        trained_response(host, host.site(SITE), channels(chosen)),
        handwritten_drive(host, circuit, chosen),
    )
    windows = torch.cat([ascend(painted, objective, 3, steps=STEPS) for objective in objectives])
    return (
        windows,
        highest_responses(
            host, circuit, painted.picture(windows), drawn(12, seed=3), lambda steps: None
        ),
        chosen * 2,
    )


def test_a_picture_drives_its_unit_more_than_any_photograph_and_other_poses_less(made):
    _, responses, units = made
    trained, handwritten = (
        responses.trained / responses.best_trained,
        responses.handwritten / responses.best_handwritten,
    )
    for row, unit in enumerate(units):
        assert trained[row, unit] > 1
        assert handwritten[row, unit] > 1
        assert trained[row, unit] == trained[row].max()
        assert np.delete(trained[row], unit).mean() < 0.8 * trained[row, unit]


def test_what_is_made_for_one_unit_is_not_what_another_wants(made):
    _, responses, units = made
    trained = responses.trained / responses.best_trained
    for column in (0, 1, 4):
        rows = [trained[row, column] for row, unit in enumerate(units) if unit != column]
        assert max(rows) < min(
            trained[row, column] for row, unit in enumerate(units) if unit == column
        )


def test_the_same_seed_gives_the_same_picture(made):
    host = planted().host
    painted = canvas(host, host.site(SITE), colour_axes(drawn(4, seed=1), host))
    objective = trained_response(host, host.site(SITE), channels((0, 1, 4)))
    assert torch.equal(ascend(painted, objective, 3, steps=STEPS), made[0][:3])
    assert not torch.equal(
        ascend(painted, objective, 3, seed=1, steps=2),
        ascend(painted, objective, 3, seed=0, steps=2),
    )


def test_what_the_opposite_theory_wants_does_not_drive_the_trained_units(made):
    host, trained, spec = planted()
    circuit, painted = (
        compile_spec(spec, trained, host),
        canvas(host, host.site(SITE), colour_axes(drawn(4, seed=1), host)),
    )
    last = circuit.layers[-1]
    flipped = replace(last, reads=tuple(replace(read, weight=-read.weight) for read in last.reads))
    opposite = replace(circuit, layers=(*circuit.layers[:-1], flipped))
    windows = ascend(painted, handwritten_drive(host, opposite, [0, 1, 4]), 3, steps=STEPS)
    responses = highest_responses(
        host, circuit, painted.picture(windows), drawn(2, seed=3), lambda steps: None
    )
    for row, unit in enumerate((0, 1, 4)):
        assert responses.trained[row, unit] < 0.3 * made[1].trained[3 + row, unit]


def test_what_a_theory_with_permuted_poses_wants_drives_other_units(made):
    """Each unit at the pose of another, neither its own nor the opposite one, which planted curves
    answer too.
    """
    host, trained, spec = planted()
    order = (2, 4, 0, 1, 5, 3)
    units = tuple(
        unit.model_copy(update={"centre_deg": trained.units[order[i]].centre_deg})
        for i, unit in enumerate(trained.units)
    )
    circuit = compile_spec(spec, trained.model_copy(update={"units": units}), host)
    painted = canvas(host, host.site(SITE), colour_axes(drawn(4, seed=1), host))
    windows = ascend(painted, handwritten_drive(host, circuit, [0, 1, 4]), 3, steps=STEPS)
    responses = highest_responses(
        host, circuit, painted.picture(windows), drawn(2, seed=3), lambda steps: None
    )
    for row, unit in enumerate((0, 1, 4)):
        assert responses.trained[row, unit] < 0.8 * made[1].trained[3 + row, unit]
        assert responses.trained[row, order[unit]] > responses.trained[row, unit]
