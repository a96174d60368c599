"""Steps of true and wrong theories of networks whose circuit is planted."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.sequences.analyses.opened import request_of
from tests.sequences.planted import THEORY, copying_circuit, planted_host
from tests.sequences.sums import THEORY as SUM_THEORY
from tests.sequences.sums import sum_circuit, sum_host
from workbench.cli import main
from workbench.sequences.analyses.opened import opened
from workbench.sequences.analyses.stepwise.figures import FAILS, HOLDS, StepScores
from workbench.sequences.analyses.stepwise.run import run
from workbench.sequences.analyses.stepwise.steps import EARLIER, steps_of
from workbench.sequences.analyses.stepwise.table import summary
from workbench.sequences.parts import parts_of
from workbench.work import Work

FURTHER = THEORY.replace("at: 1", "at: 2")


@pytest.fixture
def stepped(tmp_path: Path, monkeypatch):
    """A function of a theory, a network and a circuit, which gives the result."""

    def measured(theory: str, host=None, circuit=None):
        host = host or planted_host()
        circuit = circuit or copying_circuit(host)
        return run(request_of(tmp_path, monkeypatch, host, circuit, theory), tmp_path / "out")

    return measured


def by_name(result) -> dict[str, StepScores]:
    return {step.name: step for step in result.steps}


def test_every_step_of_a_planted_circuit_holds_alone_and_after_the_others(stepped):
    result = stepped(THEORY)
    steps = by_name(result)
    assert list(steps) == ["previous", "follower", "copying", "whole"]
    assert steps["previous"].after is None
    assert steps["whole"].after is None
    for step in result.steps:
        for side in filter(None, (step.alone, step.after)):
            assert side.verdict == HOLDS, step.name
            assert side.score.row("spliced").recovered.value > 0.8, step.name
            ablations = [gain for name, gain in side.gains.items() if name.startswith("ablated")]
            assert min(gain.ci95[0] for gain in ablations) > 0, step.name
    assert summary(result).startswith("every step holds after the earlier ones")


def test_a_wrong_first_step_fails_and_so_do_the_steps_after_it_but_not_alone(stepped):
    result = stepped(FURTHER)
    steps = by_name(result)
    assert steps["previous"].alone.verdict == FAILS
    assert steps["follower"].alone.verdict == HOLDS
    assert steps["follower"].after.score.row("spliced").recovered.value < 0.2
    assert steps["follower"].alone.score.row("spliced").recovered.value > 0.8
    assert summary(result).startswith("breaks at previous")


def test_a_network_without_the_circuit_fails_at_every_step(stepped):
    host = planted_host(planted=False)
    for step in stepped(THEORY, host, copying_circuit(host)).steps:
        assert step.alone.verdict == FAILS, step.name


def test_heads_after_heads_are_the_part_of_both(tmp_path, monkeypatch):
    """Composing the two steps gives the answers of the part `heads`, whose patterns are joint."""
    host = planted_host()
    request = request_of(tmp_path, monkeypatch, host, copying_circuit(host), THEORY)
    start = opened(request, 0)
    (together,) = (part for part in parts_of(start.subject) if part.name == "heads")
    follower = {step.name: step for step in steps_of(start.subject)}["follower"]
    rows = start.evaluated([together, follower.after], Work())
    joint, composed = (row.rows["spliced"]["kl"] for row in rows)
    assert composed == pytest.approx(joint, abs=1e-5)
    assert EARLIER in rows[1].rows


def test_the_steps_of_planted_sums_hold_and_those_of_other_circles_do_not(stepped):
    host = sum_host()
    steps = by_name(stepped(SUM_THEORY, host, sum_circuit(host)))
    assert list(steps) == ["number", "gather", "mlp", "whole"]
    assert steps["number"].alone.verdict == HOLDS
    assert steps["mlp"].alone.verdict == HOLDS
    assert steps["mlp"].after.verdict == HOLDS
    assert steps["whole"].alone.verdict == HOLDS
    other = by_name(stepped(SUM_THEORY, host, sum_circuit(host, 5)))
    assert other["number"].alone.verdict == FAILS
    assert other["mlp"].alone.verdict == FAILS
    assert other["whole"].alone.verdict == FAILS


def test_the_command_prints_the_table_and_writes_its_folder(tmp_path, monkeypatch):
    host = planted_host()
    request = request_of(tmp_path, monkeypatch, host, copying_circuit(host), THEORY)
    words = ["stepwise", str(request.spec), "--circuit", str(request.circuit)]
    words += ["-o", str(tmp_path / "out")]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    assert done.stdout.splitlines()[0].endswith("prompts scored (level: score)")
    document = json.loads((tmp_path / "out" / "stepwise.json").read_text())
    names = [step["step"] for step in document["steps"]]
    assert names == ["previous", "follower", "copying", "whole"]
    after = document["steps"][1]["after"]
    assert after["verdict"] == HOLDS
    assert after["gains"]["ablated.uniform"]["value"] > 0
    assert document["steps"][0]["after"] is None
    for side in ("alone", "after"):
        figures = document["steps"][1][side]
        assert 0 <= figures["fitted_soft_kl"] <= figures["soft_kl"] + 0.01
    assert (tmp_path / "out" / "stepwise.png").stat().st_size > 10_000
