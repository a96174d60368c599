"""Compiling: turned circuits, the same bytes every time, provenance of numbers, and refusals."""

import hashlib
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.planted import EDGES, THEORY, planted, trained_circuit
from workbench.compiler import HandwrittenCircuit, compile_kernels, compile_spec
from workbench.compiler.file import to_bytes
from workbench.errors import WorkbenchError
from workbench.spec import (
    SpecError,
    TrainedCircuit,
    TrainedUnit,
    dumped,
    load_circuit,
    load_theory,
    numbers,
    theory_from_text,
    with_tuned,
)

ROOT = Path(__file__).parents[2]
SPEC, CIRCUITS = ROOT / "specs" / "curve-detectors.yaml", ROOT / "circuits"


def compiled(host, trained: TrainedCircuit | None = None, **more) -> HandwrittenCircuit:
    return compile_spec(
        load_theory(SPEC),
        trained or load_circuit(CIRCUITS / host.name / "curve.yaml"),
        host,
        **more,
    )


def turned(circuit: TrainedCircuit, turns: int) -> TrainedCircuit:
    """Every unit turned by right angles; poses to 1/8 degree, which add up without rounding."""

    def unit(trained: TrainedUnit) -> TrainedUnit:
        x, y = trained.shift_px or (0.0, 0.0)
        for _ in range(turns):
            x, y = -y, x
        return trained.model_copy(
            update={
                "centre_deg": (round(trained.centre_deg * 8) / 8 + 90 * turns) % 360,
                "shift_px": (x, y),
            }
        )

    return circuit.model_copy(update={"units": tuple(map(unit, circuit.units))})


def kernels(circuit: HandwrittenCircuit) -> dict[str, np.ndarray]:
    """The last layer's, as the file holds them."""
    return {read.source: read.weight.float().numpy() for read in circuit.layers[-1].reads}


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turning_a_circuit_by_right_angles_turns_its_kernels_to_the_last_bit(squeezenet, turns):
    trained = load_circuit(CIRCUITS / "squeezenet" / "curve.yaml")
    here, there = (compiled(squeezenet, turned(trained, n)) for n in (0, turns))
    upstream = {layer.family: layer.units for layer in here.layers}
    for source, kernel in kernels(here).items():
        axis = "centre_deg" if "centre_deg" in upstream[source].poses else "orientation_deg"
        poses = upstream[source].poses[axis]
        to = [
            poses.index((pose + 90 * turns) % (360 if axis == "centre_deg" else 180))
            for pose in poses
        ]
        np.testing.assert_array_equal(
            kernels(there)[source][:, to], np.rot90(kernel, -turns, axes=(2, 3))
        )
        assert (
            np.abs(kernels(there)[source] - kernel).max() > 0.1 * np.abs(kernel).max()
        )  # negative control: they did turn
    for before, after in zip(here.layers[:-1], there.layers[:-1], strict=True):
        assert all(
            torch.equal(a.weight, b.weight) for a, b in zip(before.reads, after.reads, strict=True)
        )


def test_the_units_of_a_circuit_read_the_picture_at_their_own_poses(squeezenet):
    """Phase 270 is bright towards the centre, here to the right, 90 away from it; a channel names
    its colours.
    """
    theory = (
        "theory: e\nfamilies: {e: {poses: from-circuit, window_px: 7, "
        "reads: {input: {kernel: gabor, wavelength_px: 6, sigma_px: 2}}}}"
    )
    gabors = [
        (270.0, 1.0, "luma"),
        (90.0, 1.0, "luma"),
        (270.0, 0.5, "luma"),
        (270.0, 1.0, "red-green"),
    ]
    units = tuple(
        TrainedUnit(unit=i, centre_deg=0.0, phase_deg=phase, scale=scale, channel=channel)
        for i, (phase, scale, channel) in enumerate(gabors)
    )
    circuit = compile_spec(
        theory_from_text(theory), trained_circuit(squeezenet, units, "e", "conv1"), squeezenet
    )
    right, left, small, coloured = circuit.layers[0].reads[0].weight
    assert (right[:, :, 4:6] > 0).all()
    torch.testing.assert_close(left, -right, rtol=0, atol=1e-15)
    assert (small[:, :, 5] < 0).all()  # half as long a wave: dark again two pixels on
    assert torch.equal(coloured[0], -coloured[1])
    assert not coloured[2].any()
    assert (coloured[0, :, 4:6] > 0).all()


def test_every_family_but_the_last_turns_to_the_last_bit(squeezenet):
    """Within one family: the unit turned by 90 degrees has the kernels turned by 90 degrees."""
    circuit = compiled(squeezenet)
    index = {layer.family: layer.units for layer in circuit.layers}
    for layer in circuit.layers[1:-1]:
        to = turned_index(layer.units)
        for read in layer.reads:
            weight = read.weight.float().numpy()
            back = weight[to][:, turned_index(index[read.source])]
            np.testing.assert_array_equal(
                back, np.rot90(weight, -1, axes=(2, 3)), err_msg=f"{layer.family}<-{read.source}"
            )


def turned_index(units) -> list[int]:
    """Where in the family the unit stands that is this one turned by 90 degrees, all else alike."""
    axis, period = ("centre_deg", 360) if "centre_deg" in units.poses else ("orientation_deg", 180)
    columns = {name: list(column) for name, column in units.poses.items()}
    rows = list(zip(*columns.values(), strict=True))
    turned = columns | {axis: [(pose + 90) % period for pose in columns[axis]]}
    return [rows.index(row) for row in zip(*turned.values(), strict=True)]


def test_the_same_bytes_with_one_thread_and_two(squeezenet):
    before = torch.get_num_threads()
    digests = set()
    try:
        for threads in (1, 2, 1):
            torch.set_num_threads(threads)
            digests.add(hashlib.sha256(to_bytes(compiled(squeezenet))).hexdigest())
    finally:
        torch.set_num_threads(before)
    assert len(digests) == 1


def test_the_same_bytes_in_another_process(squeezenet):
    """Whatever the order of hashes, which differs from process to process."""
    code = f"""
import hashlib
from workbench.compiler import compile_spec
from workbench.compiler.file import to_bytes
from workbench.hosts import load
from workbench.spec import load_circuit, load_theory
trained = load_circuit({str(CIRCUITS / "squeezenet" / "curve.yaml")!r})
circuit = compile_spec(load_theory({str(SPEC)!r}), trained, load("squeezenet"))
print(hashlib.sha256(to_bytes(circuit)).hexdigest())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == hashlib.sha256(to_bytes(compiled(squeezenet))).hexdigest()


@pytest.mark.inceptionv1
def test_the_same_spec_compiles_for_another_host(squeezenet, inceptionv1):
    """Lengths are pixels: only the last layer, on the host's own grid, depends on the host."""
    here, there = compiled(squeezenet), compiled(inceptionv1)
    for a, b in zip(here.layers[:-1], there.layers[:-1], strict=True):
        assert all(
            torch.equal(x.weight, y.weight) for x, y in zip(a.reads, b.reads, strict=True)
        ), a.family
    assert there.site in inceptionv1.sites
    assert there.units != here.units


def test_a_circuit_says_what_it_is(squeezenet):
    circuit = compiled(squeezenet)
    text = repr(circuit)
    assert text.startswith("curve-detectors -> squeezenet:fire5, units 38, 100, ")
    assert (
        "early_curve: 24 units every 8 px, reads line 24x12x3x3, bend 24x24x3x3, threshold 0."
        in text
    )
    assert circuit.layers[-1].units.names[0] == "fire5:38"
    assert (
        circuit.weights
        == sum(math.prod(read.weight.shape) for layer in circuit.layers for read in layer.reads)
        > 20_000
    )
    assert circuit.facts["fingerprint"] == squeezenet.fingerprint
    assert circuit.facts["spec"] == hashlib.sha256(SPEC.read_bytes()).hexdigest()


def test_another_hosts_circuit_is_refused():
    host, trained, spec = planted()
    with pytest.raises(WorkbenchError) as caught:
        compile_spec(spec, trained, replace(host, fingerprint="f" * 64))
    assert "circuit curve" in caught.value.where
    assert trained.fingerprint[:12] in caught.value.problem
    assert "ffffffffffff" in caught.value.expected
    assert "workbench survey planted --family curve" in caught.value.remedy


@pytest.mark.parametrize("stride_px", [2, 6, 9])
def test_cells_between_those_of_a_family_are_refused(stride_px):
    host, trained, spec = planted()
    site = host.site("planted")
    shifted = replace(
        host,
        sites={
            **host.sites,
            "planted": replace(site, layout=replace(site.grid, stride_px=stride_px)),
        },
    )
    with pytest.raises(
        WorkbenchError,
        match=f"cells every {stride_px} px, but 'gabor' has cells every 4 px; "
        "expected a stride that 4 px divides",
    ):
        compile_spec(spec, trained, shifted)
    assert compile_spec(spec, trained, host).weights


def test_another_family_is_refused():
    host, trained, spec = planted()
    with pytest.raises(SpecError, match="'line'"):
        compile_spec(spec, trained.model_copy(update={"circuit": "line"}), host)


def test_a_site_that_the_host_does_not_have_is_refused():
    host, trained, spec = planted()
    with pytest.raises(WorkbenchError, match=r"no site 'plated'.*Did you mean 'planted'"):
        compile_spec(spec, trained.model_copy(update={"site": "plated"}), host)


WAVELENGTH = ("families", "gabor", "reads", "input", 0, "wavelength_px")
RADIUS = ("families", "curve", "reads", "gabor", 0, "radius_px")
FITTED = {"host": "planted", "circuit": "0" * 64, "pearson": [0.1, 0.2]}
LEDGER = {"circuits": [FITTED], "spec": "0" * 64, "date": "2026-01-01", "steps": 1, "seed": 0}


def tuned_text() -> str:
    text = with_tuned(THEORY, {WAVELENGTH: 7.5, RADIUS: 26.0})
    written = {
        "families.gabor.reads.input[0].wavelength_px": 6.0,
        "families.curve.reads.gabor[0].radius_px": 20.0,
    }
    return f"{text}\n{dumped({'tuned': {**LEDGER, 'written': written, 'images': ['0' * 16]}})}"


def test_a_tuned_spec_compiles_as_tuned_and_as_written():
    host, trained, written = planted()
    tuned = theory_from_text(tuned_text())
    first, again, now = (
        compile_spec(written, trained, host),
        compile_spec(tuned, trained, host, as_written=True),
        compile_spec(tuned, trained, host),
    )
    for layer, same, other in zip(first.layers, again.layers, now.layers, strict=True):
        assert torch.equal(layer.reads[0].weight, same.reads[0].weight)
        assert layer.ideal == same.ideal  # of which the ideal arc's radius is a part
        assert not torch.equal(layer.reads[0].weight, other.reads[0].weight)


def test_compile_spec_records_the_provenance_of_every_number():
    host, trained, _ = planted()
    tuned = theory_from_text(tuned_text())
    now = {
        path: (value, source)
        for path, value, source in compile_spec(tuned, trained, host).facts["numbers"]
    }
    before = {
        path: (value, source)
        for path, value, source in compile_spec(tuned, trained, host, as_written=True).facts[
            "numbers"
        ]
    }
    assert len(now) == len(list(numbers(tuned.theory)))
    assert now["families.gabor.reads.input[0].wavelength_px"] == (7.5, "tuned")
    assert before["families.gabor.reads.input[0].wavelength_px"] == (6.0, "rule")
    assert (
        now["families.gabor.reads.input[0].sigma_px"]
        == before["families.gabor.reads.input[0].sigma_px"]
        == (2.0, "rule")
    )
    assert {path for path in now if now[path][1] == "tuned"} == {
        "families.gabor.reads.input[0].wavelength_px",
        "families.curve.reads.gabor[0].radius_px",
        "families.curve.reads.gabor[1].gain",
    }


def test_a_spec_that_was_never_tuned_has_only_rules():
    host, trained, spec = planted()
    assert {source for _, _, source in compile_spec(spec, trained, host).facts["numbers"]} == {
        "rule"
    }


def test_with_a_typical_radius_a_units_arcs_do_not_depend_on_other_units():
    """The same unit among other ones reads the same arc; without a typical radius it does not."""
    typical = THEORY.replace(
        "poses: from-circuit", "poses: from-circuit\n    typical_radius_px: 30"
    )

    def kernel(text: str, *radii: float) -> np.ndarray:
        units = [
            TrainedUnit(unit=i, centre_deg=0.0, radius_px=radius_px)
            for i, radius_px in enumerate(radii)
        ]
        host, trained, _ = planted(units=units)
        return (
            compile_spec(theory_from_text(text), trained, host)
            .layers[-1]
            .reads[0]
            .weight[0]
            .numpy()
        )

    np.testing.assert_array_equal(kernel(typical, 40.0), kernel(typical, 40.0, 10.0))
    assert np.abs(kernel(THEORY, 40.0) - kernel(THEORY, 40.0, 10.0)).max() > 0.01


def test_radii_and_shifts_of_surveyed_units_bend_and_move_their_kernels():
    """A unit of twice the radius reads the arc of twice the radius."""
    plain = [
        TrainedUnit(unit=i, centre_deg=0.0, radius_px=radius_px)
        for i, radius_px in enumerate((10.0, 40.0, 20.0))
    ]
    moved = [
        TrainedUnit(unit=0, centre_deg=0.0),
        TrainedUnit(unit=1, centre_deg=0.0, shift_px=(4.0, 8.0)),
    ]

    def kernel(units) -> torch.Tensor:
        host, trained, spec = planted(units=units)
        return compile_spec(spec, trained, host).layers[-1].reads[0].weight

    narrow, wide, mean = kernel(plain)
    still, shifted = kernel(moved)
    np.testing.assert_allclose(
        mean, still, rtol=0, atol=1e-12
    )  # a unit of the geometric mean radius reads the arc of the spec
    assert (narrow - wide).abs().max() > 0.1
    assert torch.equal(shifted[:, 2:, 1:], still[:, :-2, :-1])  # taps are 4 px apart


def test_compile_kernels_are_those_of_the_compiled_circuit():
    toy, spec = planted(), theory_from_text(THEORY)
    whole = compile_spec(spec, toy.trained, toy.host)
    (gabor,) = compile_kernels(spec)
    assert (gabor.family, gabor.units, gabor.grid_px) == ("gabor", whole.layers[0].units, 4)
    assert torch.equal(gabor.reads[0].weight, whole.layers[0].reads[0].weight)


def test_compile_kernels_of_one_family_are_none_and_unusable_ones_are_refused():
    assert compile_kernels(theory_from_text(EDGES)) == ()
    with pytest.raises(WorkbenchError, match="weights that are not finite of 12"):
        compile_kernels(theory_from_text(THEORY.replace("sigma_px: 2,", "sigma_px: 0.01,")))
