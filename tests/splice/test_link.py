"""Links: each is its own formula, and its fit recovers a planted gain and bias."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.planted import INPUT, SITE, PlantedHost, linked_host, planted, trained_circuit, truth
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import calibrated
from workbench.evaluate.run import evaluate
from workbench.evaluate.statistics import Statistics
from workbench.hosts import Host
from workbench.hosts.layout import LINKS as DECLARED
from workbench.splice.calibrate import POSITIONS, Splices, sample_positions
from workbench.splice.conditions import Handwritten, fitted_activation
from workbench.splice.inputs import ConditionInputs
from workbench.splice.link import LINKS, RELU, Link, link_of, one_gain
from workbench.splice.slots import Channels
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn

EXACT = 1e-12  # float64 on both sides
FITTED = 1e-6  # roots and minima are found to rounding
MINIMUM = 1e-5  # of a flat minimum: the square root of rounding
GAIN, BIAS = torch.tensor([0.5, 2.0, 7.0]).double(), torch.tensor([1.0, -0.5, 3.0]).double()
POINTWISE = ["relu", "identity"]
PLANTED = 2e-3  # gains are fitted to float32 drives of sampled positions
RIGHT, WRONG = 0.999, 0.5  # explained by the planted circuit's units, and above any control's


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive(name: str, drive: np.ndarray) -> np.ndarray:
    """By the formula, one unit of one picture at a time."""
    value = np.empty_like(drive)
    for place in np.ndindex(*drive.shape[:2]):
        z = drive[place]
        if name == "relu":
            value[place] = np.where(z > 0, z, 0)
        elif name == "identity":
            value[place] = z
        else:
            value[place] = np.exp(z) / np.exp(z).sum()
    return value


def answer(link: Link, drive: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """The activation of rows `row unit`, or of whole pictures `picture unit position`."""
    if not link.whole:
        return link(gain * drive + bias)
    return link(gain[:, None] * drive + bias[:, None])


def test_links_are_those_that_sites_declare():
    assert tuple(LINKS) == DECLARED
    assert all(link.name == name for name, link in LINKS.items())


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 2)])
def test_a_link_is_its_formula_on_positions_of_any_shape(name, shape):
    drive = noise(2, 3, *shape)
    value = LINKS[name](drive)
    assert value.shape == drive.shape
    assert value.numpy() == pytest.approx(naive(name, drive.numpy()), abs=EXACT)


def test_a_site_without_a_declared_link_is_rectified():
    host = planted().host
    assert link_of(host.site(SITE)) is RELU
    for name, link in LINKS.items():
        assert link_of(replace(host.site(SITE), link=name)) is link


@pytest.mark.parametrize("name", POINTWISE)
def test_fit_of_rows_recovers_planted_gains_and_biases(name):
    link, drive = LINKS[name], noise(4000, 3)
    gain, bias = link.fit(drive, link(GAIN * drive + BIAS))
    torch.testing.assert_close(gain, GAIN, rtol=FITTED, atol=0)
    torch.testing.assert_close(bias, BIAS, rtol=0, atol=FITTED * 7)


def test_fit_of_softmax_recovers_planted_gains_and_needs_no_bias():
    link, drive = LINKS["softmax"], noise(20, 3, 40)
    trained = link(GAIN[:, None] * drive + BIAS[:, None])
    gain, bias = link.fit(drive, trained)
    torch.testing.assert_close(gain, GAIN, rtol=MINIMUM, atol=0)
    assert bias.tolist() == [0.0, 0.0, 0.0]


def test_fit_of_softmax_is_the_minimum_of_the_cross_entropy():
    """Also where no gain is right: looked for on a fine grid."""
    link, drive = LINKS["softmax"], noise(30, 1, 20)
    trained = link(1.5 * drive + noise(30, 1, 20, seed=1))
    (fitted,), _ = link.fit(drive, trained)

    def cross_entropy(gain: float) -> float:
        return -float((trained * torch.log(link(gain * drive))).sum(2).mean())

    best = min(np.linspace(0, 5, 5001), key=cross_entropy)
    assert float(fitted) == pytest.approx(best, abs=1e-3)
    assert cross_entropy(float(fitted)) <= cross_entropy(best) + EXACT


@pytest.mark.parametrize("name", LINKS)
def test_fit_of_an_opposite_drive_has_no_negative_gain(name):
    link = LINKS[name]
    drive = noise(20, 1, 40) if link.whole else noise(800, 1)
    gain, _ = link.fit(drive, link(-2 * drive))
    assert float(gain) >= 0


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("constant", [3.0, 0.1, -1 / 3])
def test_fit_of_a_drive_that_never_varies_has_gain_0(name, constant):
    """Also where the mean is not the constant, by rounding."""
    link = LINKS[name]
    shape = (7, 1, 10) if link.whole else (61, 1)
    gain, bias = link.fit(torch.full(shape, constant), link(noise(*shape)))
    assert float(gain) == 0
    if not link.whole:
        assert float(bias) == pytest.approx(float(link(noise(*shape)).mean()))


@pytest.mark.parametrize("name", POINTWISE)
def test_fit_of_a_unit_that_never_varies_has_gain_0_and_its_value(name):
    gain, bias = LINKS[name].fit(noise(61, 1), torch.full((61, 1), 0.1).double())
    assert float(gain) == 0
    assert float(bias) == pytest.approx(0.1)


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("broken", ["drive", "trained activation"])
def test_fit_of_numbers_that_are_not_finite_is_refused(name, value, broken):
    drive, trained = noise(3, 2, 5).abs(), noise(3, 2, 5, seed=1).abs()
    (drive if broken == "drive" else trained)[1, 1, 2] = value
    if not LINKS[name].whole:
        drive, trained = (rows.movedim(1, 2).flatten(0, 1) for rows in (drive, trained))
    with pytest.raises(WorkbenchError, match=f"a {broken} that is nan or infinite"):
        LINKS[name].fit(drive, trained)


@pytest.mark.parametrize("name", LINKS)
def test_fitted_activation_of_rows_and_of_whole_pictures_is_the_trained_one(name):
    link = LINKS[name]
    drive = noise(20, 3, 40) if link.whole else noise(4000, 3)
    trained = answer(link, drive, GAIN, BIAS)
    value = fitted_activation(link, drive, trained)
    torch.testing.assert_close(value, trained, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", POINTWISE)
def test_fit_matches_mean_and_spread_however_ill_the_unit_agrees(name):
    link, drive = LINKS[name], noise(3000, 2)
    trained = link(0.5 * drive + noise(3000, 2, seed=1) - 0.3)
    value = answer(link, drive, *link.fit(drive, trained))
    torch.testing.assert_close(value.mean(0), trained.mean(0), rtol=FITTED, atol=FITTED)
    torch.testing.assert_close(value.std(0), trained.std(0), rtol=FITTED, atol=FITTED)


@pytest.mark.parametrize("name", LINKS)
def test_one_gain_is_the_geometric_mean_for_every_link(name):
    link = LINKS[name]
    drive = noise(20, 4, 40) if link.whole else noise(3000, 4)
    gains = torch.tensor([1.0, 4.0, 2.0, 1.0]).double()
    trained = answer(link, drive, gains, torch.zeros(4).double())
    drive[:, 3] = 0.0  # no gain is known of it
    gain, bias = one_gain(link, drive, trained)
    torch.testing.assert_close(
        gain, torch.tensor([2.0, 2.0, 2.0, 0.0]).double(), rtol=MINIMUM, atol=0
    )
    if not link.whole:
        value = answer(link, drive, gain, bias)
        torch.testing.assert_close(value.mean(0), trained.mean(0), rtol=FITTED, atol=FITTED)


@pytest.mark.parametrize(("name", "rows"), [("relu", 3 * POSITIONS), ("softmax", 3)])
def test_sample_of_a_link_that_needs_whole_pictures_keeps_every_position(name, rows):
    activation = noise(3, 2, 15, 15)
    batch = ConditionInputs(
        "site",
        Channels((0, 1)),
        activation,
        {"spliced": 2 * activation},
        torch.zeros(3, dtype=torch.long),
        before=activation,
    )
    sample, donors = sample_positions([batch], np.random.default_rng(0), LINKS[name])
    assert len(sample.trained) == rows
    assert torch.equal(sample.drives["spliced"], 2 * sample.trained)
    assert torch.equal(donors.trained, activation)
    if LINKS[name].whole:
        assert torch.equal(sample.trained, activation.flatten(2))


def test_calibration_fits_the_link_of_the_site():
    """The units of the planted site without its ReLU: their drive itself, scaled and shifted."""
    host, trained, spec = planted()
    circuit, pictures = compile_spec(spec, trained, host), drawn(3, seed=1)
    rectified = calibrated(host, circuit, pictures).conditions
    sites = {**host.sites, SITE: replace(host.site(SITE), link="identity")}
    linear = calibrated(replace(host, sites=sites), circuit, pictures).conditions
    for name in ("spliced", "control.permuted", "baseline.affine", "baseline.regression"):
        assert (rectified[name].link, linear[name].link) == (RELU, LINKS["identity"]), name
    condition: Handwritten = linear["spliced"]
    drive = noise(1, len(circuit.units), 4, 4)
    inputs = ConditionInputs(
        SITE, Channels(circuit.units), drive, {"spliced": drive}, torch.zeros(1, dtype=torch.long)
    )
    expected = condition.gain[:, None, None] * drive + condition.bias[:, None, None]
    torch.testing.assert_close(condition(inputs), expected, rtol=0, atol=EXACT)
    assert (condition(inputs) < 0).any()
    assert (rectified["spliced"](inputs) >= 0).all()


class Linked(NamedTuple):
    """A host whose site declares its link, calibrated and evaluated."""

    toy: PlantedHost
    host: Host
    splices: Splices
    statistics: Statistics

    def explained(self, name: str) -> float:
        """Share of the trained units' variance that a condition explains, mean over units."""
        sums = self.statistics.rows[name]["moments"].sum(0)
        n, _, b, aa, bb, ab = np.moveaxis(sums, -1, 0)
        return float((1 - (aa - 2 * ab + bb) / (bb - b * b / n)).mean())


@pytest.fixture(scope="module", params=["identity", "softmax"])
def linked(request) -> Linked:
    toy = planted()
    host = linked_host(toy, LINKS[request.param])
    circuit = compile_spec(toy.spec, trained_circuit(host, toy.trained.units), host)
    splices = calibrated(host, circuit, drawn(6, seed=1))
    return Linked(toy, host, splices, evaluate(host, [splices], drawn(4, seed=2)))


def test_the_planted_activation_is_that_of_the_link(linked):
    activation = linked.host.activations(batch(drawn(4, seed=2), INPUT), SITE)[SITE]
    units = activation[:, list(linked.splices.units)]
    if linked.host.site(SITE).link == "identity":
        assert (units.flatten(2).amin((0, 2)) < -0.1).all()
    else:
        torch.testing.assert_close(units.sum((2, 3)), torch.ones(4, 6), rtol=1e-5, atol=0)


def test_calibration_finds_the_planted_gain_and_bias_before_the_link(linked):
    gain, bias = truth_of(linked)
    condition: Handwritten = linked.splices.conditions["spliced"]
    torch.testing.assert_close(condition.gain, gain, rtol=PLANTED, atol=0)
    torch.testing.assert_close(condition.bias, bias, rtol=0, atol=10 * PLANTED)


def truth_of(linked: Linked) -> tuple[Tensor, Tensor]:
    """The planted numbers; a softmax needs no bias, which is 0 by convention."""
    gain, bias = truth(linked.toy.host)
    return gain, torch.zeros_like(bias) if linked.host.site(SITE).link == "softmax" else bias


def test_evaluation_of_the_planted_circuit_is_right_and_of_controls_wrong(linked):
    rows = linked.statistics.rows
    assert all(np.isfinite(row["kl"]).all() for row in rows.values())
    assert linked.explained("spliced") > RIGHT
    for name in ("control.permuted", "control.random", "baseline.affine"):
        assert linked.explained(name) < WRONG, name
        assert rows["spliced"]["kl"].mean() < rows[name]["kl"].mean() / 10, name


def test_a_site_that_does_not_declare_the_link_of_its_negative_units_is_refused():
    toy = planted()
    host = linked_host(toy, LINKS["identity"])
    sites = {**host.sites, SITE: replace(host.site(SITE), link="relu")}
    circuit = compile_spec(toy.spec, trained_circuit(host, toy.trained.units), host)
    with pytest.raises(WorkbenchError, match="declare the site's link"):
        calibrated(replace(host, sites=sites), circuit, drawn(2, seed=1))
