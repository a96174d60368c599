# ruff: noqa: E501  (a row of a table is one line)
"""What the schema cannot say: families that exist, poses that fit, grids that divide, kernels that
fit in memory.
"""

import time
from pathlib import Path

import pytest

from workbench.spec import SpecError, check_pair, load_circuit, theory_from_text

CIRCUIT = Path(__file__).parent / "data" / "circuit.yaml"
BOUND = "poses: from-circuit\n"
AXES = "poses: {centre_deg: {every: 15, over: 360}}\n    stride_px: 8\n"
ARC = "{along: arc, radius_px: 28, spread_px: 6, extent_px: 20, match: tangent, harmonics: [0.1, 0.6, 0.3]}"
LINE = "{along: line, spread_px: 2.5, extent_px: 6, match: tangent, tolerance_deg: 12}"
GABOR = (
    "{input: {kernel: gabor, wavelength_px: {tune: 5, min: 3, max: 8}, sigma_px: 1.8, aspect: 0.7}}"
)

FAMILIES = [
    (BOUND, AXES, ":21: families.curve.poses: found axes of poses; expected from-circuit: the last family stands for the host's units"),
    ("      line:\n", "      lime:\n", ":24: families.curve.reads.lime: found 'lime', a family that does not exist; expected a family above, or input. Did you mean 'line'?"),
    ("      line:\n", "      xyz:\n", "Known: gabor, input, line."),
    ("      gabor:\n", "      curve:\n", ":15: families.line.reads.curve: found 'curve', which comes later; expected a family above, or input. Move 'curve' above 'line'."),
    ("      gabor:\n", "      line:\n", ":15: families.line.reads.line: found 'line' itself; expected a family above, or input"),
    (BOUND, BOUND + "    stride_px: 8\n", ":22: families.curve.stride_px: found 8; expected no stride_px: a from-circuit family has the host's"),
    (BOUND, BOUND + "    pool: {over_px: 3, stride_px: 8}\n", "families.curve.pool: found {over_px: 3, stride_px: 8}; expected no pool: the last family's"),
    ("    stride_px: 2\n", "    stride_px: 2\n    typical_radius_px: 30\n", "families.gabor.typical_radius_px: found 30; expected no typical_radius_px: only units of from-circuit"),
    ("    stride_px: 2\n", "", ":4: families.gabor: found no stride_px; expected the key stride_px"),
    ("{over_px: 6, stride_px: 4}", "{over_px: 6, stride_px: 1}", "families.gabor.pool.stride_px: found 1; expected a multiple of the family's stride_px 2"),
    ("    stride_px: 4\n", "    stride_px: 2\n", ":12: families.line.stride_px: found 2; expected a multiple of 4, the grid of 'gabor'"),
    ("window_px: 24", "window_px: 7", "families.line.window_px: found 7; expected at least 8 to read beyond one point, for 'gabor' has one unit every 4 px"),
    ("threshold: 0.2", "threshold: 1", "families.curve.threshold: found 1; expected a number (and its max) below 1"),
    ("threshold: 0.2", "threshold: {tune: 0.2, min: 0, max: 1}", "families.curve.threshold: found {tune: 0.2, min: 0, max: 1}; expected a number (and its max) below 1"),
    ("across: orientation_deg", "across: phase_deg", "families.line.normalise.across: found phase_deg; expected an axis of this family's poses. Known: orientation_deg."),
    (BOUND, BOUND + "    normalise: {across: centre_deg, floor: 1}\n", "families.curve.normalise.across: found centre_deg; expected an axis of this family's poses. Leave"),
]  # fmt: skip
TERMS = [
    (LINE, LINE.replace("line", "inside").replace("extent_px", "distance_px"), "families.line.reads.gabor[0].along: found along: inside in a family without centre_deg; expected a family with"),
    (LINE, LINE.replace("line", "arc").replace("spread", "radius_px: 9, spread"), "families.line.reads.gabor[0].along: found along: arc in a family without centre_deg; expected a family with"),
    (LINE, GABOR[8:-1], "families.line.reads.gabor[0].kernel: found kernel: gabor on 'gabor'; expected a motif {along: ..., match: ...}; a kernel reads only input"),
    (GABOR, "{input: {along: point, match: any}}", "families.gabor.reads.input: found a motif; expected a kernel, as input has no poses"),
    (ARC, ARC.replace("tangent", "same"), "families.curve.reads.line[0].match: found match: same on 'line', which has no centre_deg; expected tangent or normal or any. Did you mean 'tangent'?"),
    (ARC, ARC.replace("tangent", "opposite"), "found match: opposite on 'line', which has no centre_deg; expected tangent or normal or any. Did you mean 'tangent'?"),
    (LINE, LINE[:-1] + ", by: {phase: [1, 1, 1, 1]}}", "families.line.reads.gabor[0].by.phase: found 'phase', a pose that 'gabor' does not have; expected an axis of its poses. Did you mean 'phase_deg'?"),
    (LINE, LINE[:-1] + ", by: {scale: [1, 1]}}", "families.line.reads.gabor[0].by.scale: found 'scale', a pose that 'gabor' does not have; expected an axis of its poses. Known: phase_deg."),
    (LINE, LINE[:-1] + ", by: {phase_deg: [1, 1]}}", "families.line.reads.gabor[0].by.phase_deg: found 2 gains; expected 4, one for each phase_deg of 'gabor'"),
    (LINE, LINE[:-1] + ", by: {orientation_deg: [1, 1]}}", "found a gain for each orientation_deg; expected an axis that turning the picture leaves alone. Use match"),
    (ARC, ARC[:-1] + ", by: {scale: [1]}}", "families.curve.reads.line[0].by.scale: found 'scale', a pose that 'line' does not have; expected an axis of its poses. Leave by out."),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), [*FAMILIES, *TERMS])
def test_one_fault_of_meaning_is_one_problem(problems_after, old, new, expected):
    (problem,) = problems_after(old, new)
    assert expected in problem


def test_the_example_is_without_fault(arcs):
    assert list(theory_from_text(arcs).theory.families) == ["gabor", "line", "curve"]


def test_a_gabor_is_read_by_families_of_any_frame(problems_after):
    problems = problems_after(
        "{orientation_deg: {every: 15, over: 180}, phase_deg",
        "{centre_deg: {every: 15, over: 360}, phase_deg",
    )
    assert not any("kernel" in line for line in problems)
    assert any(
        "found match: tangent on 'gabor', which has no orientation_deg; expected same or opposite or any"
        in line
        for line in problems
    )
    assert theory_from_text(
        f"theory: edges\nfamilies: {{edge: {{poses: from-circuit, window_px: 7, reads: {GABOR}}}}}"
    )


def test_centre_directions_are_compared_only_by_families_that_have_one(arcs):
    early = f"  early:\n    {AXES}    window_px: 24\n    reads: {{line: {ARC}}}\n"
    stroke = "  stroke:\n    poses: {orientation_deg: {every: 15, over: 180}}\n    stride_px: 8\n    window_px: 24\n"
    stroke += "    reads: {early: {along: point, match: same, tolerance_deg: 9}}\n"
    with pytest.raises(SpecError, match="match: same in a family without centre_deg; expected any"):
        theory_from_text(arcs.replace("  curve:", early + stroke + "  curve:"))


def test_only_the_last_family_is_from_circuit(arcs):
    copy = "  bend:\n    poses: from-circuit\n    window_px: 40\n    reads: {line: " + ARC + "}\n"
    with pytest.raises(
        SpecError,
        match=r"families.bend.poses: found from-circuit; expected axes of poses: only the last",
    ):
        theory_from_text(arcs.replace("  curve:", copy + "  curve:"))


def test_input_is_no_name_for_a_family(arcs):
    with pytest.raises(SpecError, match=r"families.input: found the name 'input'"):
        theory_from_text(
            arcs.replace("gabor:  ", "input:  ").replace("      gabor:", "      input:")
        )


def test_a_kernel_of_ten_gigabytes_is_refused_before_it_is_made(problems_after):
    start = time.perf_counter()
    problems = problems_after(
        "phase_deg: {every: 90, over: 360}}\n    stride_px: 2\n    window_px: 9",
        "phase_deg: {every: 2.5, over: 360}}\n    stride_px: 2\n    window_px: 512",
    )
    assert time.perf_counter() - start < 1.0
    assert [line.split("; ")[0] for line in problems] == [
        "arcs.yaml:8: families.gabor.reads.input: found a kernel of 1,364,268,096 numbers (1,728 units x 3 units of 'input' x 513 x 513)",
    ]
    assert problems[0].endswith(
        "expected at most 20,000,000. Use fewer poses, a smaller window_px, or a pool above."
    )


def test_too_many_units_are_counted(problems_after):
    problems = problems_after(
        "phase_deg: {every: 90, over: 360}", "phase_deg: {every: 1, over: 360}"
    )
    assert (
        "arcs.yaml:5: families.gabor.poses: found 4,320 units (12 orientation_deg x 360 phase_deg); expected at most 4,096"
        in problems[0]
    )


def test_a_pair_needs_the_circuits_name(arcs):
    circuit = load_circuit(CIRCUIT)
    check_pair(theory_from_text(arcs), circuit)
    renamed = theory_from_text(arcs.replace("  curve:", "  bend:"), "arcs.yaml")
    with pytest.raises(
        SpecError,
        match=r"arcs.yaml:20: families.bend: found the from-circuit family 'bend'; expected 'curve', the trained",
    ):
        check_pair(renamed, circuit)


def test_a_pair_counts_kernels_at_the_circuits_units(arcs):
    wide = theory_from_text(arcs.replace("window_px: 40", "window_px: 512"), "arcs.yaml")
    circuit = load_circuit(CIRCUIT)
    check_pair(wide, circuit)
    many = circuit.model_copy(
        update={"units": tuple(circuit.units[0].model_copy(update={"unit": i}) for i in range(500))}
    )
    with pytest.raises(
        SpecError,
        match=r"families.curve.reads.line: found a kernel of 25,350,000 numbers \(500 units x 12 units of 'line'",
    ):
        check_pair(wide, many)
