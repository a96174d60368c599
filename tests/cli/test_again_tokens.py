"""`workbench score --again` for a theory of tokens: its prompts are made again from the seed."""

import json
from pathlib import Path

import pytest

from tests.cli.planted_files import invoke
from tests.sequences.planted import THEORY, copying_circuit, planted_host


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> Path:
    """A folder with the theory, the circuit file, and their score in `out`."""
    folder, host = tmp_path_factory.mktemp("tokens"), planted_host()
    with pytest.MonkeyPatch.context() as patch:
        for module in ("workbench.sequences.subject", "workbench.hosts.store"):
            patch.setattr(f"{module}.load", lambda name: host)
        patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
        (folder / "theory.yaml").write_text(THEORY)
        circuit = copying_circuit(host).model_dump_json(exclude_none=True)
        (folder / "circuit.yaml").write_text(circuit)
        words = ("score", folder / "theory.yaml", "--circuit", folder / "circuit.yaml")
        result = invoke(*words, "-o", folder / "out", "--seed", 2)
        assert result.exit_code == 0, result.output
        yield folder


def test_it_comes_out_the_same(scored):
    result = invoke("score", "--again", scored / "out")
    assert result.exit_code == 0, result.output
    assert "all the same to the last bit" in result.stdout


def test_a_figure_that_differs_is_listed(scored):
    file = scored / "out" / "score.json"
    before = file.read_text()
    document = json.loads(before)
    document["parts"]["whole"]["conditions"]["spliced"]["kl"] += 1
    file.write_text(json.dumps(document))
    result = invoke("score", "--again", scored / "out")
    file.write_text(before)
    assert result.exit_code == 3
    assert "parts.whole.conditions.spliced.kl: then 1" in result.stdout


def test_a_changed_theory_is_refused(scored):
    copy = scored / "out" / "inputs" / "theory-1" / "theory.yaml"
    before = copy.read_text()
    copy.write_text(before.replace("gain: 30", "gain: 20"))
    result = invoke("score", "--again", scored / "out")
    copy.write_text(before)
    assert result.exit_code == 2
    assert "theory.yaml: was changed" in result.stderr


def test_a_trained_family_is_scored_and_scored_again(scored, tmp_path):
    words = ("score", scored / "theory.yaml", "--circuit", scored / "circuit.yaml")
    result = invoke(*words, "-o", tmp_path / "out", "--use-trained", "previous")
    assert result.exit_code == 0, result.output
    assert "trained.previous, the trained units of previous; the rest handwritten" in " ".join(
        result.stdout.split()
    )
    document = json.loads((tmp_path / "out" / "score.json").read_text())
    assert document["parts"]["whole"]["conditions"]["trained.previous"]["kind"] == "trained"
    assert "all the same" in invoke("score", "--again", tmp_path / "out").stdout


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("previus", "no such family; expected a family of copying that another handwritten"),
        ("answer", "'answer' cannot stay trained"),
        ("previous=circuit.yaml", "expected FAMILY alone"),
        ("=", "expected FAMILY=FILE"),
    ],
)
def test_what_cannot_stay_trained_is_refused(scored, monkeypatch, given, message):
    monkeypatch.chdir(scored)
    words = ("score", "theory.yaml", "--circuit", "circuit.yaml", "-o", "wrong")
    result = invoke(*words, "--use-trained", given)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not (scored / "wrong").exists()
