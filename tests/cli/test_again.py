"""`workbench score --again`: a folder that was moved comes out the same, and what is changed is
refused or listed.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.planted_files import Files, invoke, planted_files, write_pictures
from tests.conftest import tiny_network, without_page
from tests.planted import planted
from workbench.hosts import host_from_module
from workbench.manifest import write_manifest


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Iterator[Files]:
    """A finished score of the planted theory with another one to compare with."""
    with pytest.MonkeyPatch.context() as patch:
        without_page(patch)
        made = planted_files(tmp_path_factory.mktemp("again"), planted(), patch)
        other = made.folder / "planted-2" / "planted.yaml"
        other.parent.mkdir()
        other.write_text(made.spec.read_text().replace("theory: planted", "theory: other"))
        result = invoke(*made.words, "--compare-with", other, "--seed", 3)
        assert result.exit_code == 0, result.output
        yield made


@pytest.fixture
def moved(files, tmp_path) -> Path:
    """The folder as another user gets it."""
    return Path(shutil.copytree(files.out, tmp_path / "shared"))


def changed_score(folder: Path, key: str, value: object) -> None:
    document = json.loads((folder / "score.json").read_text())
    document["conditions"]["spliced"][key] = value
    (folder / "score.json").write_text(json.dumps(document))


def test_a_moved_folder_comes_out_the_same_without_the_files_it_was_made_from(
    files, moved, monkeypatch
):
    files.spec.rename(files.folder / "away.yaml")
    try:
        result = invoke("score", "--again", moved, *files.pictures)
    finally:
        (files.folder / "away.yaml").rename(files.spec)
    assert result.exit_code == 0, result.output
    assert "all the same to the last bit, as the environment is the same" in result.stdout


def test_a_figure_that_differs_is_listed_with_exit_code_3(files, moved):
    changed_score(moved, "pearson", 0.25)
    result = invoke("score", "--again", moved, *files.pictures)
    assert result.exit_code == 3
    assert "conditions.spliced.pearson: then 0.25, now 0.99" in result.stdout
    assert "1 values differ" in result.stdout
    as_json = json.loads(invoke("score", "--again", moved, *files.pictures, "--json").stdout)
    assert (as_json["same"], as_json["tolerance"]) == (False, None)
    assert [each["key"] for each in as_json["differences"]] == ["conditions.spliced.pearson"]


def test_in_another_environment_rounding_is_no_difference(files, moved):
    record = json.loads((moved / "run.json").read_text())
    record["environment"]["processor"] = "another one"
    (moved / "run.json").write_text(json.dumps(record))
    pearson = json.loads((moved / "score.json").read_text())["conditions"]["spliced"]["pearson"]
    changed_score(moved, "pearson", pearson - 1e-5)
    result = invoke("score", "--again", moved, *files.pictures)
    assert result.exit_code == 0, result.output
    assert "processor: then another one, now " in result.stdout
    assert "all the same within 0.0001 + 0.001 of the value" in result.stdout
    changed_score(moved, "pearson", pearson - 1e-2)
    assert invoke("score", "--again", moved, *files.pictures).exit_code == 3


@pytest.mark.parametrize("name", ["theory-1/planted.yaml", "circuit-1/curve.yaml"])
@pytest.mark.parametrize("lost", [False, True])
def test_a_changed_or_missing_file_is_refused_by_name(files, moved, name, lost):
    file = moved / "inputs" / name
    file.unlink() if lost else file.write_text(file.read_text() + "# edited\n")
    result = invoke("score", "--again", moved, *files.pictures)
    assert result.exit_code == 2
    assert f"{file}: {'is missing' if lost else 'was changed'}" in result.stderr


def test_the_theory_to_compare_with_is_among_the_files(files):
    names = {str(path.relative_to(files.out)) for path in (files.out / "inputs").rglob("*.yaml")}
    assert names == {
        "inputs/theory-1/planted.yaml",
        "inputs/circuit-1/curve.yaml",
        "inputs/compared-1/planted.yaml",
    }


def test_other_pictures_are_refused_by_their_hash(files, moved, tmp_path):
    write_pictures(tmp_path / "others", 4, seed=9)
    for option in ("--images", "--calibration"):
        words = list(files.pictures)
        words[words.index(option) + 1] = tmp_path / "others"
        result = invoke("score", "--again", moved, *words)
        assert result.exit_code == 2
        assert f"{option}: other pictures: SHA-256 " in result.stderr
        del words[words.index(option) : words.index(option) + 2]
        result = invoke("score", "--again", moved, *words)
        assert result.exit_code == 2
        assert f"{option}: is not given, and the recorded run had a folder" in result.stderr


def test_another_network_is_refused(files, moved, monkeypatch):
    other = host_from_module(tiny_network(), "planted", {"first": "0"}, files.planted.host.input)
    monkeypatch.setattr("workbench.hosts.store.load", lambda name: other)
    result = invoke("score", "--again", moved, *files.pictures)
    assert result.exit_code == 2
    assert "has other weights: fingerprint" in result.stderr


@pytest.mark.parametrize("more", [("--quick",), ("--seed", 3), ("--require", "bits<1")])
def test_options_that_the_folder_has_are_refused(moved, more):
    result = invoke("score", "--again", moved, *more)
    assert result.exit_code == 2
    assert f"{more[0]}: cannot be given with --again" in result.stderr


def test_a_theory_is_refused_with_again(files, moved):
    result = invoke("score", files.spec, "--again", moved)
    assert result.exit_code == 2
    assert "cannot be given with --again" in result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "has no readable run.json"),
        ("{", "has no readable run.json"),
        ("[]", "is no record of a run"),
        ('{"format": 9, "kind": "pictures"}', "format 9 of pictures"),
        ('{"format": 1, "kind": "pictures"}', "is no record of a run"),
        (
            '{"format": 1, "kind": "pictures", "sha256": {"../../secret": "0"}}',
            "is missing",
        ),
    ],
)
def test_a_folder_that_is_no_record_is_refused(tmp_path, text, message):
    if text:
        (tmp_path / "run.json").write_text(text)
    result = invoke("score", "--again", tmp_path)
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_folder_is_still_a_result_that_a_later_run_replaces(files, moved):
    before = (moved / ".workbench.json").read_text()
    write_manifest(moved)
    assert (moved / ".workbench.json").read_text() == before
