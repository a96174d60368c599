"""`workbench score --require`: exit codes, the list of `--json`, and refusals before any work."""

import json
from pathlib import Path

import pytest

from tests.cli.planted_files import Files, invoke, planted_files
from tests.planted import planted


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Files:
    with pytest.MonkeyPatch.context() as patch:
        yield planted_files(tmp_path_factory.mktemp("require"), planted(), patch)


@pytest.fixture(autouse=True)
def _unreported(unreported) -> None:
    """Without pictures and page."""


def test_the_right_theory_meets_its_requirements(files):
    words = ("--require", "pearson>=0.99", "--require", "recovered>best-baseline", "--json")
    result = invoke(*files.words, *words)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert [row["met"] for row in document["requirements"]] == [True, True]
    assert document["requirements"][1]["condition"].startswith("baseline.")
    del document["requirements"]
    assert document == json.loads((files.out / "score.json").read_text())


def test_without_the_option_the_printed_document_is_the_file(files):
    result = invoke(*files.words, "--json")
    assert result.stdout == (files.out / "score.json").read_text()


@pytest.mark.parametrize("as_json", [False, True])
def test_a_wrong_theory_exits_with_3_and_its_figures_are_printed(files, tmp_path, as_json):
    """The direction of every unit is rotated by 90 degrees."""
    wrong = tmp_path / "curve.yaml"
    wrong.write_text(turned(files.circuit, 90))
    words = list(files.words)
    words[words.index("--circuit") + 1] = wrong
    more = ("--require", "pearson>=0.5", "--require", "bits<1e6", *(["--json"] * as_json))
    result = invoke(*words, *more)
    assert result.exit_code == 3, result.output
    assert "error: not met: pearson>=0.5: pearson " in result.stderr
    assert "bits" not in result.stderr
    assert (files.out / "score.json").is_file()
    if as_json:
        first, second = json.loads(result.stdout)["requirements"]
        assert (first["met"], second["met"]) == (False, True)
        assert first["compared"] < first["required"] == 0.5
    else:
        assert "mean" in result.stdout


def turned(circuit: Path, degrees: float) -> str:
    lines = circuit.read_text().splitlines()
    changed = []
    for line in lines:
        before, found, rest = line.partition("centre_deg: ")
        if found:
            number = rest.split(",")[0].split("}")[0]
            rest = f"{(float(number) + degrees) % 360:g}" + rest[len(number) :]
        changed.append(before + found + rest)
    return "\n".join(changed) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pearsn>=0.5", "Did you mean 'pearson'?"),
        ("recovered>best-control", "--quick leaves controls out"),
        ("whole.logit_r2>=0.7", "names a part"),
    ],
)
def test_a_malformed_requirement_is_refused_before_any_work(files, monkeypatch, text, message):
    monkeypatch.setattr("workbench.rebuild.run", lambda *_: pytest.fail("it was computed"))
    result = invoke(*files.words, "--require", text)
    assert result.exit_code == 2
    assert message in result.output
    assert result.stdout == ""


def test_an_error_is_a_document_too(files, tmp_path):
    theory = tmp_path / "planted.yaml"
    theory.write_text(files.spec.read_text().replace("sigma_px", "sigma_pix"))
    words = list(files.words)
    words[1] = theory
    result = invoke(*words, "--json")
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    assert [problem["code"] for problem in document["problems"]] == ["unknown-key"]
    assert (
        document["problems"] == json.loads(invoke("check", theory, "--json").stdout)[0]["problems"]
    )
    document = json.loads(invoke(*files.words, "--json", "--require", "bits").stdout)
    assert document["problems"] == []
    assert document["error"]["where"] == "--require 'bits'"
    assert document["error"]["problem"] == "is no requirement"


def test_requirements_of_a_theory_of_tokens(tmp_path, monkeypatch):
    from tests.sequences.planted import THEORY, copying_circuit, copying_spec, planted_host
    from workbench.sequences.prompt_sets import prompts_of
    from workbench.sequences.score import score_loaded

    host = planted_host()
    circuit = copying_circuit(host)
    card = score_loaded(copying_spec(), circuit, host, prompts_of(circuit.prompts, host))
    monkeypatch.setattr("workbench.sequences.run.rebuild_tokens", lambda *_: card)
    (tmp_path / "theory.yaml").write_text(THEORY)
    words = ("score", tmp_path / "theory.yaml", "--circuit", tmp_path / "theory.yaml", "--json")
    met = invoke(*words, "--require", "whole.recovered>=0.8", "--require", "previous.kl<=0.5")
    assert met.exit_code == 0, met.output
    assert len(json.loads(met.stdout)["requirements"]) == 2
    weights = invoke(*words, "--require", "previous.weights.recovered>=-9")
    assert weights.exit_code == 0, weights.output
    failed = invoke(*words, "--require", "whole.recovered>=1.5")
    assert failed.exit_code == 3
    assert "not met: whole.recovered>=1.5" in failed.stderr
    refused = invoke(*words, "--require", "previus.recovered>=0.5")
    assert refused.exit_code == 2
    assert "Did you mean 'previous'?" in refused.stderr
