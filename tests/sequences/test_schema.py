"""The schema of theories of tokens accepts what ships, and refuses what the language refuses."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.sequences.planted import THEORY
from workbench.sequences.schema import json_schema, schema_text

FOLDER = Path(__file__).parents[2] / "specs" / "tokens"
VALID = Draft202012Validator(json_schema())


def test_the_file_is_up_to_date():
    assert (FOLDER / "theory.schema.json").read_text() == schema_text()


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_theory_is_valid(file):
    assert VALID.is_valid(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize(
    ("old", "new"),
    [("units: heads", "units: head"), ("place: offset", "place: ofset"), ("gain: 30", "gain: x")],
)
def test_a_wrong_word_is_not(old, new):
    assert VALID.is_valid(yaml.safe_load(THEORY))
    assert not VALID.is_valid(yaml.safe_load(THEORY.replace(old, new)))
