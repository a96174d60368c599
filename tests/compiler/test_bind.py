"""A family bound to trained units: the host's own activations in place of compiled ones."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from tests.elsewhere import elsewhere
from tests.planted import INPUT, SITE, THEORY, UNITS, planted, trained_circuit
from workbench.compiler import bind, compile_chain, compile_spec
from workbench.compiler.bind import ideal_activations, ideal_responses, shares
from workbench.compiler.compile import trained_units
from workbench.compiler.file import read_circuit, to_bytes
from workbench.errors import WorkbenchError
from workbench.hosts import Host
from workbench.spec import Spec, TrainedCircuit, TrainedUnit, theory_from_text
from workbench.splice.conditions import Handwritten
from workbench.splice.inputs import condition_inputs
from workbench.splice.network import SplicedNetwork
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn

EVEN = tuple(unit.model_copy(update={"centre_deg": 60.0 * i}) for i, unit in enumerate(UNITS))
ABOVE = "    poses: from-circuit\n    window_px: 32\n"
EARLY = "    poses: {centre_deg: {every: 60, over: 360}}\n    stride_px: 8\n    window_px: 32\n"
CURVE = """\
  late:
    poses: from-circuit
    window_px: 40
    reads:
      curve: {along: arc, radius_px: 24, spread_px: 5, extent_px: 10,
              match: same, harmonics: [0, 0.6, 0.3]}
"""
# Each planted unit is divided by what its own ideal stimulus gives, the compiled ones by the mean
# of four, which fall a little differently on the grid.
GRID = 0.05
SIX_DIGITS = 1e-5  # of a constant: the host computes in float32


class EarlyAndLate(NamedTuple):
    """A host with units `early` and a circuit `late` that reads them.

    The units `early`, at the site "planted", compute the family `curve` of `spec`.
    """

    host: Host
    early: TrainedCircuit
    late: TrainedCircuit
    spec: Spec


@pytest.fixture(scope="module")
def pair() -> EarlyAndLate:
    host, early, _ = planted(units=EVEN)
    # so that they respond as the compiled family but for their gain
    host.module(SITE).bias.zero_()
    spec = theory_from_text(THEORY.replace(ABOVE, EARLY) + CURVE)
    units = [
        TrainedUnit(unit=channel, centre_deg=centre_deg)
        for channel, centre_deg in ((2, 20), (5, 160), (9, 290))
    ]
    return EarlyAndLate(host, early, trained_circuit(host, units, "late", "consumers"), spec)


def drives(pair: EarlyAndLate, early: TrainedCircuit) -> tuple[np.ndarray, np.ndarray]:
    """Drives with every family handwritten, and with the family bound."""
    circuits = {
        "handwritten": compile_spec(pair.spec, pair.late, pair.host),
        **compile_chain(pair.spec, pair.late, pair.host, {"curve": early}),
    }
    x = batch(drawn(8, seed=3), INPUT)
    with torch.inference_mode():
        donors = torch.zeros(len(x), dtype=torch.long)
        drives = condition_inputs(pair.host, circuits, x, donors).drives
    return drives["handwritten"].numpy(), drives["trained.curve"].numpy()


def agreement(pair: EarlyAndLate, early: TrainedCircuit) -> float:
    handwritten, bound = drives(pair, early)
    return float(np.corrcoef(handwritten.ravel(), bound.ravel())[0, 1])


def test_units_that_compute_the_family_stand_in_for_it(pair):
    handwritten, bound = drives(pair, pair.early)
    assert np.abs(handwritten - bound).max() < GRID * np.abs(handwritten).max()


@pytest.mark.parametrize("turn_deg", [30, -30])
def test_units_taken_for_others_do_not(pair, turn_deg):
    turned = [
        unit.model_copy(update={"centre_deg": (unit.centre_deg + turn_deg) % 360}) for unit in EVEN
    ]
    assert agreement(pair, pair.early) > 0.99
    assert agreement(pair, pair.early.model_copy(update={"units": tuple(turned)})) < 0.9


def test_units_at_wrong_poses_are_refused(pair):
    turned = [unit.model_copy(update={"centre_deg": (unit.centre_deg + 60) % 360}) for unit in EVEN]
    with pytest.raises(
        WorkbenchError,
        match=r"no response of planted:1, planted:3, .* to a bright or dark line or arc at the",
    ):
        agreement(pair, pair.early.model_copy(update={"units": tuple(turned)}))


def test_a_unit_that_only_a_dark_arc_drives_is_divided_by_its_response_to_that(pair, monkeypatch):
    """Of the first unit the bright and the dark stimulus are exchanged."""
    bright = ideal_activations(pair.host, pair.early, trained_units(pair.early))
    measured = bind.ideal_responses

    def exchanged(host, trained, units, contrast=1.0):
        responses = measured(host, trained, units)
        return np.where(np.arange(len(responses)) == 0, -contrast, contrast) * responses

    monkeypatch.setattr(bind, "ideal_responses", exchanged)
    assert (bright > 0).all()
    np.testing.assert_array_equal(
        ideal_activations(pair.host, pair.early, trained_units(pair.early)), bright
    )


def test_dark_stimuli_are_bright_ones_of_the_other_sign():
    host, trained, _ = planted()
    units = trained_units(trained)
    bright, dark = (ideal_responses(host, trained, units, sign) for sign in (1.0, -1.0))
    # the planted Gabors pool polarity, on a mean colour of 120 to 0
    np.testing.assert_allclose(dark, bright, rtol=0.2)


def test_a_shifted_unit_is_read_where_its_feature_lies(pair):
    """A unit whose cell lies one cell to the left of its feature is read with that shift.

    Then its weights are those of an unshifted unit one cell to the right.
    """
    circuit = compile_spec(pair.spec, pair.late, pair.host, bound={"curve": pair.early})
    moved = tuple(unit.model_copy(update={"shift_px": (8.0, 0.0)}) for unit in EVEN)
    shifted = pair.early.model_copy(update={"units": moved})
    kernels = [
        compile_spec(pair.spec, pair.late, pair.host, bound={"curve": each})
        .layers[-1]
        .reads[0]
        .weight
        for each in (pair.early, shifted)
    ]
    assert torch.allclose(kernels[1][..., :-1], kernels[0][..., 1:], atol=1e-12)
    assert circuit.sites == (SITE,)


def test_families_that_only_bound_ones_read_are_left_out_and_the_file_keeps_the_rest(
    pair, tmp_path
):
    circuit = compile_spec(pair.spec, pair.late, pair.host, bound={"curve": pair.early})
    assert [(layer.family, layer.reads[0].source) for layer in circuit.layers] == [
        ("curve", f"host:{SITE}"),
        ("late", "curve"),
    ]
    assert circuit.facts["bound"] == {"curve": pair.early.sha256}
    file = tmp_path / "bound.safetensors"
    file.write_bytes(to_bytes(circuit))
    assert to_bytes(read_circuit(file)) == to_bytes(circuit)


def test_a_bound_family_compiles_in_numpy_too(pair):
    """The host's activations are torch's; its ideal stimuli are drawn in the other library."""
    likes = np.zeros(()), torch.zeros((), dtype=torch.float64)
    here, there = (
        compile_spec(pair.spec, pair.late, pair.host, bound={"curve": pair.early}, like=like)
        for like in likes
    )
    for layer, other in zip(here.layers, there.layers, strict=True):
        assert isinstance(layer.reads[0].weight, np.ndarray)
        np.testing.assert_allclose(layer.reads[0].weight, other.reads[0].weight, rtol=0, atol=1e-11)
        assert layer.ideal == pytest.approx(float(other.ideal), rel=SIX_DIGITS)
    assert here.layers[-1].ideal != 1


def test_a_chain_has_a_link_for_each_family_the_last_step_first(pair):
    spec = theory_from_text(
        pair.spec.text.replace("phase_deg: {every: 90, over: 180}", "")
        .replace("180}, }", "180}}")
        .replace(", }", "}")
    )
    chain = compile_chain(
        spec,
        pair.late,
        pair.host,
        {"curve": pair.early, "gabor": pair.early.model_copy(update={"site": SITE})},
    )
    assert {
        name: [layer.family for layer in circuit.layers] for name, circuit in chain.items()
    } == {
        "trained.curve": ["curve", "late"],
        "trained.gabor": ["gabor", "curve", "late"],
    }


def test_a_spliced_network_without_hooks_reads_the_host_too(pair):
    circuits = {
        "spliced": compile_spec(pair.spec, pair.late, pair.host, bound={"curve": pair.early})
    }
    count = len(pair.late.units)
    rectified = Handwritten("spliced", torch.ones(count), torch.zeros(count), torch.arange(count))
    network = SplicedNetwork(pair.host, (circuits, rectified))
    x = batch(drawn(2, seed=3), INPUT)
    with torch.inference_mode():
        assert not torch.equal(network(x), pair.host.network(x))
    assert network.fired == 1


@pytest.mark.parametrize(
    ("family", "change", "message"),
    [
        ("curv", {}, "no family above the last of that name"),
        ("late", {}, "no family above the last of that name"),
        ("gabor", {}, "has the axes orientation_deg, phase_deg"),
        ("curve", {"site": "consumers"}, "not computed before the spliced site"),
        ("curve", {"fingerprint": "0" * 64}, "found in a host with fingerprint 000000000000"),
    ],
)
def test_what_cannot_be_bound_is_refused(pair, family, change, message):
    with pytest.raises(WorkbenchError, match=message):
        compile_spec(
            pair.spec, pair.late, pair.host, bound={family: pair.early.model_copy(update=change)}
        )


def test_shares_of_the_circle():
    assert shares(np.array([0.0, 90.0, 180.0, 270.0]), 360.0) == pytest.approx([0.25] * 4)
    assert shares(np.array([100.0, 10.0, 10.0, 370.0]), 360.0) == pytest.approx(
        [1 / 2, 1 / 6, 1 / 6, 1 / 6]
    )
    assert shares(np.array([42.0]), 180.0) == pytest.approx([1.0])


def test_a_host_on_another_device_is_run_there_and_compiled_from_here(pair):
    here = compile_spec(pair.spec, pair.late, pair.host, bound={"curve": pair.early})
    with elsewhere() as device:
        there = compile_spec(
            pair.spec, pair.late, pair.host.on(device), bound={"curve": pair.early}
        )
    for layer, other in zip(there.layers, here.layers, strict=True):
        assert float(layer.ideal) == float(other.ideal)
        assert all(
            torch.equal(a.weight, b.weight) for a, b in zip(layer.reads, other.reads, strict=True)
        )


def test_units_with_peaks_are_divided_by_them_and_pooled(pair):
    peaks = [1.0, 2.0, 4.0, 5.0, 8.0, 10.0]
    units = [
        unit.model_copy(update={"peak": peak})
        for unit, peak in zip(pair.early.units, peaks, strict=True)
    ]
    early = pair.early.model_copy(update={"units": tuple(units)})
    text = THEORY.replace(ABOVE, EARLY + "    pool: {over_px: 24, stride_px: 8}\n") + CURVE
    layer = compile_spec(
        theory_from_text(text), pair.late, pair.host, bound={"curve": early}
    ).layers[0]
    weight = np.asarray(layer.reads[0].weight)[range(6), [unit.unit for unit in units], 0, 0]
    np.testing.assert_allclose(weight, 1 / np.array(peaks))
    assert (layer.pool.taps, layer.grid_px) == (1, 8)
