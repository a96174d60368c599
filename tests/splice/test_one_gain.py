"""One gain for all units: as good as brute force, and never better than a gain for each."""

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares

from tests.planted import THEORY as TEXT
from tests.planted import planted
from workbench.compiler import compile_spec, compile_variants
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.evaluate.run import scenes
from workbench.pictures.drawn import drawn
from workbench.spec import theory_from_text
from workbench.splice.calibrate import calibrate, gain_and_bias, with_random_readout
from workbench.splice.one_gain import best_biases, one_gain_and_bias

ROWS, UNITS = 60, 3
NEAR = 1.001  # times the least error of the brute force, whose grids have steps


def cells(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Drives, and activations that are rectified lines of them with other gains, and noise."""
    generator = np.random.default_rng(seed)
    drive = generator.normal(size=(ROWS, UNITS))
    trained = np.maximum(0, drive * [1.0, 3.0, 2.0] + [0.2, -1.0, -0.3] + 0.3 * generator.normal(size=drive.shape))
    return torch.as_tensor(drive), torch.as_tensor(trained)


def error(gain, bias, drive, trained) -> float:
    return float((torch.clamp(torch.as_tensor(gain) * drive + torch.as_tensor(bias), min=0) - trained).square().sum())


def brute_force(drive, trained) -> float:
    """Every gain of a fine grid with every bias of a fine grid for each unit, then least squares from the best of them."""
    biases = torch.linspace(-4, 4, 401, dtype=drive.dtype)[:, None, None]
    found = []
    for gain in np.linspace(0, 5, 251):
        errors = (torch.clamp(gain * drive + biases, min=0) - trained).square().sum(1)
        found.append((float(errors.min(0).values.sum()), gain, biases[errors.argmin(0), 0, 0].numpy()))
    _, gain, bias = min(found, key=lambda each: each[0])
    refined = least_squares(
        lambda p: (np.maximum(0, p[0] * drive.numpy() + p[1:]) - trained.numpy()).ravel(), [gain, *bias], bounds=([0, *[-9] * UNITS], 9)
    )
    return 2 * refined.cost


@pytest.mark.parametrize("seed", range(4))
def test_it_is_as_good_as_brute_force(seed):
    drive, trained = cells(seed)
    own, own_bias = gain_and_bias(drive, trained)
    gain, bias = one_gain_and_bias(drive, trained, own)
    assert len(set(gain.tolist())) == 1
    assert error(gain, bias, drive, trained) <= NEAR * brute_force(drive, trained)
    assert error(gain, bias, drive, trained) > 1.2 * error(own, own_bias, drive, trained)  # there is something to lose
    for other in (0.9, 1.1):
        assert error(gain * other, best_biases(float(gain[0]) * other, *sorted_(drive, trained))[0], drive, trained) > error(
            gain, bias, drive, trained
        )


def sorted_(drive, trained) -> tuple[np.ndarray, np.ndarray]:
    order = torch.argsort(-drive, dim=0)
    return drive.gather(0, order).numpy(), trained.gather(0, order).numpy()


@pytest.mark.parametrize("gain", [0.0, 0.5, 2.0])
def test_the_best_biases_are_exact(gain):
    drive, trained = cells(7)
    bias, least = best_biases(gain, *sorted_(drive, trained))
    grid = torch.linspace(-6, 6, 24_001, dtype=drive.dtype)[:, None, None]
    errors = (torch.clamp(gain * drive + grid, min=0) - trained).square().sum(1).min(0).values.numpy()
    assert (least <= errors + 1e-9).all()
    assert errors == pytest.approx(least, rel=1e-4)  # the grid's step
    own = [(torch.clamp(gain * drive[:, u] + bias[u], min=0) - trained[:, u]).square().sum().item() for u in range(UNITS)]
    assert own == pytest.approx(list(least))


def test_units_of_one_gain_lose_nothing_and_a_silent_one_does_no_harm():
    drive, _ = cells(0)
    trained = torch.clamp(2.5 * drive + torch.tensor([0.1, -0.4, 0.0]), min=0)
    gain, bias = one_gain_and_bias(drive, trained, gain_and_bias(drive, trained)[0])
    assert gain.tolist() == pytest.approx([2.5] * UNITS, rel=0.02)
    trained[:, 2] = 0
    gain, bias = one_gain_and_bias(drive, trained, gain_and_bias(drive, trained)[0])
    assert gain.tolist() == pytest.approx([2.5] * UNITS, rel=0.02)
    assert error(gain, bias, drive, trained) < 0.01 * float(trained.square().sum())


def test_calibration_fits_it_where_a_variant_asks_for_it():
    """The planted gains run from 10 to 40: with one gain for all, the units are no longer the trained ones."""
    host, trained, _ = planted()
    spec = theory_from_text(TEXT + "variants: {one-gain: {about: one gain, units: {gain: shared}}}\n")
    whole = compile_spec(spec, trained, host)
    circuits: dict[str, HandwrittenCircuit] = {"spliced": whole, **compile_variants(spec, trained, host, whole)}
    circuits["random"] = with_random_readout(whole, 0)
    seen = list(scenes(host, circuits, drawn(12, seed=1)))
    conditions = calibrate(circuits, seen).conditions
    assert len(set(conditions["variant.one-gain"].gain.tolist())) == 1
    assert len(set(conditions["spliced"].gain.tolist())) == len(trained.units)
    wrong = [float((conditions[name](seen[0]) - seen[0].trained).square().mean()) for name in ("spliced", "variant.one-gain")]
    assert wrong[1] > 100 * wrong[0]
