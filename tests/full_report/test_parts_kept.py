"""Finished parts of a report: checked against their keys, and made without a cache too."""

import json
import os
import shutil
from pathlib import Path

import pytest

from workbench.full_report.run import PART, _facts, _parts_folder
from workbench.result_folder import folder_written_whole


@pytest.fixture
def part(tmp_path) -> Path:
    with folder_written_whole(tmp_path / "key" / "claims") as folder:
        facts = {"key": "key/claims", "table": "", "left_open": []}
        (folder / PART).write_text(json.dumps(facts))
        (folder / "claims.png").write_text("drawn")
    return tmp_path / "key" / "claims"


def test_a_finished_part_is_read(part):
    assert _facts(part, "key/claims") == {"key": "key/claims", "table": "", "left_open": []}


def test_a_part_at_the_place_of_another_is_absent(part):
    shutil.copytree(part, part.parent / "explain")
    assert _facts(part.parent / "explain", "key/explain") is None


@pytest.mark.parametrize("name", [PART, "claims.png"])
def test_a_damaged_part_is_absent(part, name):
    (part / name).write_text("{}")
    assert _facts(part, "key/claims") is None


def test_parts_folder_of_a_cache_that_cannot_be_written_lives_with_the_process(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with _parts_folder("key") as kept:
        assert tmp_path not in kept.parents
        with folder_written_whole(kept / "claims") as folder:
            (folder / PART).write_text("{}")
    assert not kept.exists()
