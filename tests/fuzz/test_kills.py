"""A scored theory, killed at each of its changes to files: nothing is lost, and it goes on."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.kills import kill_at_each_write
from tests.interrupted import written
from tests.planted import THEORY, planted
from workbench.manifest import MANIFEST, refuse_users_files
from workbench.spec import dump_circuit

# scores the planted theory on drawn pictures; run in a process of its own, from the checkout
SCORE = """
import sys
from pathlib import Path

import workbench.rebuild as rebuild_module
from tests.planted import planted
from workbench.cache import command_cache, forget
from workbench.rebuild import RebuildRequest, rebuild
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

folder, pictures = Path(sys.argv[1]), int(sys.argv[2])
host, trained, _ = planted()
rebuild_module.load = lambda name: host
files = folder / "theory.yaml", folder / "circuit.yaml"
cache = command_cache("a run")
request = RebuildRequest([files], drawn(pictures, seed=2), drawn(2, seed=1), quick=True)
rebuild(request, folder / "out", Work(cache=cache))
forget(cache)
"""
IMPORTS = "import tests.planted, workbench.rebuild, workbench.report.html"
BEFORE, AFTER = 2, 3  # pictures of the earlier result and of the one that replaces it


@pytest.fixture
def environment(tmp_path, monkeypatch) -> dict[str, str]:
    """The files that SCORE reads in the test's folder, and the environment of its process."""
    (tmp_path / "theory.yaml").write_text(THEORY)
    dump_circuit(planted().trained, tmp_path / "circuit.yaml")
    monkeypatch.chdir(Path(__file__).parents[2])
    return {"WORKBENCH_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}


def complete(folder: Path, pictures: int, environment: dict[str, str]) -> dict[str, bytes]:
    """The files of a run that nobody kills."""
    words = [sys.executable, "-c", SCORE, str(folder), str(pictures)]
    subprocess.run(words, check=True, capture_output=True, env={**os.environ, **environment})
    return written(folder / "out")


@pytest.mark.parametrize("every", [pytest.param(12, marks=pytest.mark.full), 180])
def test_score_killed_at_a_write_and_run_again_keeps_a_whole_result(tmp_path, environment, every):
    """The earlier result or the new one is whole after each kill, and nothing is left behind."""
    out, cache = tmp_path / "out", tmp_path / "cache"
    new = complete(tmp_path, AFTER, environment)
    old = complete(tmp_path, BEFORE, environment)
    shutil.copytree(out, tmp_path / "earlier")
    shutil.rmtree(cache)
    assert old["score.json"] != new["score.json"]
    states = []

    def check(number: int) -> None:
        refuse_users_files(out, out)  # every file is as its record has it
        files = written(out)
        assert files in (old, new), number
        assert set(json.loads(files[MANIFEST])["files"]) == set(files) - {MANIFEST}
        states.append(files == new)
        if states[-1]:  # start again from the earlier result, and without a cache
            shutil.rmtree(out)
            shutil.copytree(tmp_path / "earlier", out)
            shutil.rmtree(cache, ignore_errors=True)

    arguments = [tmp_path, AFTER]
    last = kill_at_each_write(SCORE, arguments, tmp_path, check, every, environment, IMPORTS)
    assert written(out) == new
    assert last > 100, last
    assert not states[0]
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"theory.yaml", "circuit.yaml", "out", "cache", "earlier"}
    assert not [path for path in cache.rglob("*") if path.name.endswith(".part")]


@pytest.mark.full
def test_score_killed_at_each_write_leaves_a_whole_result(tmp_path, environment):
    """The earlier result or the new one is whole at each write of a run."""
    out = tmp_path / "out"
    new = complete(tmp_path, AFTER, environment)
    shutil.rmtree(tmp_path / "cache")
    old = complete(tmp_path, BEFORE, environment)
    shutil.rmtree(tmp_path / "cache")
    states = []

    def check(number: int) -> None:
        refuse_users_files(out, out)
        files = written(out)
        assert files in (old, new), number
        states.append(files == new)

    last = kill_at_each_write(
        SCORE, [tmp_path, AFTER], tmp_path, check, 1, environment, IMPORTS, copies=True
    )
    assert written(out) == new
    assert len(states) == last - 1 > 100
    assert not states[0]
    assert states == sorted(states)  # once the new result is there, it stays
