"""Which figures of two documents count as different: to the last bit, or within rounding."""

import copy
import math

import pytest

from workbench.score.differences import ABSENT, ABSOLUTE, RELATIVE, Difference, count, differences

DOCUMENT = {
    "format": 2,
    "workbench": "0.1",
    "asked": 3,
    "theory": {"path": "a/b.yaml", "name": "t"},
    "images": {"n": 24},
    "conditions": {"spliced": {"kl": 0.25, "label": "units", "top1": None}},
    "intervals": {"spliced": {"kl": [0.125, 0.5]}},
    "units": [{"unit": "s:1", "pearson": 0.5}, {"unit": "s:2", "pearson": 200.0}],
}


def changed(path: str, value: object) -> dict:
    document = copy.deepcopy(DOCUMENT)
    *above, last = path.split(".")
    place = document
    for key in above:
        place = place[int(key) if isinstance(place, list) else key]
    place[int(last) if isinstance(place, list) else last] = value
    return document


def keys(path: str, value: object, exact: bool) -> list[str]:
    return [each.key for each in differences(DOCUMENT, changed(path, value), exact)]


@pytest.mark.parametrize("exact", [True, False])
def test_the_same_document_has_no_differences(exact):
    assert list(differences(DOCUMENT, copy.deepcopy(DOCUMENT), exact)) == []
    for path in ("workbench", "asked", "theory.path"):
        assert keys(path, "elsewhere", exact) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("conditions.spliced.kl", 0.26),
        ("conditions.spliced.kl", None),
        ("conditions.spliced.label", "other units"),
        ("conditions.spliced.top1", 0.5),
        ("images.n", 25),
        ("theory.name", "u"),
        ("intervals.spliced.kl.1", 0.6),
        ("units.1.pearson", 201.0),
        ("units.0.unit", "s:3"),
    ],
)
@pytest.mark.parametrize("exact", [True, False])
def test_a_change_is_listed_by_its_keys(path, value, exact):
    assert keys(path, value, exact) == [path]


def test_rounding_is_a_difference_only_to_the_last_bit():
    for path, value in (("conditions.spliced.kl", 0.25), ("units.1.pearson", 200.0)):
        near = value + 0.9 * (ABSOLUTE + RELATIVE * value)
        assert keys(path, near, exact=False) == []
        assert keys(path, near, exact=True) == [path]
        assert keys(path, math.nextafter(value, 1e9), exact=True) == [path]
        assert keys(path, value + 1.2 * (ABSOLUTE + RELATIVE * value), exact=False) == [path]


def test_keys_and_items_that_are_absent_are_listed():
    fewer = copy.deepcopy(DOCUMENT)
    del fewer["intervals"]["spliced"]["kl"]
    fewer["units"].pop()
    assert list(differences(DOCUMENT, fewer, exact=False)) == [
        Difference("intervals.spliced.kl", [0.125, 0.5], ABSENT),
        Difference("units", DOCUMENT["units"], fewer["units"]),
    ]


def test_the_count_is_of_numbers_that_are_compared():
    assert count(DOCUMENT) == 7  # format, n, kl, two ends, two Pearsons; neither asked nor labels
