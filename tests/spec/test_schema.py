"""The checked-in JSON Schema is the language's, and judges files as the language does."""

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.shipped import SPECS
from workbench.spec.language import PLACE_LENGTHS as PLACES
from workbench.spec.schema import json_schema, schema_text


@pytest.fixture(scope="module")
def validator():
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_checked_in_schema_is_up_to_date(specs):
    assert (specs / "theory.schema.json").read_text() == schema_text(), (
        "run: python -m workbench.spec.schema > specs/theory.schema.json"
    )


def test_specs_and_the_example_are_valid(validator, arcs):
    texts = [arcs, *(path.read_text() for path in SPECS)]
    for text in texts:
        assert text.startswith("# yaml-language-server: $schema=theory.schema.json\n")
        assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("theory: arcs", "theory: Arcs!"),
        ("theory: arcs\n", ""),
        ("theory: arcs\n", "theory: arcs\nunknown: 1\n"),
        ("gabor:      ", "'a b':      "),
        ("window_px: 9", "windw_px: 9"),
        ("window_px: 9", "window_px: '9'"),
        ("window_px: 9", "window_px: 0"),
        ("kernel: gabor", "kernel: gabr"),
        ("match: normal", "match: norml"),
        ("{tune: 5, min: 3, max: 8}", "{tune: 5, min: 3}"),
        ("poses: from-circuit", "poses: circuit"),
        ("harmonics: [0.1, 0.6, 0.3]", "harmonics: []"),
        ("harmonics: [0.1, 0.6, 0.3]", "profile: [[0, 1], [9]]"),
        ("harmonics: [0.1, 0.6, 0.3]", "tolerance_deg: 9, turned: wth"),
    ],
)
def test_faulty_files_are_not(validator, arcs, old, new):
    assert arcs.count(old) == 1
    assert not validator.is_valid(yaml.safe_load(arcs.replace(old, new)))


def test_a_read_may_be_one_term_or_a_list_of_terms(validator, arcs):
    values = yaml.safe_load(arcs)
    reads = values["families"]["gabor"]["reads"]
    for accepted, form in [
        (True, reads["input"]),
        (True, [reads["input"]]),
        (False, []),
        (False, "gabor"),
        (False, [[reads["input"]]]),
    ]:
        reads["input"] = form
        assert validator.is_valid(values) is accepted, form


def test_an_editor_is_offered_the_places():
    assert json_schema()["$defs"]["Term"]["properties"]["along"]["enum"] == list(PLACES)
