"""One theory of tokens on networks that have the mechanism, and on one that has not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from tests.sequences.planted import THEORY, copying_circuit, planted_host
from tests.sequences.sums import THEORY as SUM_THEORY
from tests.sequences.sums import sum_circuit, sum_host
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.hosts.made import MadeNetwork
from workbench.sequences.analyses.universality import networks, run
from workbench.sequences.analyses.universality.figures import NetworkRow, row_from_json, row_json
from workbench.sequences.analyses.universality.networks import SURVEYS, all_names, survey_of
from workbench.sequences.analyses.universality.run import (
    TokenUniversalityRequest,
    universality_of_tokens,
)
from workbench.sequences.analyses.universality.table import NOT_THIS, _cells, short_verdict
from workbench.sequences.files import token_theory_from_text
from workbench.sequences.meaning import part_names
from workbench.sequences.parts import parts_of
from workbench.sequences.prompt_sets import prompts_of
from workbench.sequences.subject import subject_of
from workbench.sequences.survey import FAMILIES, survey

START, END = "induction@step:0", "induction@final"
PARTS = ("previous", "follower", "heads", "copying", "circuit", "whole")


def tiny_hosts() -> dict:
    """A training of two checkpoints, of which the last has the circuit, and another network."""
    made = {START: planted_host(planted=False), END: planted_host(), "other": planted_host(1)}
    return {name: replace(host, name=name) for name, host in made.items()}


@pytest.fixture
def hosts(monkeypatch) -> dict:
    made = tiny_hosts()
    rows = [MadeNetwork(START, 0, "", "", 0.0, 0.0)]
    monkeypatch.setattr(run, "load", made.__getitem__)
    monkeypatch.setattr(networks, "checkpoints", lambda name, seed: rows)
    return made


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    (tmp_path / "copying.yaml").write_text(THEORY)
    return tmp_path / "copying.yaml"


def compared(spec_file: Path, output: Path, *names: str):
    request = TokenUniversalityRequest(spec_file, names, score_on=24)
    return universality_of_tokens(request, output)


def test_the_theory_does_well_where_the_circuit_is_and_badly_where_it_is_not(
    hosts, spec_file, tmp_path
):
    result = compared(spec_file, tmp_path / "out", "induction@step:*", END, "other")
    start, end, other = result.rows
    assert (start.step, end.training, other.training) == (0, "induction", None)
    assert result.parts == PARTS
    for row in (end, other):
        assert row.surveyed == {"previous": ["0.0"], "follower": ["1.0"]}
        assert all(row.recovered(part).value > 0.8 for part in PARTS), row.host
    # the heads of the last network are followed to the first step, where no survey finds them
    assert NOT_THIS in start.reason
    assert not start.surveyed
    assert (start.units_from, start.units) == ("final", end.units)
    for part in PARTS:
        assert short_verdict(start.parts[part]) == NOT_THIS
    assert start.loss > end.loss
    assert list(result.trainings) == ["induction"]
    assert result.followed_ablation("induction", "heads") == "ablated.uniform"


def test_a_share_of_almost_nothing_is_no_wide_figure():
    by_ablation = {"ablated.zero": {"value": -1951.8, "ci95": [-2055.4, -1856.7]}}
    part = {"cheapest_ablation": "ablated.zero", "recovered_by": by_ablation, "logit_r2": 0.5}
    part |= {"supported": False, "verdict": "not this mechanism: no better", "best_rival": None}
    row = NetworkRow("host", "", "", parts={"heads": part})
    assert _cells(row, "heads") == ("< −9", "", "0.500", NOT_THIS)


def test_an_interrupted_run_continues_and_a_changed_network_is_computed_again(
    hosts, spec_file, tmp_path, monkeypatch
):
    output = tmp_path / "out"
    first = compared(spec_file, output, "other")
    monkeypatch.setattr(run, "score_loaded", None)  # nothing is scored again
    assert compared(spec_file, output, "other").rows == first.rows
    hosts["other"] = replace(planted_host(2), name="other")
    with pytest.raises(TypeError):
        compared(spec_file, output, "other")


def test_a_network_without_the_mechanism_has_a_row_that_says_so(hosts, spec_file, tmp_path):
    hosts["none"] = replace(planted_host(planted=False), name="none")
    (row,) = compared(spec_file, tmp_path / "out", "none").rows
    assert NOT_THIS in row.reason
    assert (row.parts, row.units_from, row.loss) == ({}, "", None)
    assert row_from_json(row_json(row)) == row
    assert row_from_json("{}") is None


@pytest.mark.parametrize("planted", ["copying", "sum"])
def test_every_part_of_level_score_is_scored_and_no_other(planted):
    if planted == "copying":
        host, spec = planted_host(), token_theory_from_text(THEORY)
        circuit = copying_circuit(host)
    else:
        host, spec = sum_host(), token_theory_from_text(SUM_THEORY)
        circuit = sum_circuit(host)
    prompts = prompts_of(circuit.prompts, host)
    subject = subject_of(spec, circuit, host, prompts, 0)
    parts = parts_of(subject)
    assert {part.name for part in parts} <= {*part_names(spec.theory)}
    assert all(part.level == "score" for part in parts)


@pytest.mark.parametrize("name", ["previous", "induction", "copying"])
def test_surveys_write_the_families_that_are_looked_for(name):
    assert set(survey(planted_host(), name).circuit.families) == SURVEYS[name]


def test_every_survey_has_its_families():
    assert SURVEYS.keys() == FAMILIES.keys()


def test_the_smallest_survey_that_has_the_families_is_chosen():
    assert survey_of(token_theory_from_text(THEORY)) == "copying"
    with pytest.raises(WorkbenchError, match="no survey finds before and follower"):
        survey_of(token_theory_from_text(THEORY.replace("previous", "before")))


def test_a_training_that_did_not_run_is_refused(monkeypatch):
    monkeypatch.setattr(networks, "checkpoints", lambda name, seed: [])
    with pytest.raises(WorkbenchError, match="hosts make induction --seed 3"):
        all_names(["induction@seed:3@step:*"])


def test_the_command_prints_a_table_of_each_part(hosts, spec_file, tmp_path):
    circuit = copying_circuit(hosts["other"]).model_dump(mode="json", exclude_none=True)
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(circuit))
    output = tmp_path / "out"
    words = ["universality", str(spec_file), "-o", str(output), "--score-on", "24"]
    words += ["--circuit", str(tmp_path / "other.yaml")]
    words += ["--host", "induction@step:*", "--host", END, "--host", "other"]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "1 previous, 1 follower" in done.stdout
    assert max(map(len, done.stdout.splitlines()[:-2])) <= 80
    document = json.loads((output / "universality.json").read_text())
    assert [row["units_from"] for row in document["networks"]] == ["final", "survey", "file"]
    assert (output / "universality.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--images", "."], "--images: has no meaning for a theory of tokens"),
        (["--host", "other", "--circuit", "{circuit}"], "is of induction@final"),
    ],
)
def test_bad_input_is_one_clear_error(words, message, hosts, spec_file, tmp_path):
    circuit = copying_circuit(hosts[END]).model_dump(mode="json", exclude_none=True)
    (tmp_path / "end.yaml").write_text(yaml.safe_dump(circuit))
    given = [word.format(circuit=tmp_path / "end.yaml") for word in words]
    done = CliRunner().invoke(main, ["universality", str(spec_file), "-o", "unused", *given])
    assert done.exit_code != 0
    assert message in " ".join(done.output.split())
