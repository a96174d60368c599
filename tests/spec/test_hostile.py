"""Hostile files of 1 MiB are refused within a bounded time, and in a bounded message."""

import time

import pytest

from workbench.errors import LETTERS, WorkbenchError, nearest
from workbench.spec import SpecError, load_circuit, load_theory, theory_from_text
from workbench.spec.language import Theory
from workbench.spec.number import ENTRIES
from workbench.spec.problems import MOST, Problem, fields_at

SIZE = 1 << 20  # bytes that a file may have
FAST_S = 4.0  # 2 seconds on a free processor, which the tests share with others
LETTERS_OF_A_MESSAGE = 200_000
BASE = """\
theory: t
families:
  a:
    poses: from-circuit
    window_px: 9
    reads:
      input: {kernel: gabor, wavelength_px: 5, sigma_px: 2}
"""
KERNEL = "{kernel: gabor, wavelength_px: 5, sigma_px: 2}"
VARIANT = "  v{}: {{about: x, set: {{families.a.windw_px: 3}}}}\n"


def lines(pattern: str, count: int) -> str:
    return "".join(pattern.format(i) for i in range(count))


def filled(pattern: str) -> str:
    return pattern * ((SIZE - len(BASE)) // len(pattern))


LAUGHS = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
HOSTILE = {
    "aliases of aliases": LAUGHS,
    "open brackets": "a: " + "[" * (SIZE - 10),
    "open braces": "a: " + "{a: " * (SIZE // 5),
    "a million values": "[" + "1," * (SIZE // 2 - 9) + "]",
    "as many values as allowed": "[" + "1234567," * 49_000 + "]",
    "unknown keys": BASE + lines("familie{}: 1\n", 24_000),
    "families that are numbers": "theory: t\nfamilies:\n" + lines("  f{}: 1\n", 24_000),
    "families of unknown reads": "theory: t\nfamilies:\n"
    + lines("  f{0}: {{poses: from-circuit, window_px: 9, reads: {{n{0}: 1}}}}\n", 5_000),
    "one word": "theory: " + "a" * (SIZE - 20),
    "escapes": 'theory: "' + filled("\\x41") + '"',
    "a long key": "a" * (SIZE - 20) + ": 1",
    "a long explicit key": BASE + "? " + "a" * (SIZE - 200) + "\n: 1\n",
    "a long anchor": "a: &" + "b" * (SIZE - 20) + " 1",
    "anchors": lines("a{0}: &b{0} 1\n", 24_000),
    "digits": "theory: " + "9" * (SIZE - 20),
    "tags": lines("a{}: !!x 1\n", 24_000),
    "one key again and again": "a: 1\n" * 24_000,
    "lists as keys": filled("? [a]\n: 1\n"),
    "spaces": "a:" + " " * (SIZE - 30) + "1",
    "line ends": "a:" + "\n" * (SIZE - 30) + " 1",
    "documents": filled("---\n"),
    "quotes": filled("'"),
    "unknown keys of a number": BASE.replace(
        "sigma_px: 2", f"sigma_px: {{{lines('tun{}: 1, ', 15_000)}}}"
    ),
    "weights at places off the window": BASE.replace(
        KERNEL, f"{{weights: [{lines('{{weight: 1, at_px: [9{}, 9]}}, ', 4_500)}]}}"
    ),
    "variants": f"{BASE}variants:\n{lines(VARIANT, 4_500)}",
    "variants as many as allowed": f"{BASE}variants:\n{lines(VARIANT, ENTRIES)}"
    + f"source: [{lines('a{}, ', 45_000)}]\n",
}

QUICK = ("aliases of aliases", "open brackets", "unknown keys", "one word", "variants")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=name, marks=() if name in QUICK else pytest.mark.full)
        for name, text in HOSTILE.items()
    ],
)
def test_load_theory_hostile_text_is_refused_in_time(tmp_path, text):
    path = tmp_path / "hostile.yaml"
    path.write_text(text)
    assert len(text) <= SIZE
    start = time.process_time()
    with pytest.raises(WorkbenchError) as caught:
        load_theory(path)
    message = str(caught.value)
    assert time.process_time() - start < FAST_S
    assert message.startswith(str(path))
    assert len(message) < LETTERS_OF_A_MESSAGE


def test_load_circuit_hostile_units_are_refused_in_time(tmp_path):
    path = tmp_path / "hostile.yaml"
    path.write_text("circuit: c\nunits:\n" + lines("- {{unit: {}, centr_deg: 3}}\n", 9_500))
    start = time.process_time()
    with pytest.raises(SpecError):
        load_circuit(path)
    assert time.process_time() - start < FAST_S


def test_load_theory_more_faults_of_a_family_than_are_looked_at_is_no_traceback():
    weights = f"{{weights: [{lines('{{weigth: {}}}, ', 3 * MOST)}]}}"
    text = BASE.replace(KERNEL, weights) + "    threshold: high\n"
    with pytest.raises(SpecError) as caught:
        theory_from_text(text, "f.yaml")
    assert len(caught.value.problems) == MOST + 1


def test_spec_error_more_problems_than_are_listed_says_so():
    with pytest.raises(SpecError) as caught:
        theory_from_text(BASE + lines("wrong{}: 1\n", 3 * MOST), "f.yaml")
    listed = str(caught.value).splitlines()
    assert len(listed) == MOST + 1
    assert listed[-1] == "f.yaml: more problems"


def test_problem_characters_that_a_terminal_obeys_are_escaped():
    assert str(Problem("f.yaml", 1, 1, "a\x1b[2J\n", "\u202eb")) == (
        r"f.yaml:1: a\x1b[2J\n: found \u202eb"
    )


def test_nearest_long_names_and_lists_are_cut():
    assert nearest("b" * (LETTERS + 1), ["b" * (LETTERS + 2)]).startswith("Known: bbb")


def test_where_no_name_is_known_none_is_suggested():
    assert nearest("gabor", []) == ""
    assert nearest("none", map(str, range(5000))).endswith("and 4900 more.")


@pytest.mark.parametrize("entry", [0, 1, 2, "x"])
def test_fields_at_any_place_of_a_pair_is_no_traceback(entry):
    at = ("families", "a", "reads", "b", 0, "(term)", "profile", 0, entry)
    assert fields_at(Theory, at) == (["max", "min", "tune"] if entry == 1 else [])


def test_load_theory_an_unknown_key_of_a_point_of_a_profile_is_named():
    profile = "{along: point, match: tangent, profile: [[0, {tuned: 1, min: 0, max: 2}], [90, 0]]}"
    with pytest.raises(SpecError, match=r"profile\[0\]\[1\]\.tuned: .*Did you mean 'tune'"):
        theory_from_text(BASE + "      b: " + profile)
