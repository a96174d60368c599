"""Tables of weights with motifs and kernels: the compiler adds them, and changes nothing else."""

import pytest
import torch

from tests.planted import THEORY, planted
from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.compiler.compile import compile_theory
from workbench.compiler.file import read_circuit, to_bytes
from workbench.spec import numbers, theory_from_text

ENTRY = (
    "{to: {unit: 3}, from: {orientation_deg: 60, phase_deg: 90}, at_px: [-8, 4], "
    "weight: {tune: 0.25, min: -1, max: 1}}"
)
TABLE = f"        - weights: [{ENTRY}]\n"
RED = (
    "      input: {weights: [{to: {unit: 4}, from: {colour: red}, at_px: [-1, 2], weight: 0.5}]}\n"
)
MIXED, PICTURE = THEORY + TABLE, THEORY + RED


def compiled(text: str) -> HandwrittenCircuit:
    host, trained, _ = planted()
    return compile_spec(theory_from_text(text), trained, host)


def test_a_motif_and_a_table_are_the_motifs_kernel_plus_the_table():
    motif, mixed = compiled(THEORY).layers[-1], compiled(MIXED).layers[-1]
    added = mixed.reads[0].weight - motif.reads[0].weight
    (place,) = added.nonzero().tolist()
    upstream = compiled(THEORY).layers[0].units.names.index("orientation 60° phase 90°")
    middle = added.shape[-1] // 2
    assert place == [
        mixed.units.names.index("planted:3"),
        upstream,
        middle + 1,
        middle - 2,
    ]  # cells of 4 px, y down
    assert added[tuple(place)] == pytest.approx(0.25, abs=1e-15)


def test_a_table_alone_is_all_that_a_family_reads():
    line = THEORY[THEORY.index("        - {along") :]
    units = "{to: {unit: 4}, weight: 0.5}, {weight: 0.25}"
    kernel = (
        compiled(THEORY.replace(line, f"        - weights: [{units}]\n")).layers[-1].reads[0].weight
    )
    expected = torch.zeros_like(kernel)
    expected[:, :, kernel.shape[2] // 2, kernel.shape[3] // 2] = 0.25
    expected[2] *= 3  # planted:4, of 1, 3, 4, 7, 8, 10
    assert torch.equal(kernel, expected)


def test_a_table_adds_to_the_kernels_on_the_picture():
    kernel = "{kernel: gabor, wavelength_px: {tune: 6, min: 3, max: 10}, sigma_px: 2, aspect: 0.7}"
    entry = (
        "{to: {phase_deg: 90, orientation_deg: 0}, from: {colour: blue}, at_px: [4, -3], weight: 2}"
    )
    plain, mixed = (
        compiled(THEORY).layers[0],
        compiled(THEORY.replace(kernel, f"[{kernel}, {{weights: [{entry}]}}]")).layers[0],
    )
    added = mixed.reads[0].weight - plain.reads[0].weight
    assert added.nonzero().tolist() == [
        [mixed.units.names.index("orientation 0° phase 90°"), 2, 1, 8]
    ]
    assert mixed.ideal == plain.ideal == 1


def test_a_family_that_reads_the_picture_as_well_is_still_scaled_to_its_ideal_stimulus():
    plain, both = (
        compiled(THEORY).layers[-1],
        compiled(PICTURE.replace("weight: 0.5", "weight: 0")).layers[-1],
    )
    assert both.ideal == plain.ideal != 1
    assert [read.source for read in both.reads] == ["gabor", "input"]


def test_a_unit_reads_the_picture_at_its_own_offset():
    kernel = compiled(PICTURE).layers[-1].reads[1].weight
    assert kernel.nonzero().tolist() == [[2, 0, kernel.shape[2] // 2 + 2, kernel.shape[3] // 2 - 1]]


def test_a_circuit_with_tables_can_be_written_and_read(tmp_path):
    circuit = compiled(PICTURE)
    (tmp_path / "a.safetensors").write_bytes(to_bytes(circuit))
    assert torch.equal(
        read_circuit(tmp_path / "a.safetensors").layers[-1].reads[1].weight,
        circuit.layers[-1].reads[1].weight.float(),
    )


def test_the_gradient_of_kernel_and_ideal_reaches_a_tuned_weight():
    host, trained, _ = planted()
    theory = theory_from_text(MIXED).theory
    (tuned,) = [number for path, number in numbers(theory) if path[-1] == "weight"]
    weight = torch.tensor(tuned.tune, dtype=torch.float64, requires_grad=True)
    circuit = compile_theory(
        theory,
        trained,
        host,
        lambda number: (
            weight if number is tuned else torch.tensor(number.tune, dtype=torch.float64)
        ),
    )
    slopes = [
        torch.autograd.grad(of, weight, retain_graph=True)[0]
        for of in (circuit.layers[-1].reads[0].weight.sum(), circuit.layers[-1].ideal)
    ]
    assert slopes[0] == 1
    assert slopes[1] > 0  # unit 3 is one of those whose ideal stimulus is shown
