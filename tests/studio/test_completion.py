"""Completion: a text with a cursor, which may be broken, and the options there."""

from random import Random
from time import process_time

import pytest
import yaml

from tests.shipped import FOLDER
from workbench.sequences.schema import json_schema as tokens_schema
from workbench.spec.schema import json_schema
from workbench.studio.completion import Completion, completion

PICTURES, TOKENS = json_schema(), tokens_schema()
CURSOR = "|"
ODD = (*"{}[]:,-#'\"|>&!?\n \t", ": ", "- ", "\r\n", "é😀", "\ue000")
LONGEST_S = 5  # measured: 0.5 s, and 12 s where the time grows with the square of the dashes
TWO = "theory: x\nfamilies:\n  edge:\n    window_px: 7\n  line:\n"
POSES = "    poses: {orientation_deg: {every: 45, over: 180}, scale: [1], channel: [luma]}\n"
POSED = TWO.replace("    window_px: 7\n", POSES)
HEADS = "theory: x\ninput: tokens\nfamilies:\n  near:\n    units: heads\n  far:\n"


def options(text: str, schema=PICTURES) -> Completion:
    before, after = text.split(CURSOR)
    return completion(before + after, len(before), schema)


def labels(text: str, schema=PICTURES) -> list[str]:
    return [option.label for option in options(text, schema).options]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("|", ["theory", "about", "source", "families", "variants", "claims", "tuned"]),
        ("theory: x\nfam|\nclaims:\n", ["about", "source", "families", "variants", "tuned"]),
        (TWO + "    rectify: |", ["half", "full"]),
        (TWO + "    poses: {orientation_deg: {every: 15, over: |}}", ["180", "360"]),
        (TWO + "    poses: {orientation_deg: {|", ["every", "over"]),
        (TWO + "    poses:\n      channel: [luma, |]", ["luma", "red-green", "blue-yellow"]),
        (TWO + "    poses: from|", ["from-circuit"]),
        (TWO + "    reads:\n      |", ["edge", "input"]),
        (TWO + "    reads:\n      |: {}", ["edge", "input"]),
        (TWO + "    reads: {edge: [], |}", ["input"]),
        (TWO + "    reads:\n      edge: {along: line, turned: |}", ["with", "against"]),
        (
            TWO + "    reads:\n      input: {kernel: gabor, |}",
            ["wavelength_px", "sigma_px", "aspect"],
        ),
        (POSED + "    reads: {edge: {along: line, by: {|", ["scale", "channel"]),
        (POSED + "    reads:\n      edge:\n      - by: {scale: [1], c|}", ["channel"]),
        (POSED + "    reads:\n      edge:\n        by:\n          |", ["scale", "channel"]),
        (TWO + "claims:\n  any:\n    edit: {without: |}", ["edge", "line", "input"]),
        (TWO + "claims:\n  any:\n    edit: {without: [edge, |", ["edge", "line", "input"]),
    ],
)
def test_keys_and_words_of_a_place(text, expected):
    assert labels(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("theory: x\ninput: |", ["tokens"]),
        (HEADS + "    units: |", ["heads", "numbers", "neurons", "answers"]),
        (HEADS + "    looks:\n      - {match: same, of: |}", ["near", "input"]),
        (HEADS + "    looks:\n    - match: same\n      of: n|", ["near", "input"]),
        (HEADS + "    looks:\n      - place: |\n        at: 1\n", None),
        (HEADS + "    reads: {near: {gain: |", ["calibrated"]),
    ],
)
def test_theories_of_tokens_have_their_own_schema(text, expected):
    assert labels(text, TOKENS) == (
        expected or ["any", "offset", "distance", "first", "last", "after"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "theory: x\nabout: >\n  kernel |",
        "theory: x\nabout: some wo|",
        "theory: |",
        "theory: x # fam|",
        'theory: "fam|"',
        TWO + "    window_px: |",
        TWO + "    window_px: 0.|",
        "families: |",
        "families:\n  |",
        "variants:\n  plain:\n    set: {|}",
        TWO + "    reads: {edge: {along: line, by: {|",
        POSED + "    reads: {input: {by: {|",
        POSED + "    by: {|",
        "by: {|",
        "a: {b: |}",
        HEADS + "    looks:\n    - match\n      |",
        HEADS + "    looks:\n    - {match: same}\n    - match\n      |",
    ],
)
def test_nothing_is_offered_where_a_text_or_a_number_stands(text):
    assert labels(text, TOKENS if text.startswith(HEADS) else PICTURES) == []


BROKEN = [
    "  - : [{\n",
    "    window_px 7\n",
    "    window_px: [3, {a: 'b\n",
    "    reads: {input: {kernel: gabor,\n",
    "   ]}\n",
]


@pytest.mark.parametrize("line", BROKEN)
def test_a_broken_line_before_the_cursor_takes_nothing_away(line):
    text = f"theory: x\nfamilies:\n  edge:\n{line}  line:\n    rectify: |\n    window_px: 3\n"
    assert labels(text) == ["half", "full"]
    keys = labels(text.replace("rectify: |", "|"))
    assert "rectify" in keys
    assert "window_px" not in keys


def test_an_option_has_the_words_of_the_schema():
    by_label = {option.label: option for option in options(TWO + "    |").options}
    described = PICTURES["$defs"]["Family"]["properties"]["window_px"]["description"]
    assert by_label["window_px"].info == described
    assert by_label["window_px"].detail == "required"
    assert by_label["window_px"].inserted == "window_px: "
    (colon,) = [o for o in options(TWO + "    rect|: full").options if o.label == "rectify"]
    assert colon.inserted == "rectify"
    _, line, *_ = options(TWO + "    reads: {edge: {along: l|}}").options
    assert (line.label, line.info) == ("line", "along its tangent")
    (heads, *_) = options(HEADS + "    units: |", TOKENS).options
    assert heads.info.startswith("attention heads")


def test_the_typed_word_is_told_apart_and_offers_nothing_when_it_is_whole():
    assert options(TWO + "    rectify: ha|lf").typed == "ha"
    assert labels(TWO + "    rectify: half|") == ["full"]
    assert options("theory: é😀\nfam|").typed == "fam"


FILES = [*sorted(FOLDER.glob("*.yaml")), *sorted((FOLDER / "tokens").glob("*.yaml"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_keys_of_a_shipped_theory_are_offered_where_they_stand(file):
    """Each key of a family is cut off at its first letter, at the last place where it stands."""
    text = file.read_text()
    schema = TOKENS if file.parent.name == "tokens" else PICTURES
    for key, start in {key: start for start, key in places(text)}.items():
        offered = completion(text[: start + 1], start + 1, schema)
        assert key in [option.label for option in offered.options], (key, text[:start][-80:])


def places(text: str) -> list[tuple[int, str]]:
    """The places of the keys of families in the text, and the keys."""

    def below(node):
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                yield key.start_mark.index, key.value
                yield from below(value)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                yield from below(item)

    families = {key.value: value for key, value in yaml.compose(text).value}.get("families")
    return [row for _, family in (families.value if families else ()) for row in below(family)]


def test_a_long_line_of_dashes_does_not_hold_up_a_completion():
    text, began = "- " * 100_000, process_time()
    completion(text, len(text), PICTURES)
    assert process_time() - began < LONGEST_S


def test_no_text_stops_a_completion():
    """Beginnings of theories with characters of YAML put in at random, and any cursor."""
    random = Random(0)
    texts = [file.read_text()[:2000] for file in FILES]
    for _ in range(300):
        text = random.choice(texts)
        text = text[: random.randrange(len(text))]
        for _ in range(random.randrange(6)):
            place = random.randrange(len(text) + 1)
            text = text[:place] + random.choice(ODD) + text[place:]
        made = completion(text, random.randrange(len(text) + 1), random.choice((PICTURES, TOKENS)))
        assert made.typed not in [option.label for option in made.options]
