# ruff: noqa: E501  (a row of a table is one line)
"""Faults of several kinds in one file are all reported, each once, and none causes a second."""

import re
from pathlib import Path

import pytest

from workbench.spec import SpecError, load_circuit, load_file, theory_from_text
from workbench.spec.problems import CODES, TYPES

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"
HASH = "0" * 64
REST = f"""\
variants:
  short: {{about: a small window, set: {{families.line.window_px: 16}}}}
  plain: {{about: no inhibition, set: {{'families.line.reads.gabor[1].gain': 0}}}}
  flat: {{about: no tangent, set: {{'families.curve.reads.line[1].gain': 0}}}}
claims:
  lines: {{about: lines excite, edit: {{without: line}}, expect: {{figure: peak, below: 0.5}}}}
tuned:
  circuits: [{{host: squeezenet, circuit: '{HASH}', pearson: [0.1, 0.2]}}]
  spec: '{HASH}'
  date: '2026-01-01'
  steps: 3
  seed: 0
  written: {{families.gabor.reads.input.wavelength_px: 5}}
  images: ['0123456789abcdef']
"""
SINGLE = {  # name: (what is replaced, by what, code)
    "yaml tag": ("normalise: {across: orientation_deg, floor: 0.05}", "normalise: !!map2 {across: orientation_deg}", "unsupported-yaml"),
    "yaml again": ("theory: arcs\n", "theory: arcs\ntheory: bows\n", "duplicate-key"),
    "unknown key": ("theory: arcs\n", "theory: arcs\nauthor: me\n", "unknown-key"),
    "unknown key of a family": ("    stride_px: 4\n", "    stride_px: 4\n    colour: red\n", "unknown-key"),
    "misspelt key": ("    pool: {over_px: 12", "    pol: {over_px: 12", "unknown-key"),
    "missing window": ("    window_px: 9\n", "", "missing-key"),
    "missing stride": ("    stride_px: 2\n", "", "missing-key"),
    "missing length": ("radius_px: 28, spread_px: 6, ", "spread_px: 6, ", "conflict"),
    "no bounds": ("threshold: 0.2", "threshold: {tune: 0.2}", "missing-key"),
    "wrong type": ("window_px: 40", "window_px: wide", "wrong-type"),
    "wrong word": ("match: normal", "match: across", "wrong-word"),
    "wrong step": ("{every: 90, over: 360}", "{every: 7, over: 360}", "out-of-range"),
    "out of range": ("sigma_px: 1.8", "sigma_px: -1.8", "out-of-range"),
    "threshold": ("threshold: 0.2", "threshold: 1.2", "out-of-range"),
    "outside bounds": ("{tune: 5, min: 3, max: 8}", "{tune: 9, min: 3, max: 8}", "out-of-range"),
    "unknown family": ("      line:\n", "      lime:\n", "unknown-family"),
    "itself": ("      gabor:\n", "      line:\n", "family-order"),
    "small window": ("window_px: 24", "window_px: 7", "window-too-small"),
    "stride": ("    stride_px: 4\n", "    stride_px: 3\n", "stride"),
    "pool": ("{over_px: 6, stride_px: 4}", "{over_px: 6, stride_px: 5}", "stride"),
    "no axis": ("match: tangent, tolerance_deg: 12", "match: same, tolerance_deg: 12", "missing-axis"),
    "no gain axis": ("tolerance_deg: 12}", "tolerance_deg: 12, by: {scale: [1, 1]}}", "missing-axis"),
    "not for this family": ("    poses: from-circuit\n", "    poses: from-circuit\n    stride_px: 8\n", "not-allowed"),
    "unknown key of a variant": ("about: a small window", "abuot: a small window", "unknown-key"),
    "variant of no key": ("gabor[1].gain", "gabor[7].gain", "unknown-key"),
    "value of a variant": ("'families.curve.reads.line[1].gain': 0", "'families.curve.reads.line[1].gain': x", "wrong-type"),
    "window of a variant": ("families.line.window_px: 16", "families.line.window_px: 6", "window-too-small"),
    "claim of a family": ("without: line}", "without: bows}", "unknown-family"),
    "claim of a figure": ("figure: peak", "figure: peek", "wrong-word"),
    "ledger": ("steps: 3\n", "steps: many\n", "wrong-type"),
    "ledger's picture": ("'0123456789abcdef'", "'xyz'", "wrong-name"),
}  # fmt: skip
# the second depends on what is faulty in the first, so that nobody can know of it
DEPENDENT = {
    "wrong step": ("no axis", "no gain axis"),
    "unknown family": ("value of a variant",),
    "itself": ("small window", "no axis", "no gain axis", "variant of no key", "window of a variant"),
    "pool": ("small window", "window of a variant"),
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(arcs) -> str:
    """The example with variants, a claim and a ledger."""
    return arcs + REST


def changed(text: str, *names: str) -> str | None:
    """The text with these faults; None where one of them is at the place of another."""
    for name in names:
        old, new, _ = SINGLE[name]
        if text.count(old) != 1:
            return None
        text = text.replace(old, new)
    return text


def codes(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        theory_from_text(text, "arcs.yaml")
    return sorted(problem.code for problem in caught.value.problems)


def test_checked_theory_the_example_has_no_fault(whole):
    assert list(theory_from_text(whole).variants) == ["short", "plain", "flat"]


@pytest.mark.parametrize("name", SINGLE)
def test_checked_theory_one_fault_is_one_problem(whole, name):
    assert codes(changed(whole, name)) == [SINGLE[name][2]]


def expected(first: str, second: str) -> list[str]:
    """The codes of two faults, without one that depends on the other."""
    hidden = {second} if second in DEPENDENT.get(first, ()) else set()
    hidden |= {first} if first in DEPENDENT.get(second, ()) else set()
    return sorted(SINGLE[name][2] for name in {first, second} - hidden)


@pytest.mark.parametrize("name", SINGLE)
def test_checked_theory_two_faults_are_two_problems(whole, name):
    later = list(SINGLE)[list(SINGLE).index(name) + 1 :]
    texts = {other: text for other in later if (text := changed(whole, name, other))}
    assert {other: codes(text) for other, text in texts.items()} == {
        other: expected(name, other) for other in texts
    }


FIVE = [
    ("yaml again", "misspelt key", "missing window", "unknown family", "ledger"),
    ("unknown key", "wrong type", "out of range", "small window", "claim of a family"),
    ("wrong word", "no bounds", "stride", "no axis", "value of a variant"),
    ("missing stride", "threshold", "not for this family", "variant of no key", "claim of a figure"),
    ("yaml tag", "wrong step", "missing length", "window of a variant", "ledger's picture"),
]  # fmt: skip


@pytest.mark.parametrize("names", FIVE)
def test_checked_theory_five_faults_are_five_problems(whole, names):
    assert codes(changed(whole, *names)) == sorted(SINGLE[name][2] for name in names)


def codes_in_source() -> set[str]:
    """The codes that faults are made with, wherever in the package."""
    text = "".join(file.read_text() for file in (ROOT / "workbench" / "spec").glob("*.py"))
    made = set(re.findall(r'(?:Fault|RefusedError)\(\s*"([a-z-]+)"', text))
    return made | {code for code, _ in TYPES.values()} | {"syntax", "unreadable"}


def test_codes_are_those_of_the_source_and_of_the_documented_table():
    assert codes_in_source() == set(CODES)
    page = (ROOT / "specs" / "README.md").read_text()
    assert dict(re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \|$", page, re.MULTILINE)) == CODES


def refused(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        theory_from_text(text, "arcs.yaml")
    return [f"{problem.key}: {problem.code}" for problem in caught.value.problems]


FOLLOW = [  # one edit each; the second problem that it could cause is not reported
    (("  line:      ", "  lien:      "), ["families.curve.reads.line: unknown-family"]),
    (("    pool: {over_px: 6, stride_px: 4}", "    pool: {over_px: 6, stride_px: 5}"), ["families.gabor.pool.stride_px: stride"]),
    (("    stride_px: 4\n", "    stride_px: 3\n"), ["families.line.stride_px: stride"]),
    (("    stride_px: 2\n", "    stride_px: !!int2 2\n"), ["families.gabor.stride_px: unsupported-yaml"]),
    (("    stride_px: 2\n", "    <<: {stride_px: 2}\n"), ["families.gabor: unsupported-yaml"]),
    (("radius_px: 28, spread_px: 6", "radius_px: !!int2 28, spread_px: 6"), ["families.curve.reads.line[0].radius_px: unsupported-yaml"]),
    (("pool: {over_px: 6, ", "pool: {over_p: 6, "), ["families.gabor.pool.over_p: unknown-key"]),
    (("families:\n", "familes:\n"), ["familes: unknown-key"]),
    (("tolerance_deg: 12}", "tolerance_deg: x}"), ["families.line.reads.gabor[0].tolerance_deg: wrong-type"]),
    (("sigma_px: 1.8", "sigma_px: {tune: 1, min: 0, max: 2}"), ["families.gabor.reads.input.sigma_px: out-of-range"]),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "expected"), FOLLOW)
def test_checked_theory_one_fault_causes_no_second_problem(whole, edit, expected):
    assert whole.count(edit[0]) == 1
    assert refused(whole.replace(*edit)) == expected


def test_checked_theory_a_fault_after_a_faulty_term_has_its_own_index(whole):
    text = whole.replace("along: line, spread_px: 2.5", "along: lien, spread_px: 2.5")
    text = text.replace("match: tangent, tolerance_deg: 20", "match: same, tolerance_deg: 20")
    assert refused(text) == [
        "families.line.reads.gabor[0].along: wrong-word",
        "families.line.reads.gabor[1].match: missing-axis",
    ]


def test_checked_theory_of_two_grids_that_are_too_wide_the_wider_is_named():
    text = (DATA.parent / "arcs.yaml").read_text()
    term = "{along: point, spread_px: 4, match: tangent, tolerance_deg: 12}"
    text = text.replace("window_px: 40", "window_px: 5").replace(
        "      line:\n", f"      gabor: {term}\n      line:\n"
    )
    with pytest.raises(SpecError) as caught:
        theory_from_text(text, "arcs.yaml")
    (problem,) = caught.value.problems
    assert problem.expected.startswith("at least 16 to read beyond one point, for 'line'")


def test_checked_circuit_faults_of_several_kinds_are_reported_at_once(tmp_path):
    text = (DATA / "circuit.yaml").read_text()
    for old, new in (
        ("unit: 7", "unit: 3"),
        ("centre_deg: 90.0}", "centre_deg: 90.0, scale: 1}"),
        ("site: fire6", "sites: fire6"),
        ("circuit: ", "author: me\ncircuit: "),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    file = tmp_path / "circuit.yaml"
    file.write_text(text)
    for load in (load_circuit, load_file):
        with pytest.raises(SpecError) as caught:
            load(file)
        assert [(problem.code, problem.key) for problem in caught.value.problems] == [
            ("conflict", ""),
            ("conflict", ""),
            ("unknown-key", "author"),
            ("unknown-key", "sites"),
        ]


def test_load_file_reads_both_kinds(specs):
    assert load_file(specs / "curve-detectors.yaml").theory.theory == "curve-detectors"
    assert load_file(DATA / "circuit.yaml") == load_circuit(DATA / "circuit.yaml")
