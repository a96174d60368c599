"""A circuit that cannot be run is refused, with the family, the read and the numbers that do it."""

import pytest

from tests.planted import EDGES, THEORY, UNITS, planted, trained_circuit
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.spec import TrainedUnit, theory_from_text


@pytest.fixture(scope="module")
def toy():
    return planted()


def refusal(toy, text: str, units=UNITS, site: str = "planted", circuit: str = "curve") -> str:
    """The message of compiling a theory for units of the planted host."""
    trained = trained_circuit(toy.host, units, circuit, site)
    with pytest.raises(WorkbenchError) as caught:
        compile_spec(theory_from_text(text, "t.yaml"), trained, toy.host)
    return str(caught.value)


EDGE = (TrainedUnit(unit=1, centre_deg=10), TrainedUnit(unit=4, centre_deg=100))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("sigma_px: 1.2, aspect: 0.7", "sigma_px: 0.03, aspect: 1.2"), "sigma_px 0.03"),
        (("sigma_px: 1.2", "sigma_px: 1e-300"), "sigma_px 1e-300"),
        (("window_px: 3", "window_px: 1"), "window_px 1"),
        (("aspect: 0.7", "aspect: 1e300"), "aspect 1e+300"),
        (("wavelength_px: 4", "wavelength_px: 1e-320"), "wavelength_px"),
    ],
)
def test_compile_spec_kernel_that_is_not_finite_is_refused(toy, change, problem):
    text = EDGES.replace(*change)
    assert text != EDGES
    message = refusal(toy, text, EDGE, "retina", "edge")
    assert message.startswith("t.yaml: families.edge.reads.input: ")
    assert "retina:1" in message
    assert problem in message


@pytest.mark.parametrize(
    "constants", ["wavelength_px: 4, sigma_px: 0.1", "wavelength_px: 1e9, sigma_px: 1.2"]
)
def test_compile_spec_kernel_of_rounding_is_refused(toy, constants):
    text = EDGES.replace("wavelength_px: 4, sigma_px: 1.2", constants)
    message = refusal(toy, text, EDGE, "retina", "edge")
    assert message.startswith("t.yaml: families.edge.reads.input: ")
    assert constants.replace(":", "").replace("1e9", "1e+09") in message


@pytest.mark.parametrize(
    "constants", ["wavelength_px: 9, sigma_px: 0.2", "wavelength_px: 4, sigma_px: 1e300"]
)
def test_compile_spec_small_and_wide_kernels_are_compiled(toy, constants):
    text = EDGES.replace("wavelength_px: 4, sigma_px: 1.2", constants)
    trained = trained_circuit(toy.host, EDGE, "edge", "retina")
    assert compile_spec(theory_from_text(text), trained, toy.host).weights == 2 * 3 * 9


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("gain: {tune: -0.3, min: -1, max: 0}", "gain: 1e300", "gain 1e+300"),
        ("tolerance_deg: 30", "profile: [[0, 1e300], [90, 0]]", "profile[0][1] 1e+300"),
        ("spread_px: 8", "spread_px: 1e-320", "spread_px"),
        ("tolerance_deg: 30", "tolerance_deg: 1e-320", "tolerance_deg"),
    ],
)
def test_compile_spec_motif_without_weights_is_refused(toy, old, new, problem):
    text = THEORY.replace(old, new)
    assert text != THEORY
    message = refusal(toy, text)
    assert message.startswith("t.yaml: families.curve.reads.gabor[1]: ")
    assert problem in message


@pytest.mark.parametrize("zero", ["gain: 0", "gain: 1, by: {phase_deg: [0, 0]}"])
def test_compile_spec_term_that_is_meant_to_be_zero_is_compiled(toy, zero):
    text = THEORY.replace("gain: {tune: -0.3, min: -1, max: 0}", zero)
    assert text != THEORY
    compile_spec(theory_from_text(text), trained_circuit(toy.host, UNITS), toy.host)


ZERO = """\
theory: zero
families:
  edge:
    poses: from-circuit
    window_px: 3
    reads: {input: {weights: [{weight: WEIGHT, to: {TO}}]}}
"""


@pytest.mark.parametrize("weight", ["0", "1e-50", "5e-324"])
def test_compile_spec_family_of_zero_weights_is_refused(toy, weight):
    text = ZERO.replace("WEIGHT", weight).replace("TO", "")
    message = refusal(toy, text, EDGE, "retina", "edge")
    assert "0 of 2 of 2 units (retina:1, retina:4)" in message


def test_compile_spec_unit_that_a_table_leaves_out_is_kept(toy):
    text = ZERO.replace("WEIGHT", "1").replace("TO", "unit: 4")
    trained = trained_circuit(toy.host, EDGE, "edge", "retina")
    assert compile_spec(theory_from_text(text), trained, toy.host).weights == 2 * 3 * 9


def test_compile_spec_unit_whose_own_weights_vanish_is_refused(toy):
    narrow = (
        THEORY.replace("along: arc, radius_px: 20, spread_px: 8", "along: point")
        .replace(
            "along: arc, radius_px: {tune: 20, min: 10, max: 40}, spread_px: 4, extent_px: 10",
            "along: point",
        )
        .replace("extent_px: 10, ", "")
    )
    moved = [UNITS[0], *(unit.model_copy(update={"shift_px": (1.0, 0.0)}) for unit in UNITS[1:])]
    message = refusal(toy, narrow, moved)
    assert "families.curve: all weights are 0 of 5 of 6 units (planted:3" in message


def test_compile_spec_unit_that_the_site_lacks_is_refused(toy):
    strange = [*UNITS, TrainedUnit(unit=9999, centre_deg=5), TrainedUnit(unit=12, centre_deg=7)]
    message = refusal(toy, THEORY, strange)
    assert "no unit 9999, 12 at planted of planted; expected units 0 to 11" in message


@pytest.mark.parametrize("floor", ["1e-320", "1e300"])
def test_compile_spec_floor_that_float32_cannot_hold_is_refused(toy, floor):
    normalise = f"    normalise: {{across: phase_deg, floor: {floor}}}\n    rectify: full\n"
    message = refusal(toy, THEORY.replace("    rectify: full\n", normalise, 1))
    assert f"families.gabor: normalise.floor is {float(floor):g}; expected" in message
