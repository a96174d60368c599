"""Files in and out: a spec with its hash, tuned numbers written back, a circuit's bytes."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shipped import SPECS
from workbench.errors import WorkbenchError
from workbench.spec import (
    SpecError,
    TrainedCircuit,
    dump_circuit,
    load_circuit,
    load_theory,
    load_together,
    numbers,
    theory_from_text,
    with_tuned,
)

DATA = Path(__file__).parent / "data"
WAVELENGTH = ("families", "gabor", "reads", "input", 0, "wavelength_px")
FLANKS = ("families", "line", "reads", "gabor", 1, "gain")
INTEGERS = st.integers(3, 8).map(float)


def test_a_spec_knows_its_text_and_hash(tmp_path, arcs):
    path = tmp_path / "arcs.yaml"
    path.write_bytes(arcs.replace("\n", "\r\n").encode())
    spec = load_theory(path)
    assert (spec.path, spec.text.encode()) == (path, path.read_bytes())
    assert spec.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert spec.theory == theory_from_text(arcs).theory
    assert repr(spec) == f"Spec(arcs: gabor -> line -> curve; 2 numbers to tune; {path})"


@pytest.fixture
def pair(tmp_path, specs):
    """A function that writes a circuit like SqueezeNet's, changed, and gives it as a pair with the
    project's theory of curves.
    """
    circuit = load_circuit(specs.parent / "circuits" / "squeezenet" / "curve.yaml")

    def written(name: str, units: slice = slice(None), **changed) -> tuple[Path, Path]:
        made = circuit.model_copy(update={"units": circuit.units[units], **changed})
        dump_circuit(made, tmp_path / f"{name}.yaml")
        return specs / "curve-detectors.yaml", tmp_path / f"{name}.yaml"

    return written


def test_circuits_that_share_a_site_and_no_unit_go_together(pair):
    specs, circuits = load_together([pair("a", slice(0, 3)), pair("b", slice(3, 5))])
    assert [spec.theory.theory for spec in specs] == ["curve-detectors"] * 2
    assert [len(circuit.units) for circuit in circuits] == [3, 2]


def test_the_same_channel_of_two_sites_is_no_unit_in_common(pair):
    assert len(load_together([pair("a"), pair("b", site="fire2")])[1]) == 2


def test_circuits_with_units_in_common_are_refused_by_name(pair):
    first, second = pair("a", slice(0, 3)), pair("b", slice(1, 5))
    _, circuits = load_together([first])
    names = [f"{circuits[0].site}:{unit.unit}" for unit in circuits[0].units]
    with pytest.raises(WorkbenchError) as caught:
        load_together([first, second])
    message = str(caught.value)
    assert message.startswith(
        f"{second[1]}: {names[1]}, {names[2]} of curve, which {first[1]} has too"
    )
    assert names[0] not in message


@pytest.mark.parametrize("changed", [{"host": "inceptionv1"}, {"fingerprint": "0" * 64}])
def test_circuits_of_different_hosts_are_refused(pair, changed):
    first, second = pair("a", slice(0, 3)), pair("b", slice(3, 5), **changed)
    with pytest.raises(
        WorkbenchError, match=r"expected the host of .*a\.yaml, squeezenet"
    ) as caught:
        load_together([first, second])
    assert caught.value.where == str(second[1])


def test_a_term_without_its_list_is_a_list_of_one(arcs):
    family = theory_from_text(arcs).theory.families["gabor"]
    assert [term.wavelength_px.tune for term in family.reads["input"]] == [5]


def test_every_spec_of_the_project_loads():
    for path in SPECS:
        assert load_theory(path).theory.theory == path.stem


@settings(max_examples=10, deadline=None)
@given(st.floats(3, 8) | INTEGERS, st.floats(-1, 0) | st.floats(-1e-5, -1e-9))
def test_tuned_values_read_back_and_nothing_else_changes(arcs, wavelength, gain):
    spec = theory_from_text(arcs)
    values = {WAVELENGTH: wavelength, FLANKS: gain}
    text = with_tuned(arcs, values)
    after = theory_from_text(text).theory
    assert {path: number.tune for path, number in numbers(after) if number.tuned} == values
    assert {path: number for path, number in numbers(after) if not number.tuned} == {
        p: n for p, n in numbers(spec.theory) if not n.tuned
    }
    assert with_tuned(
        text, {path: number.tune for path, number in numbers(spec.theory) if number.tuned}
    ) == with_tuned(arcs, {WAVELENGTH: 5, FLANKS: -0.3})


@pytest.mark.parametrize(
    ("value", "written"),
    [(4.25, "4.25"), (4, "4.0"), (np.float64(3.1), "3.1"), (np.float32(3.5), "3.5")],
)
def test_only_the_numbers_characters_change(arcs, value, written):
    before, after = arcs.split("{tune: 5, min: 3, max: 8}")
    assert (
        with_tuned(arcs, {WAVELENGTH: value})
        == before + "{tune: " + written + ", min: 3, max: 8}" + after
    )


def test_layout_comments_and_line_ends_are_kept_byte_for_byte():
    text = (
        "\ufeff# π first\r\n'a':  {max: 9 , tune :   5  , min: 0}   # keep 5\r\n"
        "b:\r\n- {tune: 1, min: 0,\r\n   max: 2}\r\n\r\n# end"
    )
    expected = text.replace(":   5  ,", ":   1.0e-07  ,").replace("{tune: 1,", "{tune: 2.0,")
    assert with_tuned(text, {("a",): 1e-7, ("b", 0): 2.0}) == expected
    assert yaml.safe_load(expected)["a"]["tune"] == 1e-7


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            WAVELENGTH,
            9,
            "<text>:8: families.gabor.reads.input.wavelength_px.tune: found 9; "
            "expected a number from 3 to 8",
        ),
        (WAVELENGTH, float("nan"), "wavelength_px.tune: found nan; expected a number from 3 to 8"),
        (
            (*WAVELENGTH[:-1], "sigma_px"),
            2,
            "families.gabor.reads.input[0].sigma_px: no number to tune; "
            "expected {tune: ..., min: ..., max: ...}",
        ),
        ((*FLANKS[:-2], 0, "gain"), 1, "families.line.reads.gabor[0].gain: no number to tune"),
        (
            ("families", "lin", "reads", "gabor", 1, "gain"),
            1,
            "Did you mean 'families.line.reads.gabor[1].gain'?",
        ),
    ],
)
def test_values_that_cannot_be_written(arcs, path, value, message):
    with pytest.raises(WorkbenchError) as caught:
        with_tuned(arcs, {path: value})
    assert message in str(caught.value)


def test_a_number_shared_by_an_alias_takes_one_value():
    text = "a: &n {tune: 1, min: 0, max: 2}\nb: *n\n"
    assert with_tuned(text, {("a",): 2, ("b",): 2}) == text.replace("tune: 1", "tune: 2.0")
    for values in ({("a",): 2, ("b",): 1}, {("a",): 2}):
        with pytest.raises(
            WorkbenchError,
            match=r"shares its number with another through an alias; expected one value for both",
        ):
            with_tuned(text, values)


def test_a_circuits_file_is_golden(tmp_path):
    golden = DATA / "circuit.yaml"
    dump_circuit(load_circuit(golden), tmp_path / "again.yaml")
    assert (tmp_path / "again.yaml").read_bytes() == golden.read_bytes()


def test_a_circuits_file_says_what_was_found():
    circuit = load_circuit(DATA / "circuit.yaml")
    assert [(unit.unit, unit.centre_deg, unit.shift_px) for unit in circuit.units] == [
        (3, 22.5, (1.5, -2.0)),
        (7, 90.0, None),
    ]
    assert (circuit.found.pictures_sha256, circuit.found.thresholds) == (
        "12e45",
        {"strength": 2.5, "direction": 1e-5},
    )
    assert (
        TrainedCircuit.model_validate(yaml.safe_load((DATA / "circuit.yaml").read_text()))
        == circuit
    )


# of the circuits that the project's ledgers and reports name, from before units had poses for
# Gabors
SURVEYED = {
    "inceptionv1": "9fea8d1e32f52524c20b2a648b28321b95aa87575704c681414339e1d5de0f66",
    "squeezenet": "922809f9b5b6825410a185113707e373a3fbe9cd03f719597b5e3fe7a701e9db",
}


@pytest.mark.parametrize("host", SURVEYED)
def test_a_circuits_hash_stays(host, specs):
    assert load_circuit(specs.parent / "circuits" / host / "curve.yaml").sha256 == SURVEYED[host]


OWN_GABORS = (
    {"envelope": 1.2},
    {"aspect": 1.2},
    {"mixture": (0.5, -0.25, 0.25)},
    {"mixture": (0.25, -0.25, 0.5)},
)


def test_poses_for_gabors_are_part_of_the_circuit(tmp_path):
    circuit = load_circuit(DATA / "circuit.yaml")
    hashes = {circuit.sha256}
    for pose in (
        {"phase_deg": 0.0},
        {"phase_deg": 90.0},
        {"scale": 1.0},
        {"channel": "luma"},
        {"phase_deg": 90.0, "channel": "red-green"},
        *OWN_GABORS,
    ):
        posed = circuit.model_copy(
            update={"units": tuple(unit.model_copy(update=pose) for unit in circuit.units)}
        )
        dump_circuit(posed, tmp_path / "posed.yaml")
        assert load_circuit(tmp_path / "posed.yaml") == posed
        hashes.add(posed.sha256)
    assert len(hashes) == 6 + len(OWN_GABORS)


@pytest.mark.parametrize(
    ("pose", "problem"),
    [
        ("phase_deg: 90.0", "phase_deg for every unit or for none, not for all but [3]"),
        ("phase_deg: 360.0", "below 360"),
        ("channel: red", "'luma'"),
        ("scale: 0.0", "above 0"),
        ("envelope: 0.0", "above 0"),
        ("channel: luma, mixture: [1.0, 0.0, 0.0]", "channel or mixture, not both"),
    ],
)
def test_a_units_pose_that_cannot_be(tmp_path, pose, problem):
    path = tmp_path / "circuit.yaml"
    path.write_text(
        (DATA / "circuit.yaml")
        .read_text()
        .replace("centre_deg: 90.0}", f"centre_deg: 90.0, {pose}}}")
    )
    with pytest.raises(SpecError) as caught:
        load_circuit(path)
    assert problem in str(caught.value)


def test_a_circuit_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbenchError, match="cannot be written"):
        dump_circuit(load_circuit(DATA / "circuit.yaml"), tmp_path / "file" / "circuit.yaml")
