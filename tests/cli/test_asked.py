"""`asked` in score.json: it survives runs, and neither --no-cache nor a cleared cache hides it."""

import json

import pytest

from tests.cli.planted_files import Files, invoke, planted_files
from tests.planted import THEORY, planted
from workbench.score.asked import FOLDER, MANY, recorded


@pytest.fixture
def files(tmp_path, monkeypatch, unreported) -> Files:
    return planted_files(tmp_path, planted(), monkeypatch)


def asked(files: Files, *words: object) -> int:
    result = invoke(*files.words, *words)
    assert result.exit_code == 0, result.output
    return json.loads((files.out / "score.json").read_text())["asked"]


def test_edits_count_and_repeated_runs_do_not(files):
    assert asked(files) == 1
    before = (files.out / "score.json").read_bytes()
    assert asked(files) == 1
    assert (files.out / "score.json").read_bytes() == before
    files.spec.write_text(THEORY.replace("spread_px: 4", "spread_px: 5"))
    assert asked(files, "--no-cache") == 2
    assert invoke("cache", "clear", "--unfinished").exit_code == 0
    other = files.folder / "other.yaml"
    other.write_text(THEORY.replace("spread_px: 4", "spread_px: 3"))
    files.spec.write_text(THEORY.replace("spread_px: 4", "spread_px: 6"))
    assert asked(files, "--compare-with", other) == 4


def test_the_table_warns_from_the_tenth_theory_on(files):
    def warned() -> bool:
        return "theories of these units were scored" in " ".join(
            invoke(*files.words).stdout.split()
        )

    assert not warned()
    (record,) = (files.folder / "cache" / FOLDER).iterdir()
    recorded(record, [f"{i:064d}" for i in range(MANY - 2)])
    assert not warned()
    recorded(record, ["f" * 64])
    assert warned()
