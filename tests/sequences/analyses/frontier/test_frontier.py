"""Frontiers of true and wrong theories of networks whose circuit is planted."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.sequences.analyses.opened import request_of
from tests.sequences.planted import THEORY, copying_circuit, planted_host
from tests.sequences.sums import THEORY as SUM_THEORY
from tests.sequences.sums import random_host, sum_circuit, sum_host, sums_circuit
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.sequences.analyses.frontier import points
from workbench.sequences.analyses.frontier.figures import SPLICED, TokenFrontier
from workbench.sequences.analyses.frontier.run import run
from workbench.sequences.analyses.opened import opened
from workbench.sequences.head_parts import by_layer
from workbench.work import Work


@pytest.fixture
def request_for(tmp_path: Path, monkeypatch):
    """A function of a theory, a network and a circuit, which writes their files."""

    def written(theory: str, host, circuit):
        return request_of(tmp_path, monkeypatch, host, circuit, theory)

    return written


@pytest.fixture
def grown(tmp_path: Path, request_for):
    """A function of a theory, a network and a circuit, which gives the frontier."""

    def measured(theory: str, host=None, circuit=None) -> TokenFrontier:
        host = host or planted_host()
        return run(request_for(theory, host, circuit or copying_circuit(host)), tmp_path / "out")

    return measured


def test_a_planted_circuit_survives_head_by_head_and_its_rivals_do_not(grown):
    result = grown(THEORY)
    names = ["heads up to 0.0", "heads up to 1.0", "circuit", "whole"]
    assert [point.name for point in result.points] == names
    assert [point.heads for point in result.points] == [1, 2, 2, 2]
    assert result.of == 2
    both = result.points[1]
    assert both.lines[SPLICED].lost.value < 0.2 * both.lines["ablated.uniform"].lost.value
    for name in ("ablated.uniform", "ablated.mean", "control.shifted"):
        assert both.lines[name].behind.ci95[0] > 0.2, name
    pattern = both.lines["baseline.mean_pattern"]
    assert pattern.behind.ci95[0] > 0
    assert pattern.bits > 100 * both.lines[SPLICED].bits


def test_a_wrong_theory_loses_as_much_as_its_ablations(grown):
    result = grown(THEORY.replace("at: 1", "at: 2"))
    first = result.points[0]
    assert first.lines["ablated.uniform"].behind.value < 0.05
    assert first.best_rival == "baseline.mean_pattern"
    assert first.lines["baseline.mean_pattern"].behind.ci95[1] < 0


def test_the_last_point_with_heads_is_the_part_of_all_heads(request_for):
    host = planted_host()
    start = opened(request_for(THEORY, host, copying_circuit(host)), 0)
    last = [point for point in points.points_of(start.subject) if point.name == "heads up to 1.0"]
    (together,) = (part for part in points.parts_of(start.subject) if part.name == "heads")
    rows = start.evaluated([last[0].part, together], Work())
    kl = [of_part.rows["spliced"]["kl"] for of_part in rows]
    assert kl[0] == pytest.approx(kl[1], abs=1e-6)
    assert last[0].part.numbers == together.numbers


def test_a_family_that_is_begun_replaces_only_the_heads_so_far(request_for):
    host = random_host()
    start = opened(request_for(SUM_THEORY, host, sums_circuit(host)), 0)
    first = points.points_of(start.subject)[0]
    assert first.heads == 1
    run_ = start.subject.run
    patterns = first.part.condition("spliced").patterns(run_)
    assert {layer: members for layer, (members, _) in patterns.items()} == {0: (0,)}
    assert patterns[0][1].shape == (len(run_.tokens), 1, 3, 3)
    subset = points.subset(start.subject.written.heads, [(0, 1)])
    assert by_layer(subset) == {0: (1,)}
    assert [len(term.gain) for term in subset["gather"].terms] == [1, 1]


def test_many_heads_are_at_few_points(request_for, monkeypatch):
    monkeypatch.setattr(points, "STEPS", 1)
    host = planted_host()
    start = opened(request_for(THEORY, host, copying_circuit(host)), 0)
    with_heads = [p for p in points.points_of(start.subject) if p.name.startswith("heads")]
    assert [point.heads for point in with_heads] == [2]


def test_neurons_stand_after_heads_with_their_rivals(grown):
    host = sum_host()
    result = grown(SUM_THEORY, host, sum_circuit(host))
    assert [point.name for point in result.points][-2:] == ["mlp", "whole"]
    whole = result.points[-1]
    assert whole.lines["baseline.cosines"].bits == 2 * 16
    assert whole.lines[SPLICED].lost.value < whole.lines["ablated.zero"].lost.value


def test_a_theory_without_heads_is_refused(grown):
    host = sum_host()
    gather = SUM_THEORY[SUM_THEORY.index("  gather:") : SUM_THEORY.index("  number:")]
    with pytest.raises(WorkbenchError, match="no family of heads"):
        grown(SUM_THEORY.replace(gather, ""), host, sum_circuit(host))


def test_the_command_prints_the_table_and_writes_its_folder(tmp_path, request_for):
    host = planted_host()
    request = request_for(THEORY, host, copying_circuit(host))
    words = ["frontier", str(request.spec), "-o", str(tmp_path / "out")]
    refused = CliRunner().invoke(main, words)
    assert "1 theories and 0 circuits" in " ".join(refused.output.split())
    words += ["--circuit", str(request.circuit)]
    refused = CliRunner().invoke(main, [*words, "--engine", "here", "--images", str(tmp_path)])
    assert "--images" in refused.output
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert max(map(len, done.stdout.splitlines()[:-1])) <= 80
    document = json.loads((tmp_path / "out" / "frontier.json").read_text())
    assert [point["heads"] for point in document["points"]] == [1, 2, 2, 2]
    assert document["points"][1]["conditions"]["spliced"]["behind"] is None
    assert (tmp_path / "out" / "frontier.png").stat().st_size > 10_000
