"""Trained circuits: pose axes, directions in channel space, and hashes that ledgers name."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from tests.planted import planted, trained_circuit
from workbench.compiler import compile_spec
from workbench.compiler.compile import compile_theory, trained_units
from workbench.errors import WorkbenchError
from workbench.spec import (
    SpecError,
    SurveyRecord,
    TrainedCircuit,
    TrainedUnit,
    check_pair,
    dump_circuit,
    load_circuit,
    load_theory,
    load_together,
    theory_from_text,
)
from workbench.spec.pose import POSE_AXES, PoseAxis, direction_deg, pose_axes
from workbench.theory.poses import SHIFT_X, SHIFT_Y

DATA = Path(__file__).parent / "data"
CIRCUITS = Path(__file__).parents[2] / "circuits"
# First half of the SHA-256 of the project's circuits. Ledgers of specs name them: they must not
# change.
HASHES = {
    "efficientnet-lite0/curve.yaml": "67c2a1e432711e62898fe37ffb123811",
    "inceptionv1/brightness_contrast.yaml": "c01df32f3712753ddd3da932ff3d83be",
    "inceptionv1/colour_centre_surround.yaml": "680ea9dcc09ee0137f83d1c3e564a5a2",
    "inceptionv1/colour_contrast-conv2d2.yaml": "986c2f0b591c743ce7b8c209581136e7",
    "inceptionv1/colour_contrast.yaml": "a56eac23d1637c714b9ec9963e107c50",
    "inceptionv1/colour_field.yaml": "2e22309d104c176bd3ec4529db269f40",
    "inceptionv1/complex_gabor-conv2d2.yaml": "0d65a593fe160cadc8c5b2d2b39aa970",
    "inceptionv1/complex_gabor.yaml": "0cb4344e00f5765677f3c31c02dcd7ed",
    "inceptionv1/curve.yaml": "9fea8d1e32f52524c20b2a648b28321b",
    "inceptionv1/early_curve.yaml": "8ae2694c1c732c64d8aa8e33cddbaa9d",
    "inceptionv1/gabor.yaml": "66ca81d9737f54f0a44d363ef28f2a17",
    "inceptionv1/high-low-frequency.yaml": "7949082f29f5e80d09d0c23d69b56e61",
    "inceptionv1/line-conv2d2.yaml": "4263a613b96af0776cdcd500acc6a9fb",
    "inceptionv1/line-mixed3a.yaml": "0028a7ccaa64e58218c455f35742194f",
    "inceptionv1/rough_gabor.yaml": "03743d4b9840a710df885702ed0ebb2e",
    "resnet50v2_trunk/curve.yaml": "e3ebee279d0cecb6f5232658c9426703",
    "squeezenet/blob.yaml": "d1156396989fa2f04a0e4a727395b305",
    "squeezenet/colour_centre_surround.yaml": "ee3a73662b12ed7289bb38af1c7c9f33",
    "squeezenet/colour_contrast.yaml": "36df4d0e6414cd56dab581819c04873d",
    "squeezenet/complex_gabor.yaml": "f0e26af01b0ade300274c365d9ace346",
    "squeezenet/curve.yaml": "922809f9b5b6825410a185113707e373",
    "squeezenet/gabor.yaml": "18812ac3ca45c49f6da11c431ccf6e16",
    "squeezenet/high-low-frequency.yaml": "e3b206c09aa278c8bd9187568894ad0f",
    "squeezenet/line.yaml": "998390c49a1d212b9a8a767fe87c76ce",
    "squeezenet/brightness_contrast.yaml": "a9a3b77d7f11a8ded6c38824c253da36",
    "squeezenet/complex_gabor-fire3.yaml": "6e85a89d7a533f4b300b143ea0c3ac37",
    "squeezenet/complex_gabor-fire4.yaml": "587722279acbc2f9d86c18aae0ecb30c",
    "squeezenet/early_curve.yaml": "dec37062d055e459ad713fcf1d49df1e",
    "squeezenet/line-fire3.yaml": "dfc09b18dc4da3c26ff7ea38176c9067",
    "squeezenet/line-fire4.yaml": "0d51ad4f1239846fccf5c5636f099c5d",
    "squeezenet_second_run/curve.yaml": "a02a4420ad9d938b560279af52551c74",
}
UNTURNED = """\
theory: blob
families:
  dot:
    poses: {orientation_deg: {every: 45, over: 180}}
    stride_px: 4
    window_px: 9
    reads: {input: {kernel: gabor, wavelength_px: 6, sigma_px: 2}}
  curve:
    poses: from-circuit
    window_px: 24
    reads:
      dot:
        - {along: point, spread_px: 3, match: any}
        - {along: ring, radius_px: 8, spread_px: 2, match: any, gain: -0.2}
"""
TURNED = UNTURNED.replace(
    "- {along: ring, radius_px: 8, spread_px: 2, match: any, gain: -0.2}",
    "- {along: point, match: tangent, tolerance_deg: 20}",
)


class Cyclic(TrainedUnit):
    """A unit with one axis more: the one field is all that a new axis needs."""

    frequency: Annotated[int | None, PoseAxis("turns of the circle")] = Field(
        default=None, ge=1, description="of its circle"
    )


def circuit_of(*units: TrainedUnit) -> TrainedCircuit:
    return load_circuit(DATA / "circuit.yaml").model_copy(update={"units": units})


def written(tmp_path: Path, *units: str) -> Path:
    """The circuit file of the tests' data with other rows of units."""
    head, _ = (DATA / "circuit.yaml").read_text().split("units:\n")
    file = tmp_path / "circuit.yaml"
    file.write_text(f"{head}units:\n" + "".join(f"  - {unit}\n" for unit in units))
    return file


def test_every_circuit_of_the_project_keeps_its_hash():
    hashes = {
        str(file.relative_to(CIRCUITS)): load_circuit(file).sha256[:32]
        for file in CIRCUITS.glob("*/*.yaml")
    }
    assert hashes == HASHES


def test_tuned_poses_are_found_by_the_hash_that_their_ledger_names(specs):
    ledger = load_theory(specs / "curve-detectors.yaml").theory.tuned
    hashes = {row.circuit[:32] for row in ledger.circuits}
    assert hashes
    assert hashes <= set(HASHES.values())


def test_the_table_of_axes_has_meaning_unit_period_and_bounds():
    assert list(POSE_AXES) == [
        "centre_deg",
        "radius_px",
        "shift_px",
        "phase_deg",
        "scale",
        "channel",
        "mixture",
        "envelope",
        "aspect",
    ]
    assert all(axis.meaning and axis.unit for axis in POSE_AXES.values())
    assert (POSE_AXES["centre_deg"].period, POSE_AXES["centre_deg"].bounds) == (360, (0, 360))
    assert (POSE_AXES["radius_px"].period, POSE_AXES["radius_px"].bounds) == (None, (0, None))
    assert [name for name, axis in POSE_AXES.items() if not axis.every_unit] == [
        "radius_px",
        "shift_px",
    ]


def test_a_pose_is_a_mapping_of_the_axes_that_the_unit_has():
    unit = TrainedUnit(unit=3, centre_deg=0.0, shift_px=(1.5, -2.0), strength=3.0)
    assert unit.pose == {"centre_deg": 0.0, "shift_px": (1.5, -2.0)}
    assert TrainedUnit(unit=3).pose == {}


def test_a_new_axis_is_one_field():
    units = (Cyclic(unit=0, frequency=5), Cyclic(unit=1, frequency=12))
    assert pose_axes(Cyclic)["frequency"] == PoseAxis(
        "turns of the circle", meaning="of its circle", bounds=(1, None)
    )
    assert units[0].pose == {"frequency": 5}
    circuit = circuit_of(*units)
    assert circuit.axes == ("frequency",)
    assert circuit.column("frequency") == (5, 12)
    assert trained_units(circuit, ("frequency",)).poses == {
        "frequency": (5, 12),
        SHIFT_X: (0.0, 0.0),
        SHIFT_Y: (0.0, 0.0),
    }


def test_units_without_any_pose_load_and_have_a_hash_of_their_own(tmp_path):
    circuit = load_circuit(written(tmp_path, "{unit: 7}", "{unit: 3}"))
    assert circuit.axes == ()
    assert circuit.by_pose == (0, 1), "the order of the file"
    dump_circuit(circuit, tmp_path / "again.yaml")
    assert load_circuit(tmp_path / "again.yaml") == circuit
    turned = circuit_of(TrainedUnit(unit=7, centre_deg=0.0), TrainedUnit(unit=3, centre_deg=0.0))
    assert turned.sha256 != circuit.sha256


def test_by_pose_is_the_order_of_the_directions():
    circuit = circuit_of(
        *(TrainedUnit(unit=i, centre_deg=pose) for i, pose in enumerate((90.0, 10.0, 350.0, 10.0)))
    )
    assert circuit.by_pose == (1, 3, 0, 2)
    assert circuit.directions_deg == (90.0, 10.0, 350.0, 10.0)


@pytest.mark.parametrize(
    ("pose", "angle_deg"),
    [
        ({"centre_deg": 75.0, "mixture": (0.0, 1.0, 0.0)}, 75.0),
        ({"mixture": (0.6, 0.4, 0.0)}, 0.0),
        ({"mixture": (0.0, 0.0, 0.5)}, 90.0),
        ({"mixture": (0.0, -1.0, 0.0)}, 180.0),
        ({"mixture": (0.0, 0.5, -0.5)}, 315.0),
        ({"scale": 2.0}, 0.0),
    ],
)
def test_a_unit_without_a_direction_lies_at_the_hue_of_its_mixture(pose, angle_deg):
    assert direction_deg(TrainedUnit(unit=3, **pose).pose) == pytest.approx(angle_deg)


@pytest.mark.parametrize("axis", [name for name, axis in POSE_AXES.items() if axis.every_unit])
def test_an_axis_is_every_units_or_no_units(tmp_path, axis):
    values = {"channel": "luma", "mixture": "[1, 0, 0]"}
    file = written(tmp_path, f"{{unit: 3, {axis}: {values.get(axis, 1)}}}", "{unit: 7}")
    with pytest.raises(SpecError) as caught:
        load_circuit(file)
    assert f"{axis} for every unit or for none, not for all but [7]" in str(caught.value)


def test_column_of_a_missing_axis_is_refused_by_unit_and_axis():
    circuit = circuit_of(TrainedUnit(unit=3), TrainedUnit(unit=7))
    for read in (lambda: circuit.directions_deg, lambda: circuit.column("centre_deg")):
        with pytest.raises(
            WorkbenchError, match=r"circuit curve at fire6 of squeezenet: unit 3: no centre_deg; "
        ):
            read()


def test_a_theory_that_turns_is_refused_by_file_unit_and_axis(tmp_path):
    circuit = written(tmp_path, "{unit: 7}", "{unit: 3}")
    spec = tmp_path / "spec.yaml"
    spec.write_text(TURNED)
    with pytest.raises(WorkbenchError) as caught:
        load_together([(spec, circuit)])
    assert str(caught.value).startswith(
        f"{circuit}: unit 7: no centre_deg; expected the centre_deg of every unit, on which "
        f"families.curve.reads.dot[1] of {spec} depends"
    )
    with pytest.raises(SpecError) as caught:
        check_pair(load_theory(spec), load_circuit(circuit))
    assert str(caught.value) == (
        f"{spec}:14: families.curve.reads.dot[1]: found a key that depends on how units are "
        "turned, and unit 7 of curve at fire6 of squeezenet without centre_deg; "
        "expected centre_deg for every unit of the circuit file"
    )


def test_the_compiler_refuses_units_that_lack_a_needed_axis():
    host, *_ = planted()
    bare = trained_circuit(host, (TrainedUnit(unit=1), TrainedUnit(unit=3)))
    with pytest.raises(WorkbenchError, match=r"at planted of planted: unit 1: no centre_deg"):
        compile_theory(theory_from_text(TURNED).theory, bare, host)


def test_a_theory_that_does_not_turn_needs_no_direction(tmp_path):
    host, *_ = planted()
    spec = theory_from_text(UNTURNED)
    bare, turned = (
        compile_spec(spec, trained_circuit(host, units), host)
        for units in (
            (TrainedUnit(unit=1), TrainedUnit(unit=3)),
            (TrainedUnit(unit=1, centre_deg=0.0), TrainedUnit(unit=3, centre_deg=90.0)),
        )
    )
    weights = [circuit.layers[-1].reads[0].weight for circuit in (bare, turned)]
    assert weights[0] == pytest.approx(weights[1], abs=1e-6)


def test_vectors_are_directions_in_the_sites_channels(tmp_path):
    file = written(
        tmp_path,
        "{unit: 0, centre_deg: 10.0, vector: [1, 0, -0.5]}",
        "{unit: 1, centre_deg: 90.0, vector: [0, 2, 0]}",
    )
    circuit = load_circuit(file)
    assert circuit.vectors == ((1.0, 0.0, -0.5), (0.0, 2.0, 0.0))
    dump_circuit(circuit, tmp_path / "again.yaml")
    assert load_circuit(tmp_path / "again.yaml") == circuit
    channels = circuit_of(*(unit.model_copy(update={"vector": None}) for unit in circuit.units))
    assert channels.vectors is None
    assert channels.sha256 != circuit.sha256, "a vector counts where it is given"
    other = (circuit.units[0].model_copy(update={"vector": (1.0, 0.0, 0.5)}), circuit.units[1])
    assert circuit_of(*other).sha256 != circuit.sha256


@pytest.mark.parametrize(
    ("vectors", "problem"),
    [
        (("[0, 0]", "[1, 2]"), "units[0].vector: found [0, 0]; expected a vector whose length is"),
        (("[.nan, 0]", "[1, 2]"), "units[0].vector[0]: found .nan; expected a finite number"),
        (("[1, .inf]", "[1, 2]"), "units[0].vector[1]: found .inf; expected a finite number"),
        (("[]", "[1, 2]"), "units[0].vector: found []; expected at least 1 of them"),
        (("[1, 2, 3]", "[1, 2]"), "expected vectors of one length, not of 2 and 3"),
        (("3", "[1, 2]"), "units[0].vector: found 3; expected a list"),
    ],
)
def test_faulty_vectors_are_refused(tmp_path, vectors, problem):
    file = written(
        tmp_path,
        *(f"{{unit: {i}, centre_deg: 1.0, vector: {vector}}}" for i, vector in enumerate(vectors)),
    )
    with pytest.raises(SpecError) as caught:
        load_circuit(file)
    assert problem in str(caught.value)


def test_a_vector_is_every_units_or_no_units(tmp_path):
    file = written(tmp_path, "{unit: 3, vector: [1, 2]}", "{unit: 7}")
    with pytest.raises(SpecError, match=r"vector for every unit or for none, not .* \[7\]"):
        load_circuit(file)


def test_every_key_of_a_circuit_file_is_documented():
    page = (CIRCUITS.parent / "docs" / "circuit-file.md").read_text()
    keys = [*TrainedUnit.model_fields, *TrainedCircuit.model_fields, *SurveyRecord.model_fields]
    assert [key for key in keys if f"`{key}`" not in page] == []
