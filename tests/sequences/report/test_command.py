"""`workbench score` of a theory of tokens writes the page and prints its path last."""

import json
from pathlib import Path

import yaml
from click.testing import CliRunner

from tests.sequences.planted import THEORY, copying_circuit, planted_host
from workbench.cli import main


def test_the_command_writes_the_page_and_prints_its_path_last(tmp_path: Path, monkeypatch):
    host = planted_host()
    monkeypatch.setattr("workbench.sequences.subject.load", lambda name: host)
    circuit = copying_circuit(host).model_dump(mode="json", exclude_none=True)
    (tmp_path / "copying.yaml").write_text(THEORY)
    (tmp_path / "planted.yaml").write_text(yaml.safe_dump(circuit))
    folder = tmp_path / "out"
    words = ["score", str(tmp_path / "copying.yaml")]
    words += ["--circuit", str(tmp_path / "planted.yaml"), "-o", str(folder)]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.stdout.rstrip().splitlines()[-1] == f"report: {folder / 'report.html'}"
    document = json.loads((folder / "score.json").read_text())
    page = (folder / "report.html").read_text()
    assert document["circuit_sha256"] in page
    assert {path.name for path in folder.glob("*.png")} >= {"patterns-previous.png"}
    assert 'id="patterns-previous"' in page
