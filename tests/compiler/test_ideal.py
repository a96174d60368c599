"""Ideal stimuli are the unit of response, and a curve unit prefers its own arc."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.planted import THEORY, UNITS, planted, trained_circuit
from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.compiler.circuit import Grid
from workbench.compiler.compile import compile_theory
from workbench.compiler.ideal import SIZE_PX
from workbench.compiler.respond import Responses, respond
from workbench.errors import WorkbenchError
from workbench.spec import TrainedUnit, load_circuit, load_theory, numbers, theory_from_text
from workbench.spec.language import Number
from workbench.vision.stimuli import Stroke, Textures, arc, line, texture_edge

ROOT = Path(__file__).parents[2]
SIX_DIGITS = 5e-6  # the constant is written with six
# the same stimulus at four turns falls differently on grids of 2, 4 and 8 px
ON_GRID = 0.15
# curves of other radii read other amounts of each family (radius_power), and share one ideal drive
UNITS_DIFFER = 0.45
SPEC = load_theory(ROOT / "specs" / "curve-detectors.yaml")
# family -> where it reads the arc that is its ideal stimulus
ARCS = {"bend": "edge", "early_curve": "line", "wide_curve": "line", "curve": "early_curve"}
RADII = {
    family: SPEC.theory.families[family].reads[source][0].radius_px.tune
    for family, source in ARCS.items()
}
LIKE = torch.zeros((), dtype=torch.float64)
STROKE = Stroke(width_px=3.0, foreground=1.0, background=0.0)


@pytest.fixture(scope="module")
def curves(squeezenet) -> HandwrittenCircuit:
    """specs/curve-detectors.yaml for SqueezeNet's curve units."""
    return compile_spec(SPEC, load_circuit(ROOT / "circuits/squeezenet/curve.yaml"), squeezenet)


def drawn(apex_px: tuple[float, float], normal_deg: float, radius_px: float | None) -> Tensor:
    """A bright arc (or line) on 0, `1 3 h w`, in circuit units."""
    picture = (
        line(SIZE_PX, apex_px, normal_deg - 90, stroke=STROKE, like=LIKE)
        if radius_px is None
        else arc(SIZE_PX, apex_px, normal_deg, radius_px, stroke=STROKE, like=LIKE)
    )
    return picture.movedim(-1, 0)[None]


def apex_px(circuit: HandwrittenCircuit) -> int:
    """A pixel in the middle of the picture on which every family has a unit."""
    cell = (SIZE_PX // 2 - circuit.grid.offset_px) // circuit.grid.stride_px
    return circuit.grid.offset_px + circuit.grid.stride_px * cell


def response(circuit: HandwrittenCircuit, family: int, picture: Tensor) -> Tensor:
    """Response of each unit of a family at the apex to a picture: `drive / ideal`."""
    stride_px = circuit.layers[family].stride_px
    offset_px = circuit.grid.offset_px % stride_px
    cells = len(range(offset_px, SIZE_PX, stride_px))
    grid, cell = (
        Grid(SIZE_PX, stride_px, offset_px, cells, cells),
        (apex_px(circuit) - offset_px) // stride_px,
    )
    return respond(circuit.layers[: family + 1], Responses.to(picture, grid))[0, :, cell, cell]


@pytest.mark.parametrize(
    "family", ["edge", "bar", "line", "bend", "early_curve", "wide_curve", "curve"]
)
def test_a_familys_own_ideal_stimulus_gives_1(curves, family):
    index = [layer.family for layer in curves.layers].index(family)
    units = curves.layers[index].units
    responses = []
    for unit in (len(units) * turn // 4 for turn in range(4)):
        apex = tuple(
            apex_px(curves) + float(units.column(f"shift_{axis}_px")[unit]) for axis in "xy"
        )
        radius_px = RADII[family] * float(units.bend[unit]) if family in RADII else None
        responses.append(
            float(
                response(curves, index, drawn(apex, float(units.normal_deg[unit]), radius_px))[unit]
            )
        )
    assert sum(responses) / 4 == pytest.approx(1, abs=SIX_DIGITS)
    assert responses == pytest.approx([1] * 4, abs=UNITS_DIFFER if family == "curve" else ON_GRID)


def test_ideals_have_six_digits_and_a_gabor_is_scaled_by_its_absolute_sum(curves):
    ideals = [float(layer.ideal) for layer in curves.layers]
    assert ideals[0] == 1
    assert ideals == [float(f"{ideal:.6g}") for ideal in ideals]
    assert torch.allclose(
        curves.layers[0].reads[0].weight.abs().sum((1, 2, 3)), torch.ones(144, dtype=torch.float64)
    )


def preferences(circuit: HandwrittenCircuit, radius_px: float) -> dict[str, float]:
    """Mean over units of the response to stimuli at the unit's own apex.

    They are its own arc, that arc turned, and a line.
    """
    units, last = circuit.layers[-1].units, len(circuit.layers) - 1
    responses: dict[str, list[float]] = {
        "own": [],
        "turned by 90": [],
        "turned by 180": [],
        "straight": [],
    }
    for unit in range(len(units)):
        apex = tuple(
            apex_px(circuit) + float(units.column(f"shift_{axis}_px")[unit]) for axis in "xy"
        )
        normal_deg, radius = float(units.normal_deg[unit]), radius_px * float(units.bend[unit])
        stimuli = {
            "own": (0, radius),
            "turned by 90": (90, radius),
            "turned by 180": (180, radius),
            "straight": (0, None),
        }
        for name, (turn_deg, bent) in stimuli.items():
            responses[name].append(
                float(response(circuit, last, drawn(apex, normal_deg + turn_deg, bent))[unit])
            )
    return {name: sum(each) / len(each) for name, each in responses.items()}


def test_a_curve_unit_prefers_its_own_arc(curves):
    responses = preferences(curves, RADII["curve"])
    assert responses["own"] == pytest.approx(1, abs=ON_GRID)
    assert responses["own"] > 1.1 * responses["straight"] > 0
    assert responses["own"] > 2 * responses["turned by 180"]
    assert responses["own"] > 2 * responses["turned by 90"]


SAME = """\
theory: same
families:
  gabor:
    poses: {orientation_deg: {every: 30, over: 180}, phase_deg: {every: 90, over: 180}}
    stride_px: 2
    window_px: 9
    reads: {input: {kernel: gabor, wavelength_px: 6, sigma_px: 2, aspect: 0.7}}
    rectify: full
    pool: {over_px: 6, stride_px: 4}
  early_curve:
    poses: {centre_deg: {every: 30, over: 360}}
    stride_px: 4
    window_px: 32
    reads:
      gabor: {along: arc, radius_px: 20, spread_px: 4, extent_px: 10,
              match: tangent, tolerance_deg: 20}
  curve:
    poses: from-circuit
    window_px: 8
    reads: {early_curve: {along: point, match: same, tolerance_deg: 30}}
"""


@pytest.mark.parametrize(
    ("match", "preferred", "other"),
    [("same", "own", "turned by 180"), ("opposite", "turned by 180", "own")],
)
def test_match_opposite_prefers_the_opposite_arc(match, preferred, other):
    host, trained, spec = planted(SAME.replace("match: same", f"match: {match}"))
    responses = preferences(compile_spec(spec, trained, host), 20.0)
    assert responses[preferred] > 1.3 * responses[other]


def test_a_shifted_unit_prefers_its_arc_at_its_own_place():
    """A unit's shift is where its apex lies from its cell."""
    units = (
        TrainedUnit(unit=1, centre_deg=0.0, shift_px=(6.0, -4.0)),
        TrainedUnit(unit=2, centre_deg=90.0),
    )
    host, trained, spec = planted(units=units)
    compiled = compile_spec(spec, trained, host)
    middle = apex_px(compiled)
    moved, unmoved = (
        float(response(compiled, 1, drawn((middle + x, middle + y), 0.0, 20.0))[0])
        for x, y in ((6.0, -4.0), (0.0, 0.0))
    )
    assert moved > 1.2 * unmoved


def test_a_theory_that_its_own_ideal_stimulus_does_not_drive_is_refused():
    """Dividing by a negative drive would turn every sign around."""
    host, trained, _ = planted()
    with pytest.raises(
        WorkbenchError,
        match=r"families\.curve: its own ideal stimulus drives it to -.*expected a drive above 0",
    ) as caught:
        compile_spec(
            theory_from_text(THEORY.replace("tolerance_deg: 20}", "tolerance_deg: 20, gain: -1}")),
            trained,
            host,
        )
    assert "excite it more than inhibit" in caught.value.remedy


def test_gradients_reach_the_tuned_numbers_through_the_ideal():
    """`tune` compiles with tensors: the ideal is differentiable, and its value is what `compile`
    writes.
    """
    host, trained, spec = planted()
    leaves = {
        id(n): torch.tensor(n.tune, dtype=torch.float64, requires_grad=n.tuned)
        for _, n in numbers(spec.theory)
    }

    def value(number: Number) -> Tensor:
        return leaves.get(id(number), torch.tensor(number.tune, dtype=torch.float64))

    compiled = compile_theory(spec.theory, trained, host, value)
    ideal = compiled.layers[-1].ideal
    assert float(ideal.detach()) == pytest.approx(
        float(compile_theory(spec.theory, trained, host).layers[-1].ideal), rel=SIX_DIGITS
    )
    assert all(
        slope != 0
        for slope in torch.autograd.grad(
            ideal, [leaf for leaf in leaves.values() if leaf.requires_grad]
        )
    )


def test_the_ideal_does_not_depend_on_the_hosts_picture_size():
    host, trained, spec = planted()
    larger = replace(host, input=replace(host.input, size_px=224))
    again = compile_theory(spec.theory, trained_circuit(host, trained.units), larger)
    assert float(again.layers[-1].ideal) == float(
        compile_spec(spec, trained, host).layers[-1].ideal
    )


@pytest.mark.parametrize(("turn_deg", "least", "most"), [(0, 0.5, 1.5), (180, -2.0, 0.0)])
def test_an_edge_between_textures_is_the_ideal_stimulus_of_a_family_that_has_one(
    turn_deg, least, most
):
    """Fine texture on the side of the centre drives each unit to about 1, else to below 0."""
    spec, host = load_theory(ROOT / "specs" / "high-low-frequency.yaml"), planted().host
    circuit = compile_spec(spec, trained_circuit(host, UNITS, "high-low-frequency"), host)
    last, apex = len(circuit.layers) - 1, apex_px(circuit)
    ideal = spec.theory.families["high-low-frequency"].ideal
    edges = [edge((apex, apex), unit.centre_deg + turn_deg, ideal) for unit in UNITS]
    responses = [float(response(circuit, last, each)[i]) for i, each in enumerate(edges)]
    assert all(least < each < most for each in responses)
    assert turn_deg or sum(responses) / len(responses) == pytest.approx(1, abs=ON_GRID)


def edge(apex_px: tuple[float, float], centre_deg: float, ideal) -> Tensor:
    picture = texture_edge(
        SIZE_PX,
        apex_px,
        centre_deg,
        Textures(ideal.fine_px, ideal.coarse_px),
        foreground=1.0,
        background=-1.0,
        like=LIKE,
    )
    return picture.movedim(-1, 0)[None]
