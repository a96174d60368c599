"""The benchmark: what it compares, and that it runs. Its times are no test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from torch import nn

from tests.bench.measure import refuse_different
from tests.bench.pictures import CALIBRATION, chosen
from tests.bench.plain import plain
from tests.bench.results import ratios, table
from tests.bench.steps import Steps
from workbench.errors import WorkbenchError
from workbench.hosts import Host
from workbench.vision.pictures import Picture

ROOT = Path(__file__).parents[1]
PARTS_S = {"decoding": 1, "prefix": 4, "push": 1, "circuit": 2, "suffix": 2} | {
    "prefix, torch's layers": 8,
    "prefix, convolutions": 3,
}


def report(pictures: int = 32) -> dict:
    """A report of an engine that is twice as fast as nnsight, the best of the others."""
    seven = {"hooks": 8, "nnsight": 6, "hooks, own layers": 2, "engine cold": 3}
    return {
        "machine": {"threads": 2, "load": 0.1},
        "host": "squeezenet",
        "pictures": pictures,
        "batch": 16,
        "rounds": 3,
        "clock": "wall",
        "left_out": {"pyvene": "cannot be imported"},
        "seven_conditions_s": {"score": seven},
        "parts_s": PARTS_S,
        "peak_mib": {"500": 600.4},
    }


def sha256s(pictures: list[Picture]) -> set[str]:
    return {picture.sha256 for picture in pictures}


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder of 20 different pictures, two files of each."""
    for red in range(20):
        for name in ("first", "second"):
            Image.new("RGB", (8, 8), (red, 0, 0)).save(tmp_path / f"{red}-{name}.png")
    return tmp_path


def test_ratios_best_of_the_others_is_no_network_of_ours():
    assert ratios(report())["score: best of the others over engine cold"] == 2
    assert ratios(report())["prefix, torch's layers over prefix"] == 2


@pytest.mark.parametrize(("pictures", "batches"), [(4, 1), (16, 1), (20, 1.25), (32, 2)])
def test_ratios_sum_of_the_parts_is_of_all_pictures(pictures, batches):
    once = 1 + 4 + 1 + 2 + 7 * 2
    ratio = ratios(report(pictures))["score: engine cold over the sum of its parts"]
    assert ratio == pytest.approx(3 / (batches * once))


def test_table_has_ratios_memory_and_what_is_left_out():
    lines = table(report()).splitlines()
    assert "engine cold                                     3.00    2.0" in lines
    assert "peak memory at 500 drawn pictures: 600 MiB" in lines
    assert "left out: pyvene, cannot be imported" in lines


def test_chosen_default_pictures_share_none():
    scored, calibration = chosen(None, 32)
    assert (len(sha256s(scored)), len(sha256s(calibration))) == (32, CALIBRATION)
    assert not sha256s(scored) & sha256s(calibration)


def test_chosen_copies_of_a_picture_count_once(copied):
    scored, calibration = chosen(copied, 4)
    assert (len(sha256s(scored)), len(sha256s(calibration))) == (4, CALIBRATION)
    assert not sha256s(scored) & sha256s(calibration)


def test_chosen_too_few_pictures_refused(copied):
    with pytest.raises(WorkbenchError, match="20 different pictures; expected at least 21"):
        chosen(copied, 5)
    with pytest.raises(WorkbenchError, match="64 different pictures; expected at least 65"):
        chosen(None, 65)


@pytest.mark.parametrize("kl", [0.51, float("nan")])
def test_refuse_different_another_kl_refused(kl):
    same = {"hooks": {"spliced": [0.5, 0.2]}, "engine cold": {"spliced": [0.5 + 1e-5, 0.2]}}
    refuse_different(same)
    with pytest.raises(WorkbenchError, match="nnsight, spliced: the KL of one item differs by"):
        refuse_different(same | {"nnsight": {"spliced": [0.5, kl]}})


def test_steps_time_left_is_known_when_each_kind_has_run(capsys, monkeypatch):
    now = iter([0, 10, 10, 13])
    monkeypatch.setattr("tests.bench.steps.time.monotonic", lambda: next(now))
    steps = Steps({"ways": 3, "parts": 2})
    with steps.step("ways", "score"):
        pass
    with steps.step("parts", "the parts"):
        pass
    assert steps.time_left() == "0:00:23 left"
    assert capsys.readouterr().err.splitlines() == [
        "step 1 of 5, time left not known yet: score",
        "step 2 of 5, time left not known yet: the parts",
    ]


def test_plain_squeezenet_has_torchs_own_pools(squeezenet: Host):
    pools = [type(stage) for name, stage in plain(squeezenet).named_children() if "max" in name]
    assert pools == [nn.MaxPool2d] * 3


def test_plain_other_logits_refused(squeezenet: Host, monkeypatch):
    monkeypatch.setattr(
        "tests.bench.plain._plain", lambda stage: nn.Sequential(stage, nn.Threshold(0.1, 0))
    )
    with pytest.raises(WorkbenchError, match="in torch's own layers gives other logits"):
        plain(squeezenet)


def bench(*words: str, **more) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **more)


@pytest.mark.full
def test_bench_host_that_is_not_there_is_one_sentence(tmp_path):
    result = bench("-o", str(tmp_path / "b.json"), env={"WORKBENCH_CACHE": str(tmp_path)})
    assert result.returncode == 2
    assert result.stderr.startswith("error: host squeezenet: is not installed")
    assert result.stderr.count("\n") == 1


@pytest.mark.full
@pytest.mark.usefixtures("squeezenet")
def test_bench_defaults_run_to_the_table(tmp_path):
    file = tmp_path / "b.json"
    result = bench("--count", "2", "--rounds", "1", "--memory", "2", "-o", str(file))
    assert result.returncode == 0, result.stderr
    written = json.loads(file.read_text())
    assert set(written["seven_conditions_s"]) == {"score", "score --quick"}
    assert set(written["peak_mib"]) == {"2"}
    assert result.stderr.startswith("step 1 of 9, ")
    assert f"all figures: {file}" in result.stdout
