"""`workbench frontier` on a host that was planted with two theories."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tests.planted import EDGES, THEORY, planted_twice
from workbench.analyses.frontier import run as run_module
from workbench.analyses.frontier.figures import frontier_json
from workbench.analyses.frontier.run import FrontierRequest, frontier
from workbench.arrays.devices import computed_on
from workbench.cli import main
from workbench.hosts import EmbeddingOutput, Host, NoOutput
from workbench.manifest import MANIFEST
from workbench.spec import dump_circuit
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

ROOT = Path(__file__).parents[3]
EXACT = 1e-3  # KL of a right theory, nats: what is left is float32 and calibration


def write_files(folder: Path) -> list[tuple[Path, Path]]:
    """The specs and circuits of both theories."""
    files = []
    for trained, text in zip(planted_twice().trained, (EDGES, THEORY), strict=True):
        spec, circuit = folder / f"{trained.circuit}-spec.yaml", folder / f"{trained.circuit}.yaml"
        spec.write_text(text)
        dump_circuit(trained, circuit)
        files.append((spec, circuit))
    return files


@pytest.fixture
def command(tmp_path, monkeypatch) -> Callable[..., Result]:
    """Runs the command, with three pictures of each kind in the folder."""
    monkeypatch.setattr(run_module, "load", lambda name: planted_twice().host)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    words: list[object] = ["frontier"]
    for spec, circuit in write_files(tmp_path):
        words += [spec, "--circuit", circuit]
    for name, seed in (("images", 2), ("calibration", 1)):
        (tmp_path / name).mkdir()
        for i, picture in enumerate(drawn(3, seed)):
            Image.fromarray(picture.load()).save(tmp_path / name / f"n{i:08d}_{seed}.png")
        words += [f"--{name}", tmp_path / name]
    words += ["-o", tmp_path / "out"]

    def run(*more: str) -> Result:
        return CliRunner().invoke(main, [*map(str, words), *more])

    return run


def document(folder: Path) -> dict:
    return json.loads((folder / "out" / "frontier.json").read_text())


def test_frontier_command_writes_its_document_and_its_picture(tmp_path, command):
    (tmp_path / "calibration" / "broken.png").write_bytes(b"no picture")
    result = command("--skip-broken")
    assert result.exit_code == 0, result.output
    rows = re.findall(r"^(edges|planted) +(\d+) +([\d.]+) +0", result.stdout, re.MULTILINE)
    assert rows == [("edges", "4", "18.2"), ("planted", "10", "45.5")]
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        MANIFEST,
        "frontier.json",
        "frontier.png",
    ]
    with Image.open(tmp_path / "out" / "frontier.png") as image:
        image.verify()
    written = document(tmp_path)
    assert (written["format"], written["of"]) == (2, 22)
    assert [step["units"] for step in written["steps"]] == [4, 10]
    assert written["computed"] == computed_on("cpu")
    assert (written["images"]["n"], written["images"]["labelled"]) == (3, 3)
    assert (written["images"].get("skipped"), written["calibration"]["skipped"]) == (None, 1)
    for step in written["steps"]:
        conditions = step["conditions"]
        assert conditions["spliced"]["kl"]["value"] < EXACT
        assert conditions["natural"]["kl"]["value"] == 0
        assert conditions["control"]["permuted"]["kl"]["value"] > 10 * EXACT
        assert conditions["others_at_mean"]["kl"]["value"] > 10 * EXACT
        assert step["gains"]["control"]["permuted"]["value"] > 0
    again = command("--skip-broken", "--json")
    assert json.loads(again.stdout) == written
    assert not list((tmp_path / "cache" / "unfinished").glob("*/*"))


def test_frontier_document_has_documented_keys_only(tmp_path, command):
    assert command().exit_code == 0
    page = (ROOT / "docs" / "frontier.md").read_text()
    written = document(tmp_path)
    keys = {*written, *written["steps"][0], *written["steps"][0]["conditions"]["spliced"]}
    assert not [key for key in keys if f"`{key}" not in page]


@pytest.mark.parametrize(
    ("output", "names"),
    [(NoOutput(), "no output"), (EmbeddingOutput(), "an output without classes")],
)
def test_frontier_of_a_host_without_classes_is_refused(command, monkeypatch, output, names):
    def load(name: str) -> Host:
        return replace(planted_twice().host, output=output)

    monkeypatch.setattr(run_module, "load", load)
    result = command()
    assert result.exit_code == 2
    assert f"{names}; expected a host with classes" in " ".join(result.output.split())


def test_frontier_into_a_foreign_folder_is_refused(tmp_path, command):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years")
    result = command()
    assert result.exit_code == 2
    assert "is no earlier result" in result.output


def test_frontier_of_pictures_that_were_calibrated_on_is_refused(tmp_path, command):
    picture = next((tmp_path / "calibration").iterdir())
    (tmp_path / "images" / "renamed.png").write_bytes(picture.read_bytes())
    result = command()
    assert result.exit_code == 2
    assert "were used for calibration (renamed.png)" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.full
def test_frontier_with_another_seed_permutes_other_units(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "load", lambda name: planted_twice().host)
    request = FrontierRequest(write_files(tmp_path), drawn(3, seed=2), drawn(3, seed=1))
    first, again, other = (
        frontier(request, tmp_path / f"out-{i}", Work(seed=seed))
        for i, seed in enumerate((0, 0, 5))
    )
    assert frontier_json(first) == frontier_json(again)
    permuted = [
        result.steps[1].conditions["control.permuted"]["kl"].value for result in (first, other)
    ]
    spliced = [result.steps[1].conditions["spliced"]["kl"].value for result in (first, other)]
    assert permuted[0] != permuted[1]
    assert abs(spliced[0] - spliced[1]) < 0.01
