# ruff: noqa: E501  (a row of a table is one line)
"""Variants: what each sets is put in its place, the changed theory is a whole theory, and none of
its numbers is the theory's own.
"""

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

CIRCUIT = Path(__file__).parent / "data" / "circuit.yaml"
GAIN = "families.line.reads.gabor[1].gain"
WORD = "variants.a.set"


def varied(arcs: str, variant: str) -> str:
    return f"{arcs}variants:\n  a: {variant}\n"


def setting(key: str, value: str) -> str:
    return f"{{about: x, set: {{'{key}': {value}}}}}"


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        (GAIN, "-0.7", "gain: {tune: -0.3, min: -1, max: 0}", "gain: -0.7"),
        (
            "families.line.reads.gabor[0].gain",
            "0",
            "match: tangent, tolerance_deg: 12",
            "match: tangent, tolerance_deg: 12, gain: 0",
        ),
        ("families.gabor.reads.input[0].wavelength_px", "6", "{tune: 5, min: 3, max: 8}", "6"),
        (
            "families.curve.reads.line[0].harmonics",
            "[0, 1]",
            "harmonics: [0.1, 0.6, 0.3]",
            "harmonics: [0, 1]",
        ),
        (
            "families.curve.reads.line[0].harmonics[1]",
            "0.5",
            "harmonics: [0.1, 0.6, 0.3]",
            "harmonics: [0.1, 0.5, 0.3]",
        ),
        (
            "families.line.normalise",
            "null",
            "    normalise: {across: orientation_deg, floor: 0.05}\n",
            "",
        ),
        ("families.curve.reads.line[1].match", "tangent", "match: normal", "match: tangent"),
        (
            "families.gabor.poses.phase_deg.every",
            "180",
            "phase_deg: {every: 90,",
            "phase_deg: {every: 180,",
        ),
    ],
)
def test_a_variant_is_the_theory_written_that_way(arcs, key, value, old, new):
    spec = theory_from_text(varied(arcs, setting(key, value)))
    assert arcs.count(old) == 1
    written = theory_from_text(arcs.replace(old, new)).theory
    assert spec.variants["a"].families == written.families
    assert dict(numbers(spec.variants["a"])) == dict(
        numbers(written)
    )  # a number that was to be tuned is a constant
    assert spec.theory.families == theory_from_text(arcs).theory.families != written.families


def test_of_two_values_for_one_place_the_later_holds(arcs):
    both = "{about: x, set: {families.curve.threshold: 0.1, 'families.curve.reads.line[0].harmonics': [1, 1], 'families.curve.reads.line[0].harmonics[1]': 2}}"
    family = theory_from_text(varied(arcs, both)).variants["a"].families["curve"]
    assert (
        family.threshold.tune,
        [number.tune for number in family.reads["line"][0].harmonics],
    ) == (0.1, [1, 2])


FAULTS = [
    ("{about: x}", "variants.a: found {about: x}; expected set or units: what the variant changes"),
    ("{about: x, units: {}}", "variants.a: found {about: x, units: {}}; expected set or units: what the variant changes"),
    ("{units: {gain: shared}}", "variants.a: found no about; expected the key about"),
    ("{about: '', units: {gain: shared}}", "variants.a.about: found ''; expected some text"),
    ("{about: x, untis: {gain: shared}}", "variants.a.untis: found a key that is not known here. Did you mean 'units'?"),
    ("{about: x, units: {gian: shared}}", "variants.a.units.gian: found a key that is not known here. Did you mean 'gain'?"),
    ("{about: x, units: {gain: shard}}", "variants.a.units.gain: found shard; expected 'shared'. Did you mean 'shared'?"),
    ("{about: x, units: {shift_px: 0}}", "variants.a.units.shift_px: found 0; expected 'none'"),
    ("{about: x, set: 5}", "variants.a.set: found 5; expected a mapping (key: value)"),
    (setting("families.line.reads.gabor[2].gain", "0"), f"{WORD}.families.line.reads.gabor[2].gain: found a key that the theory does not have; expected a key of its families. Did you mean '{GAIN}'?"),
    (setting("families.lien.reads.gabor[1].gain", "0"), f"Did you mean '{GAIN}'?"),
    (setting("families.gabor.reads.input.sigma_px", "2"), "Did you mean 'families.gabor.reads.input[0].sigma_px'?"),
    (setting(f"{GAIN}.tune", "0"), f"Did you mean '{GAIN}'?"),
    (setting("families..line.window_px", "9"), "Did you mean 'families.line.window_px'?"),
    (setting("", "9"), "found a key that the theory does not have"),
    (setting("theory", "b"), f"{WORD}.theory: found a key that the theory does not have; expected a key of its families"),
    (setting("families.line.reads.gabor[1].gian", "0"), f"{WORD}.families.line.reads.gabor[1].gian: found a key that is not known here. Did you mean 'gain'?"),
    (setting(GAIN, "{tune: 1, min: 0, max: 2}"), f"{WORD}.{GAIN}: found {{tune: 1, min: 0, max: 2}}; expected a number, a word, a list of them, or null: a variant's values are constants"),
    (setting(GAIN, "x"), f"{WORD}.{GAIN}: found x; expected a number, or {{tune: 5, min: 3, max: 8}}"),
    (setting("families.line.window_px", "-3"), f"{WORD}.families.line.window_px: found -3; expected a number above 0"),
    (setting("families.curve.threshold", "2"), f"{WORD}.families.curve.threshold: found 2; expected a number (and its max) below 1"),
    (setting("families.curve.reads.line[0].harmonics", "[0.1, x]"), f"{WORD}.families.curve.reads.line[0].harmonics[1]: found x; expected a number"),
    (setting("families.curve.reads.line[0].harmonics", "null"), "harmonics: found null; expected exactly one of tolerance_deg, harmonics and profile, which match: tangent needs"),
    (setting("families.gabor.stride_px", "3"), "variants.a: found families.gabor.pool.stride_px as the variant leaves it; expected a multiple of the family's stride_px 3"),
    (setting("families.line.reads.gabor[0].match", "same"), "gabor[0].match: found match: same on 'gabor', which has no centre_deg"),
]  # fmt: skip


@pytest.mark.parametrize(("variant", "expected"), FAULTS)
def test_a_fault_of_a_variant_is_one_problem_where_the_variant_says_it(arcs, variant, expected):
    with pytest.raises(SpecError) as caught:
        theory_from_text(varied(arcs, variant), "arcs.yaml")
    (problem,) = caught.value.problems
    assert problem.line == arcs.count("\n") + 2
    assert expected in str(problem)


def test_a_name_that_conditions_could_not_have(arcs):
    with pytest.raises(SpecError, match=r"found the name 'a\.b'"):
        theory_from_text(f"{arcs}variants:\n  a.b: {setting(GAIN, '0')}\n")


def test_faults_of_every_variant_are_told_at_once(arcs):
    with pytest.raises(SpecError) as caught:
        theory_from_text(
            f"{arcs}variants:\n  a: {setting(GAIN, 'x')}\n  b: {setting('families.lien', '0')}\n  c: {setting(GAIN, '0')}\n"
        )
    assert [problem.key for problem in caught.value.problems] == [
        f"{WORD}.{GAIN}",
        "variants.b.set.families.lien",
    ]
    assert caught.value.problems[1].suggestion == "Did you mean 'families.line'?"


def test_a_kernel_too_large_for_the_circuit_is_told_of_its_variant(arcs):
    spec = theory_from_text(
        varied(arcs, setting("families.curve.window_px", "512")).replace(
            "{every: 15, over: 180}}\n    stride_px: 4",
            "{every: 0.5, over: 180}}\n    stride_px: 4",
        )
    )
    units = load_circuit(CIRCUIT).units
    many = load_circuit(CIRCUIT).model_copy(update={"units": units[:1] * 40})
    check_pair(spec, load_circuit(CIRCUIT))
    with pytest.raises(
        SpecError, match=r"variants\.a: found a kernel of .* \(40 units x 360 units of 'line'"
    ):
        check_pair(spec, many)


def test_numbers_of_variants_are_not_the_theorys(arcs):
    spec = theory_from_text(varied(arcs, setting(GAIN, "0")))
    assert dict(numbers(spec.theory)) == dict(numbers(theory_from_text(arcs).theory))


def test_tuned_numbers_leave_variants_as_they_are(arcs):
    text = varied(arcs, setting(GAIN, "0"))
    path = ("families", "line", "reads", "gabor", 1, "gain")
    after = with_tuned(text, {path: -0.5})
    assert after == text.replace("{tune: -0.3,", "{tune: -0.5,")
    assert theory_from_text(after).variants["a"].families["line"].reads["gabor"][1].gain.tune == 0


@pytest.mark.parametrize(
    ("variant", "accepted"),
    [
        (setting(GAIN, "0"), True),
        (setting(GAIN, "null"), True),
        ("{about: x, units: {shift_px: none, radius_px: mean, scale: mean, gain: shared}}", True),
        ("{about: x, units: {gain: one}}", False),
        ("{units: {gain: shared}}", False),
        (setting(GAIN, "{tune: 1, min: 0, max: 2}"), False),
    ],
)
def test_an_editor_takes_what_the_language_takes(arcs, variant, accepted):
    assert (
        Draft202012Validator(json_schema()).is_valid(yaml.safe_load(varied(arcs, variant)))
        is accepted
    )
