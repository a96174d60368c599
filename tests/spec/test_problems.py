# ruff: noqa: E501  (a row of a table is one line)
"""Every problem of a file at once, in plain words, at its line."""

from pathlib import Path

import pytest

from workbench.spec import SpecError, load_circuit, load_theory

DATA = Path(__file__).parent / "data"
JARGON = (
    "extra_forbidden",
    "Value error",
    "Input should",
    "valid dictionary",
    "pydantic",
    "(kernel)",
    "(term)",
    "(axes)",
    "(word)",
    "(weights)",
)


def test_six_planted_faults_are_six_problems_at_their_lines():
    file = DATA / "six-faults.yaml"
    planted = [
        number for number, line in enumerate(file.read_text().splitlines(), start=1) if "# " in line
    ]
    with pytest.raises(SpecError) as caught:
        load_theory(file)
    assert [(problem.line, problem.key) for problem in caught.value.problems] == [
        (planted[0], "families.gabor.poses.orientation_deg"),
        (planted[1], "families.gabor.reads.input.kernel"),
        (planted[2], "families.line.reads.gabor[1].distnce_px"),
        (planted[3], "families.line.threshold"),
        (planted[4], "families.curve.reads.lime"),
        (planted[5], "families.curve.reads.line[0].radius_px"),
    ]
    assert "Did you mean 'line'?" in str(caught.value)
    assert not [word for word in JARGON if word in str(caught.value)]


KEYS = [
    (
        "theory: arcs",
        "theory: Arcs!",
        "arcs.yaml:2: theory: found Arcs!; expected text like ^[a-z0-9][a-z0-9-]*$",
    ),
    ("theory: arcs", "theory: [arcs]", "arcs.yaml:2: theory: found [arcs]; expected text"),
    ("theory: arcs", "theory: 5", "arcs.yaml:2: theory: found 5; expected text"),
    ("theory: arcs\n", "", "arcs.yaml:2:1: found no theory; expected the key theory"),
    (
        "theory: arcs\n",
        "theory: arcs\nsource: a\n",
        "arcs.yaml:3: source: found a; expected a list",
    ),
    (
        "theory: arcs\n",
        "theory: arcs\nxyz: a\n",
        "arcs.yaml:3: xyz: found a key that is not known here. Known: about, claims, families, source, theory, tuned, variants.",
    ),
    (
        "theory: arcs\n",
        "theory: arcs\ntheory: b\n",
        "arcs.yaml:3: theory: found the key again, after line 2; expected each key once",
    ),
    (
        "window_px: 9",
        "windw_px: 9",
        "arcs.yaml:7: families.gabor.windw_px: found a key that is not known here. Did you mean 'window_px'?",
    ),
    (
        "    window_px: 9\n",
        "",
        "arcs.yaml:4: families.gabor: found no window_px; expected the key window_px",
    ),
    (
        "window_px: 9",
        "window_px: '9'",
        "arcs.yaml:7: families.gabor.window_px: found '9'; expected a number",
    ),
    (
        "window_px: 9",
        "window_px: true",
        "arcs.yaml:7: families.gabor.window_px: found true; expected a number",
    ),
    (
        "window_px: 9",
        "window_px:",
        "arcs.yaml:7: families.gabor.window_px: found nothing; expected a number",
    ),
    (
        "window_px: 9",
        "window_px: .nan",
        "arcs.yaml:7: families.gabor.window_px: found .nan; expected a finite number",
    ),
    (
        "window_px: 9",
        "window_px: 0",
        "arcs.yaml:7: families.gabor.window_px: found 0; expected a number above 0",
    ),
    (
        "window_px: 9",
        "window_px: 513",
        "arcs.yaml:7: families.gabor.window_px: found 513; expected a number, at most 512",
    ),
    (
        "stride_px: 2\n",
        "stride_px: 2.5\n",
        "arcs.yaml:6: families.gabor.stride_px: found 2.5; expected a whole number",
    ),
]
NUMBERS = [
    (
        "threshold: 0.2",
        "threshold: .inf",
        "families.curve.threshold: found .inf; expected a finite number",
    ),
    (
        "threshold: 0.2",
        "threshold: .nan",
        "families.curve.threshold: found .nan; expected a finite number",
    ),
    (
        "threshold: 0.2",
        "threshold: yes",
        "families.curve.threshold: found yes; expected a number, or {tune: 5, min: 3, max: 8}",
    ),
    (
        "threshold: 0.2",
        "threshold: true",
        "families.curve.threshold: found true; expected a number, or {tune: 5, min: 3, max: 8}",
    ),
    (
        "threshold: 0.2",
        "threshold: {tune: 0.2}",
        "families.curve.threshold: found {tune: 0.2}; expected min and max beside tune, or the number alone",
    ),
    (
        "threshold: 0.2",
        "threshold: {tune: 0.2, min: 0}",
        "families.curve.threshold: found {tune: 0.2, min: 0}; expected both min and max, or neither",
    ),
    (
        "threshold: 0.2",
        "threshold: {tune: 2, min: 0, max: 1}",
        "families.curve.threshold: found {tune: 2, min: 0, max: 1}; expected min <= tune <= max, not 0 <= 2 <= 1",
    ),
    (
        "threshold: 0.2",
        "threshold: {tune: 0, mni: 0, max: 1}",
        "families.curve.threshold.mni: found a key that is not known here. Did you mean 'min'?",
    ),
    (
        "threshold: 0.2",
        "threshold: {tune: 0, min: -.inf, max: 1}",
        "families.curve.threshold.min: found -.inf; expected a finite number",
    ),
    (
        "sigma_px: 1.8",
        "sigma_px: {tune: 1, min: 0, max: 2}",
        "families.gabor.reads.input.sigma_px: found {tune: 1, min: 0, max: 2}; expected a number (and its min) above 0",
    ),
    (
        "harmonics: [0.1, 0.6, 0.3]",
        "harmonics: [0.1, x]",
        "families.curve.reads.line[0].harmonics[1]: found x; expected a number, or {tune: 5, min: 3, max: 8}",
    ),
    (
        "harmonics: [0.1, 0.6, 0.3]",
        "harmonics: []",
        "families.curve.reads.line[0].harmonics: found []; expected at least 1 of them",
    ),
]
TERMS = [
    ("normalise: {across", "ideal: {fine_px: 4, coarse_px: 16}\n    normalise: {across", "families.line.ideal: found an edge with a side in a family without centre_deg; expected poses: {centre_deg: ...} or from-circuit"),
    ("{over_px: 6, stride_px: 4}", "{over_px: 6, strides: 4}", "families.gabor.pool.strides: found a key that is not known here. Did you mean 'stride_px'?"),
    ("poses: from-circuit", "poses: from-circiut", "families.curve.poses: found from-circiut; expected 'from-circuit'. Did you mean 'from-circuit'?"),
    ("poses: from-circuit", "poses: {}", "families.curve.poses: found {}; expected at least one axis"),
    ("across: orientation_deg", "across: orientation", "families.line.normalise.across: found orientation; expected 'orientation_deg', 'centre_deg', 'phase_deg', 'scale' or 'channel'. Did you mean 'orientation_deg'?"),
    ("match: normal", "match: norml", "families.curve.reads.line[1].match: found norml; expected 'tangent', 'normal', 'same', 'opposite' or 'any'. Did you mean 'normal'?"),
    ("kernel: gabor", "kernl: gabor", "families.gabor.reads.input.kernl: found a key that is not known here. Did you mean 'kernel'?"),
    ("match: normal", "match: any", "families.curve.reads.line[1]: found a mapping; expected no tolerance_deg, for match: any takes every pose alike"),
    (", tolerance_deg: 30", "", "families.curve.reads.line[1]: found a mapping; expected exactly one of tolerance_deg, harmonics and profile, which match: normal needs"),
    ("tolerance_deg: 30", "tolerance_deg: 30, profile: [[0, 1], [9, 0]]", "families.curve.reads.line[1]: found a mapping; expected exactly one of tolerance_deg, harmonics and profile, which match: normal needs"),
    ("tolerance_deg: 30", "profile: [[0, 1]]", "families.curve.reads.line[1].profile: found [[0, 1]]; expected at least 2 of them"),
    ("tolerance_deg: 30", "profile: [[0, 1], [9]]", "families.curve.reads.line[1].profile[1]: found [9]; expected at least 2 of them"),
    ("tolerance_deg: 30", "profile: [[0, 1], [200, 0]]", "families.curve.reads.line[1].profile[1][0]: found 200; expected a number, at most 180"),
    ("tolerance_deg: 30", "profile: [[0, 1], [9, x]]", "families.curve.reads.line[1].profile[1][1]: found x; expected a number, or {tune: 5, min: 3, max: 8}"),
    ("tolerance_deg: 30", "profile: [[9, 1], [9, 0]]", "families.curve.reads.line[1].profile: found [[9, 1], [9, 0]]; expected points whose degrees rise, not 9, 9"),
    ("tolerance_deg: 12}", "tolerance_deg: 12, radius_power: 0.5}", "families.line.reads.gabor[0].radius_power: found 0.5; expected no radius_power: only units of from-circuit have a radius of their own"),
    ("tolerance_deg: 12}", "tolerance_deg: 12, scale_power: -1}", "families.line.reads.gabor[0].scale_power: found -1; expected no scale_power: only units of from-circuit have a scale of their own"),
    ("tolerance_deg: 30", "tolerance_deg: 30, turned: wth", "families.curve.reads.line[1].turned: found wth; expected 'with' or 'against'. Did you mean 'with'?"),
    ("tolerance_deg: 20", "tolerance_deg: 20, turned: with", "families.line.reads.gabor[1]: found a mapping; expected no turned, for only along: arc turns on its way, and match: any takes every pose alike"),
    ("match: normal, tolerance_deg: 30", "match: any, turned: with", "families.curve.reads.line[1]: found a mapping; expected no turned, for only along: arc turns on its way, and match: any takes every pose alike"),
    ("{along: flanks, spread_px: 2.5, ", "{along: flanks, ", "families.line.reads.gabor[1]: found a mapping; expected spread_px, which along: flanks needs"),
    ("{along: flanks, ", "{along: flanks, radius_px: 3, ", "families.line.reads.gabor[1]: found a mapping; expected no radius_px, which along: flanks does not take"),
    ("every: 90", "every: 0", "families.gabor.poses.phase_deg.every: found 0; expected a number above 0"),
    ("phase_deg: {every: 90, over: 360}", "scale: [1, 0.5, 1]", "families.gabor.poses: found a mapping; expected each scale once"),
    ("phase_deg: {every: 90, over: 360}", "channel: [luma, red-gren]", "families.gabor.poses.channel[1]: found red-gren; expected 'luma', 'red-green' or 'blue-yellow'. Did you mean 'red-green'?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), [*KEYS, *NUMBERS, *TERMS])
def test_a_fault_is_one_problem_in_plain_words(problems_after, old, new, expected):
    (problem,) = problems_after(old, new)
    assert expected in problem
    assert not [word for word in JARGON if word in problem]


def test_a_family_with_a_name_that_cannot_be_one(problems_after):
    name, reader = problems_after("gabor:       ", "a b:       ")
    assert (
        name
        == "arcs.yaml:4: families.a b: found the name 'a b'; expected text like ^[A-Za-z][A-Za-z0-9_-]*$"
    )
    assert "families.line.reads.gabor: found 'gabor', a family that does not exist" in reader


@pytest.mark.parametrize("text", ["5\n", "just text\n", "- a\n- b\n"])
def test_a_file_that_is_no_mapping(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(
        SpecError, match=r"a.yaml:1:1: found .*; expected a mapping \(key: value\)"
    ) as caught:
        load_theory(tmp_path / "a.yaml")
    assert len(caught.value.problems) == 1


def test_schema_and_meaning_are_told_together_even_in_one_family(problems_after):
    read = "        - {along: arc, radius_px: 28, spread_px: 6, extent_px: 20, match: tangent, harmonics: [0.1, 0.6, 0.3]}\n"
    both = read.replace("radius_px: 28", "radius_px: -28") + "      lin:\n" + read
    problems = problems_after(read, both)
    assert [line.split(": found")[0] for line in problems] == [
        "arcs.yaml:25: families.curve.reads.line[0].radius_px",
        "arcs.yaml:26: families.curve.reads.lin",
    ]


CIRCUIT_FAULTS = [
    (
        "centre_deg: 90.0",
        "centre_deg: 360",
        "circuit.yaml:17: units[1].centre_deg: found 360; expected a number below 360",
    ),
    (
        "unit: 7",
        "unit: 3",
        "circuit.yaml:1:1: found a mapping; expected each unit once, not twice [3]",
    ),
    ("unit: 7", "unit: 7.5", "circuit.yaml:17: units[1].unit: found 7.5; expected a whole number"),
    (
        "shift_px: [1.5, -2.0]",
        "shift_px: [1.5]",
        "circuit.yaml:16: units[0].shift_px: found [1.5]; expected at least 2 of them",
    ),
    (
        "  date:",
        "  dat:",
        "circuit.yaml:7: found.dat: found a key that is not known here. Did you mean 'date'?",
    ),
    (
        "site: fire6",
        "sites: fire6",
        "circuit.yaml:4: sites: found a key that is not known here. Did you mean 'site'?",
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), CIRCUIT_FAULTS)
def test_faults_of_a_circuit_file(tmp_path, old, new, expected):
    text = (DATA / "circuit.yaml").read_text()
    assert text.count(old) == 1
    (tmp_path / "circuit.yaml").write_text(text.replace(old, new))
    with pytest.raises(SpecError) as caught:
        load_circuit(tmp_path / "circuit.yaml")
    (problem,) = caught.value.problems
    assert expected in str(problem)
