"""Constants that weights are linear in: their weights add up, and bounds leave a sign or both."""

import math

import pytest

from tests.planted import EVEN, LATE, THEORY_OF_LATE, planted, trained_circuit
from workbench.compiler import compile_spec
from workbench.compiler.derived import compile_constants
from workbench.compiler.linear import constants
from workbench.spec import theory_from_text
from workbench.spec.language import Term

ROUNDING = 1e-12  # float64
KINDS = """\
      curve:
        - {along: arc, radius_px: 24, spread_px: 5, extent_px: 10, match: same,
           harmonics: [0.1, {tune: 0.6, min: 0, max: 1}, 0], gain: 2}
        - {along: inside, distance_px: 12, spread_px: 6, match: opposite,
           profile: [[0, 0.3], [90, -0.2]], gain: -0.5}
        - {along: outside, distance_px: 12, spread_px: 6, match: same,
           tolerance_deg: 40, gain: -0.1}
        - {along: point, match: any, gain: 0.2}
        - weights:
            - {from: {centre_deg: 60}, at_px: [8, 0], weight: -0.3}
            - {at_px: [0, 8], weight: 0.4}
"""


def test_weights_with_each_constant_alone_add_up_to_those_of_the_circuit():
    text, (read,) = (
        THEORY_OF_LATE,
        [
            line
            for line in THEORY_OF_LATE.splitlines(keepends=True)
            if line.startswith("      curve:")
        ],
    )
    host, early, _ = planted(units=EVEN)
    spec = theory_from_text(text.replace(read, KINDS))
    circuit = compile_spec(
        spec, trained_circuit(host, LATE, "late", "consumers"), host, bound={"curve": early}
    )
    layers = compile_constants(spec, circuit, "late", "curve")
    assert [constant.value for constant, _ in layers] == pytest.approx(
        [0.2, 1.2, -0.15, 0.1, -0.1, 0.2, -0.3, 0.4]
    )
    ((whole,), ideal) = circuit.layers[-1].reads, circuit.layers[-1].ideal
    total = sum(constant.value * layer.reads[0].weight for constant, layer in layers)
    assert float((total - whole.weight).abs().max()) < ROUNDING
    assert all(layer.ideal == ideal and layer.reads[0].source == "curve" for _, layer in layers)


FREE, UP, DOWN, ZERO = (
    {"tune": 0.5, "min": -1, "max": 1},
    {"tune": 0.5, "min": 0, "max": 1},
    {"tune": -0.5, "min": -1, "max": 0},
    0,
)


@pytest.mark.parametrize(
    ("gain", "harmonic", "bounds"),
    [
        (1, FREE, (-math.inf, math.inf)),
        (1, 0.5, (0, math.inf)),
        (1, UP, (0, math.inf)),
        (1, DOWN, (-math.inf, 0)),
        (DOWN, DOWN, (0, math.inf)),
        (-2, UP, (-math.inf, 0)),
        (FREE, UP, (-math.inf, math.inf)),
        (FREE, ZERO, None),
    ],
)
def test_a_constant_keeps_the_sign_that_gain_and_number_leave_it(gain, harmonic, bounds):
    term = Term(along="point", match="same", gain=gain, harmonics=(harmonic,))
    assert [(each.low, each.high) for each in constants(term)] == ([bounds] if bounds else [])
