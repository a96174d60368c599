# ruff: noqa: E501  (a row of a table is one line)
"""Weights set one by one: what a table may say, and each of its faults at its key."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from workbench.spec import (
    SpecError,
    check_pair,
    load_circuit,
    numbers,
    theory_from_text,
    with_tuned,
)
from workbench.spec.schema import json_schema

CIRCUIT = Path(__file__).parent / "data" / "circuit.yaml"  # units 3 and 7
BOUND = "match: normal, tolerance_deg: 30, gain: -0.4}\n"
LINE = "tolerance_deg: 20, gain: {tune: -0.3, min: -1, max: 0}}\n"
GABOR = "reads: {input: {kernel: gabor, wavelength_px: {tune: 5, min: 3, max: 8}, sigma_px: 1.8, aspect: 0.7}}"
ENTRY = "{to: {unit: 7}, from: {orientation_deg: 120}, at_px: [8, -16], weight: {tune: 0.1, min: -1, max: 1}}"


def of_curve(entries: str) -> tuple[str, str]:
    return BOUND, f"{BOUND}        - {{weights: [{entries}]}}\n"


def of_line(entries: str) -> tuple[str, str]:
    return LINE, f"{LINE}        - {{weights: [{entries}]}}\n"


def of_gabor(entries: str) -> tuple[str, str]:
    return GABOR, f"reads: {{input: [{GABOR[15:-1]}, {{weights: [{entries}]}}]}}"


CURVE, OF_LINE, OF_GABOR = (
    "families.curve.reads.line[2].weights[0]",
    "families.line.reads.gabor[2].weights[0]",
    "families.gabor.reads.input[1].weights[0]",
)
FAULTS = [
    (of_curve("{to: {centre_deg: 30}, weight: 1}"), f"{CURVE}.to.centre_deg: found 'centre_deg', a pose that this family does not have; expected an axis of its poses. Known: unit."),
    (of_curve("{from: {phase_deg: 90}, weight: 1}"), f"{CURVE}.from.phase_deg: found 'phase_deg', a pose that 'line' does not have; expected an axis of its poses. Known: orientation_deg."),
    (of_curve("{from: {unit: 7}, weight: 1}"), f"{CURVE}.from.unit: found 'unit', a pose that 'line' does not have"),
    (of_line("{to: {unit: 7}, weight: 1}"), f"{OF_LINE}.to.unit: found 'unit', a pose that this family does not have"),
    (of_curve("{from: {colour: red}, weight: 1}"), f"{CURVE}.from.colour: found 'colour', a pose that 'line' does not have"),
    (of_gabor("{from: {channel: luma}, weight: 1}"), f"{OF_GABOR}.from.channel: found 'channel', a pose that 'input' does not have; expected an axis of its poses. Known: colour."),
    (of_curve("{from: {orientation_deg: 40}, weight: 1}"), f"{CURVE}.from.orientation_deg: found 40; expected a value of orientation_deg that 'line' has. Did you mean 45?"),
    (of_curve("{from: {orientation_deg: 179}, weight: 1}"), f"{CURVE}.from.orientation_deg: found 179; expected a value of orientation_deg that 'line' has. Did you mean 0?"),
    (of_gabor("{to: {phase_deg: -80}, weight: 1}"), f"{OF_GABOR}.to.phase_deg: found -80; expected a value of phase_deg that this family has. Did you mean 270?"),
    (of_curve("{at_px: [8, 4], weight: 1}"), f"{CURVE}.at_px: found [8, 4]; expected multiples of 8, the grid of 'line'"),
    (of_curve("{at_px: [0, -24], weight: 1}"), f"{CURVE}.at_px: found [0, -24]; expected at most 16 to each side, within window_px 40"),
    (of_gabor("{at_px: [5, 0], weight: 1}"), f"{OF_GABOR}.at_px: found [5, 0]; expected at most 4 to each side, within window_px 9"),
    (of_gabor("{at_px: [0.5, 0], weight: 1}"), f"{OF_GABOR}.at_px[0]: found 0.5; expected a whole number"),
    (of_gabor("{from: {colour: rd}, weight: 1}"), f"{OF_GABOR}.from.colour: found rd; expected 'red', 'green' or 'blue'. Did you mean 'red'?"),
    (of_curve("{from: {orientation: 45}, weight: 1}"), f"{CURVE}.from.orientation: found a key that is not known here. Did you mean 'orientation_deg'?"),
    (of_curve("{form: {orientation_deg: 45}, weight: 1}"), f"{CURVE}.form: found a key that is not known here. Did you mean 'from'?"),
    (of_curve("{from_: {orientation_deg: 45}, weight: 1}"), f"{CURVE}.from_: found a key that is not known here. Did you mean 'from'?"),
    (of_curve("{at_px: [8, 0]}"), f"{CURVE}: found no weight; expected the key weight"),
    (of_curve("{weight: {tune: 1}}"), f"{CURVE}.weight: found {{tune: 1}}; expected min and max beside tune, or the number alone"),
    (of_curve(""), "families.curve.reads.line[2].weights: found []; expected at least 1 of them"),
    ((BOUND, f"{BOUND}        - {{wieghts: [{ENTRY}]}}\n"), "families.curve.reads.line[2].wieghts: found a key that is not known here. Did you mean 'weights'?"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), FAULTS)
def test_one_fault_is_one_problem(problems_after, change, expected):
    (problem,) = problems_after(*change)
    assert expected in problem
    assert "(weights)" not in problem


def test_scales_and_channels_have_a_nearest_value_too(arcs, problems_after):
    axes = "phase_deg: {every: 90, over: 360}}\n"
    old, new = of_line("{from: {scale: 0.8}, weight: 1}, {from: {channel: red-green}, weight: 1}")
    text = arcs.replace(axes, "scale: [1, 0.7, 0.5], channel: [luma]}\n").replace(old, new)
    with pytest.raises(SpecError) as caught:
        theory_from_text(text)
    assert [problem.suggestion for problem in caught.value.problems] == [
        "Did you mean 0.7?",
        "Known: luma.",
    ]


def test_a_unit_that_the_circuit_does_not_have(arcs):
    circuit = load_circuit(CIRCUIT)
    check_pair(theory_from_text(arcs.replace(*of_curve(ENTRY))), circuit)
    other = theory_from_text(arcs.replace(*of_curve(f"{ENTRY}, {{to: {{unit: 37}}, weight: 1}}")))
    with pytest.raises(SpecError) as caught:
        check_pair(other, circuit)
    (problem,) = caught.value.problems
    assert problem.key == "families.curve.reads.line[2].weights[1].to.unit"
    assert (problem.found, problem.expected) == ("37", "a unit of the trained circuit")
    assert problem.suggestion == "Did you mean '7'?"


def test_a_weight_is_a_number_of_the_theory_and_can_be_tuned(arcs):
    text = arcs.replace(*of_curve(ENTRY))
    path = ("families", "curve", "reads", "line", 2, "weights", 0, "weight")
    assert [
        number.tuned for other, number in numbers(theory_from_text(text).theory) if other == path
    ] == [True]
    after = dict(numbers(theory_from_text(with_tuned(text, {path: 0.75})).theory))
    assert after[path].tune == 0.75


def test_an_editor_takes_what_the_language_takes(arcs):
    validator = Draft202012Validator(json_schema())
    for entry, accepted in [
        (ENTRY, True),
        ("{weight: 1}", True),
        ("{}", False),
        ("{weight: 1, at_px: [0]}", False),
        ("{weight: 1, of: 1}", False),
    ]:
        assert validator.is_valid(yaml.safe_load(arcs.replace(*of_curve(entry)))) is accepted, entry
