"""Calibration and the conditions it fits, on a host whose truth is known: the circuit recovers it
and every control does not.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.planted import PlantedHost, planted, truth
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.splice.calibrate import (
    DONORS,
    affine,
    calibrate,
    derangement,
    regression,
    sample_positions,
    with_random_readout,
)
from workbench.splice.conditions import Handwritten
from workbench.splice.inputs import ConditionInputs, condition_inputs
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn

THRESHOLD = 1e-4  # of the gain: drives are float32
MOMENTS = 1e-4  # the same
SAME = 0.999  # correlation of what is the same but for a fitted gain and bias
# mean correlation that a wrong circuit stays below: curve units that are 60 degrees apart have
# something in common
OTHER = 0.6


@pytest.fixture(scope="module")
def toy() -> PlantedHost:
    return planted()


@pytest.fixture(scope="module")
def circuits(toy):
    spliced = compile_spec(toy.spec, toy.trained, toy.host)
    return {"spliced": spliced, "random": with_random_readout(spliced, 0)}


def stream_inputs(
    toy: PlantedHost, circuits, seed: int, count: int = 24
) -> Iterator[ConditionInputs]:
    x = batch(drawn(count, seed), toy.host.input)
    for start in range(0, count, 8):
        with torch.inference_mode():
            yield condition_inputs(
                toy.host, circuits, x[start : start + 8], torch.arange(start, start + 8) % 8
            )


@pytest.fixture(scope="module")
def seen(toy, circuits) -> list[ConditionInputs]:
    """Three batches of eight calibration pictures."""
    return list(stream_inputs(toy, circuits, seed=1))


@pytest.fixture(scope="module")
def splices(circuits, seen):
    return calibrate(circuits, seen)


@pytest.fixture(scope="module")
def unseen(toy, circuits) -> ConditionInputs:
    """Pictures that calibration did not see."""
    return next(stream_inputs(toy, circuits, seed=2, count=12))


def correlation(value: Tensor, trained: Tensor) -> list[float]:
    """Of each unit over pictures and cells; 0 where one of both never varies."""
    pairs = zip(
        value.movedim(1, 0).flatten(1).double().numpy(),
        trained.movedim(1, 0).flatten(1).double().numpy(),
        strict=True,
    )
    return [
        float(np.corrcoef(a, b)[0, 1]) if a.std() > 1e-9 and b.std() > 1e-9 else 0.0
        for a, b in pairs
    ]


def test_every_condition_is_there(splices):
    assert list(splices.conditions) == [
        "natural",
        "ablated.zero",
        "ablated.mean",
        "ablated.resample",
        "spliced",
        "control.permuted",
        "control.flipped",
        "control.other_picture",
        "control.random",
        "baseline.affine",
        "baseline.regression",
    ]


def test_natural_is_the_trained_activation_itself(splices, unseen):
    assert torch.equal(splices.conditions["natural"](unseen), unseen.trained)


def test_the_circuit_reproduces_the_units_on_unseen_pictures(splices, unseen):
    assert min(correlation(splices.conditions["spliced"](unseen), unseen.trained)) > SAME


def test_the_planted_gain_and_bias_are_found(splices, toy):
    gain, bias = truth(toy.host)
    condition: Handwritten = splices.conditions["spliced"]
    torch.testing.assert_close(condition.gain, gain, rtol=THRESHOLD, atol=0)
    torch.testing.assert_close(condition.bias, bias, rtol=0, atol=THRESHOLD)


@pytest.mark.parametrize(
    "name",
    [
        "ablated.zero",
        "ablated.mean",
        "ablated.resample",
        "control.permuted",
        "control.flipped",
        "control.random",
        "control.other_picture",
        "baseline.affine",
    ],
)
def test_ablations_and_controls_do_not_reproduce_the_units(splices, unseen, name):
    value = splices.conditions[name](unseen)
    assert value.shape == unseen.trained.shape
    assert float(np.mean(correlation(value, unseen.trained))) < OTHER
    assert (value - unseen.trained).square().mean() > 0.5 * unseen.trained.var()


def test_controls_are_calibrated_like_the_circuit(splices, seen):
    """A control fails for its content, not for want of a gain and a bias: each has the mean
    and the standard deviation of the trained units.
    """
    sample, _ = sample_positions(seen, np.random.default_rng(0))
    for name in ("control.permuted", "control.flipped", "control.random"):
        control: Handwritten = splices.conditions[name]
        value = (
            control.gain * control.sign * sample.drives[control.circuit][:, control.order]
            + control.bias
        ).clamp_min(0)
        torch.testing.assert_close(value.mean(0), sample.trained.mean(0), rtol=MOMENTS, atol=0)
        torch.testing.assert_close(value.std(0), sample.trained.std(0), rtol=MOMENTS, atol=0)
    assert splices.conditions["control.flipped"].sign == -1
    assert torch.equal(
        splices.conditions["control.flipped"].drive(seen[0]), -seen[0].drives["spliced"]
    )


def test_levels_are_half_the_peaks_and_means_are_means(seen, splices):
    trained = torch.cat([inputs.trained for inputs in seen])
    assert torch.equal(splices.level, trained.amax((0, 2, 3)) / 2)
    torch.testing.assert_close(splices.conditions["ablated.mean"].mean, trained.mean((0, 2, 3)))
    assert splices.donors == 24 <= DONORS


def test_other_picture_is_the_circuits_own_answer_to_a_donor(seen, splices):
    first = seen[0]
    torch.testing.assert_close(
        splices.conditions["control.other_picture"](first), splices.conditions["spliced"](first)
    )  # donors 0 to 7 are these
    assert torch.equal(splices.conditions["ablated.resample"](first), first.trained)


def test_the_same_seed_gives_the_same_conditions(circuits, seen, splices):
    again = calibrate(circuits, seen)
    for name in ("spliced", "control.permuted", "control.random"):
        first, second = splices.conditions[name], again.conditions[name]
        assert all(
            torch.equal(getattr(first, part), getattr(second, part))
            for part in ("gain", "bias", "order")
        ), name
    other = calibrate(circuits, seen, seed=5)
    assert not torch.equal(
        other.conditions["control.permuted"].order, splices.conditions["control.permuted"].order
    )


def test_a_tuned_spec_brings_its_written_circuit_as_a_condition_of_its_own(toy, circuits):
    written = circuits | {"as_written": circuits["spliced"]}
    conditions = calibrate(written, stream_inputs(toy, written, seed=1, count=8)).conditions
    assert torch.equal(conditions["as_written"].gain, conditions["spliced"].gain)


def test_without_pictures_there_is_no_calibration(circuits):
    with pytest.raises(ValueError, match="at least one picture"):
        calibrate(circuits, [])


@pytest.mark.parametrize("seed", [0, 1, 7])
@pytest.mark.parametrize("units", range(2, 31))
def test_a_derangement_leaves_no_unit_in_its_place(units, seed):
    order = derangement(units, seed)
    assert sorted(order.tolist()) == list(range(units))
    assert not (order == torch.arange(units)).any()


def test_the_affine_control_finds_the_unit_that_was_copied():
    generator = torch.Generator().manual_seed(0)
    before = torch.randn(4000, 6, generator=generator)
    fitted = affine(before, (2 * before[:, [3, 1]] - 1).clamp_min(0))
    assert fitted.channel.tolist() == [3, 1]
    torch.testing.assert_close(fitted.gain, torch.full((2,), 2.0), rtol=THRESHOLD, atol=0)
    torch.testing.assert_close(fitted.bias, torch.full((2,), -1.0), rtol=0, atol=THRESHOLD)


def test_a_planted_affine_reading_is_recovered():
    generator = torch.Generator().manual_seed(0)
    before, weight = (
        torch.randn(4000, 5, generator=generator),
        torch.randn(3, 5, generator=generator),
    )
    bias = torch.tensor([20.0, 30.0, 25.0])  # never below 0
    fitted = regression(before, before @ weight.T + bias)
    torch.testing.assert_close(
        fitted.gain[:, None] * fitted.weight, weight, rtol=5e-3, atol=1e-3
    )  # the ridge is a thousandth of the mean variance
    torch.testing.assert_close(fitted.bias, bias, rtol=5e-3, atol=1e-3)
    noise = regression(before, 10 + torch.randn(4000, 3, generator=generator))
    assert noise.weight.abs().max() < 0.1


def test_a_reading_of_rectified_units_gets_their_mean_and_spread():
    generator = torch.Generator().manual_seed(0)
    before, weight = (
        torch.randn(4000, 5, generator=generator),
        torch.randn(3, 5, generator=generator),
    )
    trained = (before @ weight.T - 1).clamp_min(0)
    fitted = regression(before, trained)
    value = (fitted.gain * (before @ fitted.weight.T) + fitted.bias).clamp_min(0)
    torch.testing.assert_close(value.mean(0), trained.mean(0), rtol=MOMENTS, atol=0)
    torch.testing.assert_close(value.std(0), trained.std(0), rtol=MOMENTS, atol=0)


def test_an_affine_reading_stays_unique_where_a_channel_is_silent_or_twice_there():
    generator = torch.Generator().manual_seed(0)
    column = torch.randn(500, 1, generator=generator)
    fitted = regression(torch.cat([column, column, torch.zeros(500, 1)], 1), 10 + 2 * column)
    torch.testing.assert_close(fitted.weight, torch.tensor([[1.0, 1.0, 0.0]]), rtol=0, atol=5e-3)


def test_a_random_readout_keeps_each_units_norm_and_all_but_the_last_layer(circuits):
    spliced, random = circuits["spliced"], circuits["random"]
    assert random.layers[:-1] == spliced.layers[:-1]
    for read, other in zip(spliced.layers[-1].reads, random.layers[-1].reads, strict=True):
        torch.testing.assert_close(
            other.weight.flatten(1).norm(dim=1), read.weight.flatten(1).norm(dim=1)
        )
        cosine = torch.nn.functional.cosine_similarity(
            read.weight.flatten(1), other.weight.flatten(1)
        )
        assert (
            cosine.abs().max() < 0.2
        )  # about 1 / sqrt(972 weights) for what has nothing in common
    assert replace(random.layers[-1], reads=()) == replace(spliced.layers[-1], reads=())
    assert not torch.equal(
        with_random_readout(spliced, 1).layers[-1].reads[0].weight,
        random.layers[-1].reads[0].weight,
    )
    assert torch.equal(
        with_random_readout(spliced, 0).layers[-1].reads[0].weight,
        random.layers[-1].reads[0].weight,
    )


def test_cells_are_drawn_without_repetition_and_keep_drive_and_activation_together(toy, seen):
    sample, donors = sample_positions(seen, np.random.default_rng(0))
    assert sample.trained.shape == (24 * 128, 6)  # 128 of 144 cells
    gain, bias = truth(toy.host)
    torch.testing.assert_close(
        (gain * sample.drives["spliced"] + bias).relu(), sample.trained, rtol=0, atol=1e-4
    )
    assert donors.trained.shape == (24, 6, 12, 12)
    assert len({tuple(row) for row in sample.drives["spliced"].tolist()}) > 0.99 * 24 * 128


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_calibrate_activation_at_a_cell_that_is_not_sampled_is_refused(toy, circuits, value):
    """The means and peaks are over all cells, the fits over some."""
    inputs = next(stream_inputs(toy, circuits, seed=1, count=8))
    chosen = set(np.random.default_rng(0).permutation(144)[:128])
    row, column = divmod(min(set(range(144)) - chosen), 12)
    trained = inputs.trained.clone()
    trained[0, 3, row, column] = value
    with pytest.raises(WorkbenchError, match="activation that is nan or infinite"):
        calibrate(circuits, [replace(inputs, trained=trained)])


def test_calibrate_on_one_picture_fits_the_planted_gains(toy, circuits):
    inputs = next(stream_inputs(toy, circuits, seed=1, count=1))
    spliced = calibrate(circuits, [inputs]).conditions["spliced"]
    assert len(inputs.trained) == 1
    torch.testing.assert_close(spliced(inputs), inputs.trained, rtol=0, atol=1e-3)


def test_calibrate_on_activations_that_never_vary_gives_every_condition_the_trained_value(
    circuits, toy
):
    inputs = next(stream_inputs(toy, circuits, seed=1, count=8))
    drives = {name: torch.full_like(drive, 0.5) for name, drive in inputs.drives.items()}
    still = replace(
        inputs,
        trained=torch.full_like(inputs.trained, 2.0),
        before=torch.zeros_like(inputs.given("before")),
        drives=drives,
    )
    conditions = calibrate(circuits, [still]).conditions
    for name in ("spliced", "control.flipped", "baseline.affine", "baseline.regression"):
        assert conditions[name](still) == pytest.approx(still.trained), name
