"""YAML is read by the core rules, within bounds, and every value knows its place."""

import math
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.spec import SpecError, load_theory
from workbench.spec.source import dumped, parse, read

FAST_S = 2.0  # a bomb takes minutes or all memory; refusing it takes milliseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001),
        ("1.5E+2", 150.0),
        (".5", 0.5),
        ("+7", 7),
        ("010", 10),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("~", None),
        ("", None),
        ("2026-01-01", "2026-01-01"),
        ("'5'", "5"),
        ("9" * 30, float("9" * 30)),
        ("9" * 5000, math.inf),
        ("-.inf", -math.inf),
        ("[a, [1, 2]]", ("a", (1, 2))),
    ],
)
def test_scalars_follow_the_core_rules(text, expected):
    values = parse(f"key: {text}").values["key"]
    assert values == expected
    assert type(values) is type(expected)


def test_nan_is_read_as_nan():
    assert math.isnan(parse("key: .nan").values["key"])


def test_keys_are_text_whatever_they_look_like():
    assert list(parse("{on: 1, 2: 1, null: 1, 1.5: 1}").values) == ["on", "2", "null", "1.5"]


def test_places_are_those_of_the_keys():
    source = parse("a:\n  b: [1,\n    {c: 22}]\n")
    place = source.places[("a", "b", 1, "c")]
    assert (place.line, place.column, source.text[place.start : place.end]) == (3, 6, "22")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_spans_hold_after_a_byte_order_mark_and_beyond_ascii(tmp_path, newline):
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeff# π 🙂\na: 'é'\nb: 12\n".replace("\n", newline).encode())
    source = read(path)
    place = source.places[("b",)]
    assert (place.line, source.text[place.start : place.end]) == (3, "12")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml:1:1: found an empty file; expected a mapping (key: value)"),
        ("# only a comment\n", "f.yaml:1:1: found an empty file; expected a mapping (key: value)"),
        ("a: 1\nb:\n\t- 1\n", "f.yaml:3:1: found a tab; expected spaces"),
        (
            "a: {b: 1,\n",
            "f.yaml:2:1: found bad YAML: did not find expected node content",
        ),
        ("a: 'b\n", "f.yaml:2:1: found bad YAML: found unexpected end of stream"),
        ("a: 1\n b: 2\n", "f.yaml:2:3: found bad YAML: mapping values are not allowed in this"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: found bad YAML: but found another document"),
        ("a: *b\n", "f.yaml:1:4: found bad YAML: found undefined alias 'b'"),
        ("a: 1\nb: \x01\n", "f.yaml:2:4: found the character #x0001; expected printable text"),
        ("a: 1\nb: c\ud800", "f.yaml:2:5: found the character #xd800; expected printable text"),
        ('a: "\\ud800"', "f.yaml:1:7: found bad YAML: found invalid Unicode character escape code"),
        ('a: "\\UFFFFFFFF"', "f.yaml:1:7: found bad YAML: found invalid Unicode character escape"),
        ("a: &x [1, *x]\n", "f.yaml:1:4: found a value that holds itself; expected no such alias"),
        (
            "a: &x {b: {c: *x}}\n",
            "f.yaml:1:4: found a value that holds itself; expected no such alias",
        ),
        (
            "a: " + "[" * 100 + "]" * 100,
            "f.yaml:1:53: found more values or levels than a file may have",
        ),
        ("a: " + "[" * 100_000, "f.yaml:1:53: found more values or levels than a file may have"),
    ],
)
def test_what_is_no_bounded_yaml_is_refused_with_its_place(text, message):
    with pytest.raises(SpecError) as caught:
        parse(text, "f.yaml")
    assert str(caught.value).startswith(message)


def test_too_many_values_are_refused_while_they_are_read(monkeypatch):
    monkeypatch.setattr("workbench.spec.source.NODES", 100)  # the real bound takes seconds to reach
    assert parse("[" + "1," * 99 + "]").values == (1,) * 99
    with pytest.raises(
        SpecError,
        match=r"f.yaml:101:1: found more values or levels than a file may have; "
        "expected at most 100 values",
    ):
        parse("[\n" + "1,\n" * 200 + "'never closed", "f.yaml")


def test_a_billion_laughs_are_refused_fast():
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    start = time.perf_counter()
    with pytest.raises(SpecError, match=r"bomb.yaml:\d+:\d+: found more values"):
        parse("\n".join(lines), "bomb.yaml")
    assert time.perf_counter() - start < FAST_S


def test_a_tower_of_aliases_counts_as_levels():
    lines = ["a0: &a0 [1]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 200)]
    with pytest.raises(SpecError, match="more values or levels"):
        parse("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "the key again, after line 1"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", "the merge key '<<'"),
        ("a: !!python/object/apply:os.system [ls]\n", "the tag !!python/object/apply:os.system"),
        ("a: !!binary aGk=\n", "the tag !!binary"),
        ("a: !!int x\n", "the tag !!int"),
        ("a: !mine {b: 1}\n", "the tag !mine"),
        ("? [1, 2]\n: 3\n", "a list as a key"),
        ('a: "b\\0"', "the character #x0000"),
        ('"b\\0": a', "the character #x0000"),
    ],
)
def test_what_plain_yaml_has_no_need_of_is_a_fault(text, message):
    assert [fault.found for fault in parse(text).faults] == [message]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: \xff\xfe\n", ":1:4: is no UTF-8 text; expected a YAML file in UTF-8"),
        ("a: é\nb: é".encode() + b"\xff", ":2:5: is no UTF-8 text; expected a YAML file in UTF-8"),
        (b"a" * ((1 << 20) + 1), ": more than 1 MiB; expected a YAML file of at most 1 MiB"),
    ],
)
def test_files_that_are_no_text_or_too_large(tmp_path, content, message):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(WorkbenchError) as caught:
        load_theory(path)
    assert str(caught.value) == f"{path}{message}"


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(WorkbenchError, match="No such file or directory"):
        load_theory(tmp_path / "absent.yaml")
    with pytest.raises(WorkbenchError, match="Is a directory"):
        load_theory(tmp_path)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**14), 10**14)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
)
LOOKALIKES = st.from_regex(r"\A[0-9.e+-]{1,12}\Z") | st.sampled_from(
    ["yes", "on", "~", "1e5", "12e45", "0891", "1:30", "0x1F", "<<", "=", "2026-01-01"]
)


@settings(max_examples=30, deadline=None)
@given(
    st.recursive(
        SCALARS | LOOKALIKES,
        lambda v: (
            st.lists(v, max_size=4)
            | st.dictionaries(
                st.text(
                    st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=5
                ),
                v,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_dumped_values_read_back_here_and_under_yaml_1_1(value):
    for flow in (True, False):
        text = dumped({"value": value}, flow)
        source = parse(text)
        if "<<" not in str(value):
            assert source.faults == ()
        assert source.values == {"value": _tuples(value)}
        assert yaml.safe_load(text) == {"value": value}


def _tuples(value):
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
