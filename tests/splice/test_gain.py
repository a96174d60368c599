"""Gain and bias give a unit the trained unit's mean and standard deviation, however they agree."""

import pytest
import torch

from tests.planted import THEORY as TEXT
from tests.planted import planted
from workbench.compiler import compile_spec, compile_variants
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import stream_inputs
from workbench.spec import theory_from_text
from workbench.splice.calibrate import calibrate, with_random_readout
from workbench.splice.gain import LEAST, gain_and_bias
from workbench.splice.link import RELU, one_gain
from workbench.vision.pictures.drawn import drawn

EXACT = 1e-6  # the root is found to rounding, in float64


def noise(rows: int = 3000, units: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.randn(
        rows, units, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def activation(drive: torch.Tensor, gain: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return (gain * drive + bias).clamp_min(0)


@pytest.mark.parametrize(
    ("gain", "bias"), [(2.0, -1.0), (0.3, 0.2), (5.0, 3.0), (10.0, -12.0), (1.0, 50.0)]
)
def test_planted_gains_and_biases_are_recovered(gain, bias):
    drive = noise()
    fitted_gain, fitted_bias = gain_and_bias(drive, (gain * drive + bias).clamp_min(0))
    assert float(fitted_gain) == pytest.approx(gain, rel=EXACT)
    assert float(fitted_bias) == pytest.approx(bias, rel=EXACT)


@pytest.mark.parametrize("agreement", [1.0, 0.5, 0.0, -0.5])
@pytest.mark.parametrize("threshold", [-2.0, 0.0, 2.5])
def test_mean_and_spread_are_matched_however_ill_the_unit_agrees(agreement, threshold):
    drive = noise(seed=1)
    trained = 3 * (agreement * drive + noise(seed=2) - threshold).clamp_min(0)
    gain, bias = gain_and_bias(drive, trained)
    value = activation(drive, gain, bias)
    assert float(gain) > 0
    assert float(value.mean()) == pytest.approx(float(trained.mean()), rel=EXACT)
    assert float(value.std()) == pytest.approx(float(trained.std()), rel=EXACT)


@pytest.mark.parametrize(
    ("drive", "trained"),
    [
        (torch.full((500, 1), 3.0), noise(500).clamp_min(0)),  # the drive is the same everywhere
        (noise(500), torch.full((500, 1), 0.7)),  # the trained unit is
        (noise(500), torch.zeros(500, 1)),
    ],
)
def test_what_never_varies_has_no_gain_and_its_mean_as_bias(drive, trained):
    gain, bias = gain_and_bias(drive.double(), trained.double())
    assert float(gain) == 0
    assert float(bias) == pytest.approx(float(trained.mean()))


@pytest.mark.parametrize("fires", [1, 2, 5])
def test_a_trained_unit_that_hardly_fires_is_not_matched_on_a_handful_of_cells(fires):
    """Fitted to the gap between the two highest drives, a gain would be anything: what is matched
    is the mean, on LEAST cells.
    """
    for seed in range(20):
        drive, trained = noise(6000, seed=seed), torch.zeros(6000, 1, dtype=torch.float64)
        trained[:fires] = 5.0
        gain, bias = gain_and_bias(drive, trained)
        value = activation(drive, gain, bias)
        assert int((value > 1e-9).sum()) >= LEAST
        assert float(value.mean()) == pytest.approx(float(trained.mean()), rel=EXACT)
        assert float(activation(noise(6000, seed=seed + 100), gain, bias).max()) < 4 * 5.0


def test_where_many_cells_say_the_same_the_mean_is_matched():
    drive = -noise(4000, seed=1).clamp_min(0)  # half of the cells are at 0, the highest drive
    trained = (noise(4000, seed=2) - 2.5).clamp_min(0)
    value = activation(drive, *gain_and_bias(drive, trained))
    assert float(value.mean()) == pytest.approx(float(trained.mean()), rel=EXACT)
    assert float(value.std()) < float(trained.std())


def test_activations_below_0_are_refused():
    with pytest.raises(
        WorkbenchError, match=r"a rectified site.*Splice at the site after the ReLU"
    ):
        gain_and_bias(noise(50), noise(50, seed=1))


def test_one_gain_is_the_geometric_mean_and_keeps_each_units_mean():
    drive = noise(units=3, seed=1)
    trained = torch.cat(
        [
            (drive * torch.tensor([1.0, 4.0, 2.0]) + torch.tensor([0.2, -1.0, 6.0])).clamp_min(0),
            torch.zeros(3000, 1),
        ],
        1,
    )
    drive = torch.cat([drive, noise(seed=5)], 1)
    gain, bias = one_gain(RELU, drive, trained)
    torch.testing.assert_close(
        gain, torch.tensor([2.0, 2.0, 2.0, 0.0], dtype=torch.float64), rtol=EXACT, atol=0
    )
    torch.testing.assert_close(
        activation(drive, gain, bias).mean(0), trained.mean(0), rtol=EXACT, atol=EXACT
    )
    separate = activation(drive, *gain_and_bias(drive, trained))
    assert (activation(drive, gain, bias) - trained).square().sum() > 100 * (
        separate - trained
    ).square().sum()  # there is something to lose


def test_where_no_unit_has_a_gain_there_is_none_to_share():
    gain, bias = one_gain(RELU, torch.zeros(50, 2), torch.tensor([[1.0, 2.0]]).expand(50, 2))
    assert gain.tolist() == [0, 0]
    assert bias.tolist() == [1, 2]


def test_calibration_fits_it_where_a_variant_asks_for_it():
    """The planted gains run from 10 to 40: with one gain for all, the units are no longer the
    trained ones.
    """
    host, trained, _ = planted()
    spec = theory_from_text(
        TEXT + "variants: {one-gain: {about: one gain, units: {gain: shared}}}\n"
    )
    whole = compile_spec(spec, trained, host)
    circuits = {"spliced": whole, **compile_variants(spec, trained, host, whole)}
    circuits["random"] = with_random_readout(whole, 0)
    seen = list(stream_inputs(host, circuits, drawn(12, seed=1)))
    conditions = calibrate(circuits, seen).conditions
    assert len(set(conditions["variant.one-gain"].gain.tolist())) == 1
    assert len(set(conditions["spliced"].gain.tolist())) == len(trained.units)
    wrong = [
        float((conditions[name](seen[0]) - seen[0].trained).square().mean())
        for name in ("spliced", "variant.one-gain")
    ]
    assert wrong[1] > 100 * wrong[0]
