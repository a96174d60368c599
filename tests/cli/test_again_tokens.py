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
