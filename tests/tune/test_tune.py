"""Tuning on the planted host: numbers that were moved away come back towards the truth, within
their bounds, the same way each time.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr

from tests.planted import (
    THEORY,
    PlantedHost,
    linked_host,
    mixed_host,
    mixed_units,
    planted,
    trained_circuit,
)
from workbench.cache import GIB, Cache, Kept
from workbench.compiler.compile import compile_theory
from workbench.compiler.respond import drive
from workbench.errors import WorkbenchError
from workbench.spec import numbers, theory_from_text
from workbench.spec.language import PoseBounds
from workbench.splice.link import LINKS
from workbench.tune.bounded import Bounded
from workbench.tune.moved import MovedPoses
from workbench.tune.settings import TuneSettings
from workbench.tune.spec import agreement
from workbench.tune.tune import UNDRIVEN, Tuning, correlation, first_thresholds, tune
from workbench.vision.pictures import Picture, batch
from workbench.vision.pictures.drawn import drawn

WAVELENGTH = ("families", "gabor", "reads", "input", 0, "wavelength_px")
RADIUS = ("families", "curve", "reads", "gabor", 0, "radius_px")
GAIN = ("families", "curve", "reads", "gabor", 1, "gain")
TRUTH = {WAVELENGTH: 6.0, RADIUS: 20.0, GAIN: -0.3}
MOVED = THEORY.replace("{tune: 20, min: 10, max: 40}", "{tune: 25, min: 10, max: 40}").replace(
    "{tune: -0.3,", "{tune: -0.05,"
)
# agreement of the planted circuit: exact where the link is a constant gain, less where a softmax
# has a gain of 1 in place of the planted 10 to 40
LINKED_RIGHT = {"identity": 0.9999, "softmax": 0.3}
FLOAT32 = 1e-4  # correlations of activations up to 20, mixed and mixed back in float32
STEPS, RATE = 40, 0.1  # a higher rate than the default, for the sake of time


@pytest.fixture(scope="module")
def host() -> PlantedHost:
    return planted()


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return drawn(8, seed=1)


@pytest.fixture(scope="module")
def fitted(host, pictures) -> Tuning:
    return tune(
        theory_from_text(MOVED).theory,
        [(host.trained, host.host)],
        pictures,
        TuneSettings(STEPS, rate=RATE),
    )


def test_numbers_that_were_moved_come_back(fitted):
    assert fitted.values.keys() == TRUTH.keys()
    assert abs(fitted.values[RADIUS] - 20) < 5 / 2
    assert abs(fitted.values[GAIN] + 0.3) < 0.25 / 2
    assert abs(fitted.values[WAVELENGTH] - 6) < 0.5  # it was right and may not go far


def test_the_correlation_rises(fitted):
    assert len(fitted.history) == STEPS
    assert fitted.history[0] < 0.9
    assert fitted.history[-1] > 0.95


@pytest.mark.parametrize("name", ["identity", "softmax"])
def test_the_response_that_is_fitted_has_the_link_of_the_site(host, pictures, name):
    """The history of a fit begins at the agreement of the circuit before any step."""
    linked = linked_host(host, LINKS[name])
    trained = trained_circuit(linked, host.trained.units)
    right, wrong = (theory_from_text(text) for text in (THEORY, MOVED))
    histories = [
        tune(spec.theory, [(trained, linked)], pictures, TuneSettings(3)).history
        for spec in (right, wrong)
    ]
    assert histories[1][0] < histories[0][0]
    assert histories[0][0] > LINKED_RIGHT[name]
    advance = [].append
    agreements = [agreement(spec, trained, linked, pictures, advance) for spec in (right, wrong)]
    assert agreements[1] < 0.95 < 0.999 < agreements[0]


def test_a_fit_to_directions_is_that_to_the_channels_that_they_were(host, pictures):
    matrix = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(0)))[0]
    mixed = mixed_host(host, matrix)
    trained = trained_circuit(mixed, mixed_units(host, matrix))
    theory, settings = theory_from_text(MOVED).theory, TuneSettings(3)
    channels = tune(theory, [(host.trained, host.host)], pictures, settings).history
    directions = tune(theory, [(trained, mixed)], pictures, settings).history
    assert directions == pytest.approx(channels, abs=FLOAT32)


def test_the_same_seed_gives_the_same_numbers(host, pictures):
    theory = theory_from_text(MOVED).theory
    many = pictures * 2  # more than a batch, so that the seed chooses
    first, again, other = (
        tune(theory, [(host.trained, host.host)], many, TuneSettings(3, seed=seed))
        for seed in (4, 4, 5)
    )
    assert first == again
    assert first.history != other.history


def kept_in(folder: Path) -> Kept:
    return Kept(Cache(folder, GIB), "tuning", "a fit")


def test_an_interrupted_fit_goes_on_to_the_same_numbers(host, pictures, tmp_path, monkeypatch):
    """Killed after step 7, its state kept after step 6: what was lost is taken again, and all ends
    as if nothing had happened.
    """
    monkeypatch.setattr("workbench.tune.tune.KEPT", 3)
    theory, many, steps = theory_from_text(MOVED).theory, pictures * 2, TuneSettings(12)
    whole = tune(theory, [(host.trained, host.host)], many, steps)
    kept, seen = kept_in(tmp_path), []

    def kill(done: int, _: float) -> None:
        seen.append(done)
        if sum(seen) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(theory, [(host.trained, host.host)], many, steps, on_step=kill, kept=kept)
    seen.clear()
    again = tune(
        theory,
        [(host.trained, host.host)],
        many,
        steps,
        on_step=lambda done, _: seen.append(done),
        kept=kept,
    )
    assert seen == [6, 1, 1, 1, 1, 1, 1]
    assert again == whole


def test_a_damaged_state_counts_as_none(host, pictures, tmp_path):
    kept_in(tmp_path).write("state", {"history": np.zeros(1)})
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert (
        len(
            tune(
                theory_from_text(MOVED).theory,
                [(host.trained, host.host)],
                pictures[:2],
                TuneSettings(2),
                kept=kept_in(tmp_path),
            ).history
        )
        == 2
    )


def test_values_stay_within_their_bounds(host, pictures):
    """The truth lies outside: the fit ends near the bound and not beyond it."""
    theory = theory_from_text(
        MOVED.replace("{tune: 25, min: 10, max: 40}", "{tune: 25, min: 24, max: 26}")
    ).theory
    values = tune(
        theory, [(host.trained, host.host)], pictures[:4], TuneSettings(12, rate=1.0)
    ).values
    assert 24 <= values[RADIUS] < 24.5
    for path, number in numbers(theory):
        if number.tuned:
            assert number.min <= values[path] <= number.max


@pytest.mark.parametrize("value", [24, 26])
def test_a_number_on_its_bound_is_taken_a_little_inside(value):
    theory = theory_from_text(
        MOVED.replace("{tune: 25, min: 10, max: 40}", f"{{tune: {value}, min: 24, max: 26}}")
    ).theory
    start = Bounded(theory).values()[RADIUS]
    assert 24 < start < 26
    assert start == pytest.approx(value, abs=0.05)


def test_a_number_without_room_stays(host, pictures):
    theory = theory_from_text(
        MOVED.replace("{tune: 25, min: 10, max: 40}", "{tune: 25, min: 25, max: 25}")
    ).theory
    fit = tune(theory, [(host.trained, host.host)], pictures[:2], TuneSettings(2))
    assert fit.values[RADIUS] == 25
    assert all(value == value for value in fit.history)  # no nan


def test_a_held_family_keeps_its_numbers(host, pictures):
    fit = tune(
        theory_from_text(MOVED).theory,
        [(host.trained, host.host)],
        pictures[:2],
        TuneSettings(1, hold=("gabor",)),
    )
    assert fit.values.keys() == {RADIUS, GAIN}


def test_what_is_kept_in_memory_is_what_the_whole_circuit_computes(host, pictures):
    """The first step's correlation, with the gabors' responses kept, equals that of a whole run."""
    theory = theory_from_text(MOVED).theory
    (kept,) = tune(
        theory, [(host.trained, host.host)], pictures, TuneSettings(1, hold=("gabor",))
    ).history
    x = batch(pictures, host.host.input)
    with torch.no_grad():
        circuit = compile_theory(
            theory, host.trained, host.host, Bounded(theory, ["gabor"]).value()
        )
        driven = drive(circuit, host.host.input.decode(x), host.host.input.mean_rgb)
        site = host.trained.site
        trained = host.host.activations(x, site)[site][
            :, [unit.unit for unit in host.trained.units]
        ]
        response = torch.relu(
            driven + first_thresholds(LINKS["relu"], driven, trained)[:, None, None]
        )
    assert kept == pytest.approx(float(correlation(response, trained).mean()), abs=1e-5)


def test_the_first_thresholds_are_those_of_calibrated_units():
    drive = torch.randn(4, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    drive[:, 2] = 0.1  # never varies, so it has no gain
    trained = torch.relu(torch.tensor([2.0, 3.0, 1.0])[:, None, None] * (drive - 0.5))
    trained[:, 1] = torch.relu(drive[:, 1] + 0.25)
    thresholds = first_thresholds(LINKS["relu"], drive, trained)
    assert thresholds.tolist() == pytest.approx([-0.5, 0.25, UNDRIVEN], abs=1e-3)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_few_steps(host, pictures, steps):
    counted: list[int] = []
    fit = tune(
        theory_from_text(MOVED).theory,
        [(host.trained, host.host)],
        pictures[:2],
        TuneSettings(steps),
        on_step=lambda n, _: counted.append(n),
    )
    assert len(fit.history) == sum(counted) == steps


def test_the_host_and_the_users_random_numbers_are_left_alone(host, pictures):
    before = {name: tensor.clone() for name, tensor in host.host.network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    tune(theory_from_text(MOVED).theory, [(host.trained, host.host)], pictures[:2], TuneSettings(1))
    assert torch.rand(1) == expected
    for name, tensor in host.host.network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_every_circuit_counts_alike(host, pictures):
    """The first step's agreement of two circuits is the mean of what each has alone, however many
    units it has.
    """
    theory = theory_from_text(MOVED).theory
    circuits = [
        (host.trained.model_copy(update={"units": units}), host.host)
        for units in (host.trained.units[:1], host.trained.units[1:])
    ]
    alone = [tune(theory, [each], pictures, TuneSettings(1)).history[0] for each in circuits]
    assert tune(theory, circuits, pictures, TuneSettings(1)).history[0] == pytest.approx(
        sum(alone) / 2, abs=1e-6
    )
    assert alone[0] != pytest.approx(alone[1], abs=1e-3)


def test_poses_move_only_where_they_may(host, pictures):
    units = tuple(unit.model_copy(update={"radius_px": 20.0}) for unit in host.trained.units)
    trained = host.trained.model_copy(update={"units": units})
    theory = theory_from_text(
        MOVED.replace(
            "poses: from-circuit",
            "poses: from-circuit\n    tune_poses: {centre_deg: 10, radius: 2, shift_px: 4}",
        )
    ).theory
    kept, moved = (
        tune(theory, [(trained, host.host)], pictures[:2], TuneSettings(2, with_poses=moves)).poses
        for moves in (False, True)
    )
    assert kept == ({},)
    assert moved[0].keys() == {str(unit.unit) for unit in units}


def test_moved_units_keep_what_is_not_moved(host):
    units = tuple(
        unit.model_copy(update={"radius_px": 20.0, "phase_deg": 90.0})
        for unit in host.trained.units
    )
    trained = host.trained.model_copy(update={"units": units})
    units_moved = MovedPoses(
        trained, PoseBounds(centre_deg=10, radius=2, shift_px=4), trained
    ).units()
    assert units_moved.poses["phase_deg"] == (90.0,) * len(units)


def test_a_scale_moves_where_it_has_bounds_and_only_there(host):
    units = tuple(unit.model_copy(update={"radius_px": 20.0}) for unit in host.trained.units)
    trained = host.trained.model_copy(update={"units": units})
    start = trained.model_copy(
        update={"units": tuple(unit.model_copy(update={"scale": 1.5}) for unit in units)}
    )
    free, fixed = (
        MovedPoses(trained, PoseBounds(centre_deg=10, radius=2, shift_px=4, scale=bound), start)
        for bound in (2, None)
    )
    assert [pose.scale for pose in free.poses().values()] == [1.5] * len(units)
    assert [pose.scale for pose in fixed.poses().values()] == [None] * len(units)
    assert "scale" not in fixed.units().poses


def test_correlation_is_pearsons_over_pictures_and_cells():
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(3, 2, 4, 5, generator=generator, dtype=torch.float64)
    b = a + torch.randn(a.shape, generator=generator, dtype=torch.float64)
    expected = [pearsonr(a[:, i].ravel(), b[:, i].ravel()).statistic for i in range(2)]
    assert correlation(a, b).tolist() == pytest.approx(
        expected, abs=1e-9
    )  # 1e-12 is added below the root


def test_a_unit_that_is_zero_correlates_with_nothing_and_has_a_gradient():
    a = torch.zeros(2, 1, 3, 3, requires_grad=True)
    correlations = correlation(
        a, torch.rand(2, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    )
    correlations.sum().backward()
    assert correlations.tolist() == [0.0]
    assert torch.isfinite(a.grad).all()


def test_poses_of_units_without_a_radius_are_fitted_where_no_bound_names_it(host, pictures):
    """A bound of a radius that the units do not have is refused."""
    units = [unit.model_copy(update={"radius_px": None}) for unit in host.trained.units]
    trained = trained_circuit(host.host, units)
    bounds = "poses: from-circuit\n    tune_poses: {centre_deg: 20, shift_px: 4, scale: 2}\n"
    theory = theory_from_text(MOVED.replace("poses: from-circuit\n", bounds)).theory
    result = tune(theory, [(trained, host.host)], pictures, TuneSettings(3))
    (poses,) = result.poses
    for pose, unit in zip(poses.values(), units, strict=True):
        assert pose.radius_px is None
        assert np.hypot(*np.subtract(pose.shift_px, unit.shift_px or (0, 0))) < 4 * 2**0.5
    sized = bounds.replace("shift_px", "radius: 2, shift_px")
    theory = theory_from_text(MOVED.replace("poses: from-circuit\n", sized)).theory
    with pytest.raises(WorkbenchError, match="radius_px"):
        tune(theory, [(trained, host.host)], pictures, TuneSettings(3))
